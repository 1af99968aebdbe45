"""What users install: source distribution -> wheel -> clean virtual environment -> a resynthesis from there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SCRIPT = """
import sys, numpy as np, aedsp
assert "site-packages" in aedsp.__file__, aedsp.__file__
for name in ("play16", "sound64", "relu_160", "relu_16"):
    x = aedsp.demo_audio("piano" if name.startswith("relu") else "waterworks")
    y = aedsp.resynthesize(aedsp.demo_model(name), x, gain={3: 0.5})
    assert y.shape == x.shape and np.isfinite(y).all() and np.abs(y).max() > 0.01
print(aedsp.__version__, aedsp.cpu().isa)
"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(target), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_holds_what_it_must_and_nothing_of_the_build(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "aedsp/py.typed", "aedsp/_kernels/fft.pyi", "aedsp/_rt/engine.pxd", "aedsp/data/piano.ogg",
        "aedsp/data/relu_16.h5", "aedsp/control/mappings/nanokontrol2.toml",
        "aedsp/data/LICENSES.md", "aedsp/train/__main__.py", "aedsp/train/recipes/paper.toml",
    ):  # fmt: skip
        assert name in names, name
    assert not [n for n in names if n.startswith(("train/", "tests/", "benchmarks/")) or n.endswith((".pyx", ".c"))]
    (source,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = archive.getnames()
    assert any(name.endswith("aedsp/_kernels/simd/fft.h") for name in inside)


def test_a_clean_environment_resynthesizes(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AEDSP_ISA")}

    def run(*arguments):
        return subprocess.run(
            [python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )

    installed = run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    assert installed.returncode == 0, installed.stderr
    result = run("-c", SCRIPT)
    assert result.returncode == 0, result.stderr
    result = run("-m", "aedsp.render", "-o", "out.wav", "--mute", "3")
    assert result.returncode == 0 and (tmp_path / "out.wav").stat().st_size > 1e6, result.stderr
    result = run("-m", "aedsp.play")
    assert result.returncode == 0 and "no picture: drawing needs matplotlib" in result.stdout, result.stderr
    result = run("-m", "aedsp.train", "--dry-run")
    assert result.returncode == 0, result.stderr
