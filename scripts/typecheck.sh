#!/bin/sh
# mypy --strict over the package; aedsp/train is a link to train/, so that tools see it where it is installed.
# stubtest holds the .pyi to the .pyx.
bin=$1
"$bin/python" -m mypy --strict -p aedsp &&
    "$bin/python" -m mypy.stubtest --ignore-positional-only --ignore-missing-stub --ignore-disjoint-bases --mypy-config-file pyproject.toml \
        --allowlist scripts/stubtest_allowlist.txt $(cd aedsp && ls _kernels/*.pyi _rt/*.pyi | sed 's|/|.|; s|\.pyi$||; s|^|aedsp.|')
