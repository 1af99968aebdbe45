"""AEDSP_CHECKED=1 builds the same source with every bounds check of Cython on; kernels and engine pass there too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_kernels_and_engine_pass_with_bounds_checks(tmp_path):
    pytest.importorskip("Cython")
    environment = {**os.environ, "AEDSP_CHECKED": "1"}
    command = [
        sys.executable,
        "setup.py",
        "-q",
        "build_ext",
        "--build-lib",
        tmp_path,
        "--build-temp",
        tmp_path / "build",
    ]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr[-2000:]
    for path in (ROOT / "aedsp").rglob("*"):
        if path.suffix in (".py", ".h5", ".ogg"):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT / 'tests'}"
    where = [sys.executable, "-c", "import aedsp; print(aedsp.__file__)"]
    used = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert str(tmp_path) in used.stdout
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, ROOT / "tests/kernels", ROOT / "tests/engine/test_engine.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
