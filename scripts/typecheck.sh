#!/bin/sh
# Run mypy --strict on the package, and check the .pyi stubs against the .pyx modules with stubtest.
# aedsp/train is a symlink to train/, so that tools find it where it is installed.
bin=$1
"$bin/python" -m mypy --strict -p aedsp &&
    "$bin/python" -m mypy.stubtest --ignore-positional-only --ignore-missing-stub --ignore-disjoint-bases --mypy-config-file pyproject.toml \
        --allowlist scripts/stubtest_allowlist.txt $(cd aedsp && ls _kernels/*.pyi _rt/*.pyi | sed 's|/|.|; s|\.pyi$||; s|^|aedsp.|')
