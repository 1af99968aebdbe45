"""Whatever the compiler and its licence to fuse products and sums, the kernels compute the same bits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SIMD = ROOT / "aedsp/_kernels/simd"
FLAGS = ["-shared", "-fPIC", "-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-g0"]
#: Prints the digests of tests/same_sound.py, and of vectors one by one and in company, for one instruction set.
DIGESTS = """
import hashlib, json, numpy as np, same_sound
from aedsp._kernels.dense import Stack
found, rng = same_sound.digests(), np.random.default_rng(1)
for precision in ("float32", "float16", "int8"):
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for activation in ("sigmoid", "tanh", "relu"):
        stack = Stack([(f32(41, 129), f32(41), None, f32(129), activation, activation, 1)], precision)
        codes = stack.encode(f32(7, 129))
        both = codes.tobytes() + stack.decode(codes).tobytes()
        found[f"dense {precision} {activation}"] = hashlib.sha256(both).hexdigest()
print(json.dumps(found, sort_keys=True))
"""


def compilers() -> dict[str, list[str]]:
    """Name and command of each build to compare; the first one is the one that `setup.py` asks for."""
    builds = {f"cc, contract {mode}": ["cc", f"-ffp-contract={mode}"] for mode in ("off", "fast")}
    for name in ("gcc-13", "gcc-14", "gcc-15", "gcc-16", "clang", "clang-22"):
        if shutil.which(name):
            builds[f"{name}, contract fast"] = [name, "-ffp-contract=fast"]
    return builds


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_all_compilers_give_the_same_bits(tmp_path):
    pytest.importorskip("Cython")
    package = tmp_path / "aedsp"
    shutil.copytree(ROOT / "aedsp", package, symlinks=False, ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    binary = package / "_kernels" / ("_cpu" + sysconfig.get_config_var("EXT_SUFFIX"))
    source = tmp_path / "_cpu.c"
    subprocess.run([sys.executable, "-m", "cython", "-3", ROOT / "aedsp/_kernels/_cpu.pyx", "-o", source], check=True)
    includes = [f"-I{SIMD.parent}", f"-I{sysconfig.get_path('include')}"]
    expected: dict[str, str] = {}
    for name, command in compilers().items():
        binary.unlink()
        subprocess.run(
            [*command, *FLAGS, *includes, source, *sorted(SIMD.glob("*.c")), "-lm", "-o", binary], check=True
        )
        for isa in ("plain", "base", "v3", "v4-narrow", "v4-wide"):
            environment = {**os.environ, "AEDSP_ISA": isa, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'tests'}"}
            ran = subprocess.run(
                [sys.executable, "-c", DIGESTS], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            if "AEDSP_ISA" in ran.stderr:
                continue  # this processor cannot run it
            assert ran.returncode == 0, ran.stderr[-2000:]
            assert ran.stdout == expected.setdefault(isa, ran.stdout), f"{name} differs from setup.py's build on {isa}"
    assert expected
