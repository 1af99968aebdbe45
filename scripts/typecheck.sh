#!/bin/sh
# mypy --strict over the package as it is installed: train/ stands inside aedsp/ there. stubtest holds the .pyi to the .pyx.
bin=$1
rm -rf build/typecheck && mkdir -p build/typecheck/aedsp
for entry in aedsp/*; do ln -s "../../../$entry" "build/typecheck/$entry"; done
ln -s ../../../train build/typecheck/aedsp/train
MYPYPATH=build/typecheck "$bin/python" -m mypy --strict -p aedsp &&
    MYPYPATH=build/typecheck "$bin/python" -m mypy.stubtest --ignore-positional-only --ignore-missing-stub --ignore-disjoint-bases --mypy-config-file pyproject.toml \
        --allowlist scripts/stubtest_allowlist.txt $(cd aedsp && ls _kernels/*.pyi _rt/*.pyi | sed 's|/|.|; s|\.pyi$||; s|^|aedsp.|')
