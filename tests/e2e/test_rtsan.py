"""RealtimeSanitizer: the callback never blocks or allocates (`make rtsan`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import aedsp
from models import autoencoder

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """Build a Python with the sanitizer; returns a function that runs rtsan_run.py."""
    clang = next((c for c in ("clang-22", "clang-21", "clang-20", "clang") if shutil.which(c)), None)
    library = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or "none")
    if clang is None or library.suffix == ".a" or not library.exists():
        pytest.skip("no clang 20 or newer, or no shared libpython; make rtsan installs clang on Debian")
    host = tmp_path_factory.mktemp("rtsan") / "host"
    command = [clang, "-fsanitize=realtime", "-rdynamic", "-O1", "-g", HERE / "rtsan_host.c", library, "-o", host]
    built = subprocess.run([*command, f"-Wl,-rpath,{library.parent}"], capture_output=True, text=True)
    if built.returncode != 0:
        pytest.skip(f"{clang} has no RealtimeSanitizer: {built.stderr[-200:]}")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        **{k: v for k, v in os.environ.items() if k != "LD_PRELOAD"},
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), *packages]),
        "RTSAN_OPTIONS": "halt_on_error=true",
        "OPENBLAS_NUM_THREADS": "1",
    }

    def run(*arguments):
        return subprocess.run(
            [host, HERE / "rtsan_run.py", *arguments], env=environment, capture_output=True, text=True, timeout=300
        )

    return run


def test_the_callback_is_clean(sanitized, rng, tmp_path):
    autoencoder(rng, n_code=12, steps=(aedsp.Power(0.5),)).save(tmp_path / "m.h5")
    result = sanitized("compiled", tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == f"calls {3 * 2 * 2 * 2 * 400}"


def test_a_python_callback_is_caught(sanitized):
    result = sanitized("python")
    assert result.returncode != 0 and "RealtimeSanitizer" in result.stderr, result.stdout + result.stderr
