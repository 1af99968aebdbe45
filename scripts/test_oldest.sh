#!/bin/sh
# The suite with the oldest declared version of every dependency, in build/oldest: `make test-oldest`.
# uv resolves them from pyproject.toml (lowest-direct); the kernels are built with the oldest declared Cython.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=build/oldest
bin=$folder/venv/bin
rm -rf "$folder"
mkdir -p "$folder/source"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$folder/source"
"$python" -m venv "$folder/venv"
"$bin/python" -m pip install --quiet --disable-pip-version-check uv
oldest="$bin/uv pip install --quiet --python $bin/python --resolution lowest-direct"
# What builds it, at the oldest version that [build-system] names; then the package and what it imports.
"$bin/python" - "$folder/source/pyproject.toml" >"$folder/build-requires.txt" <<'PY'
import re, sys
line = re.search(r"^requires = \[(.*)\]$", open(sys.argv[1], encoding="utf-8").read(), re.M)[1]
print(*re.findall(r'"([^"]+)"', line), sep="\n")
PY
sed -i 's/>=/==/' "$folder/build-requires.txt"
$oldest --build-constraints "$folder/build-requires.txt" --editable "$folder/source[all,test]"
"$bin/uv" pip list --quiet --python "$bin/python"
cd "$folder/source"
exec ../venv/bin/python -m pytest -m "not slow" -p no:cacheprovider "$@"
