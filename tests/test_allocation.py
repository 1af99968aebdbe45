"""No allocation, no free, no lock in the hop: counted over 10,000 hops of every configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD and glibc's names are Linux")
def test_ten_thousand_hops_of_every_configuration_allocate_nothing(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler built aedsp; it is needed here too"
    shim = tmp_path / "alloc_count.so"
    subprocess.run([compiler, "-O2", "-fPIC", "-shared", "-o", shim, HERE / "alloc_count.c", "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONMALLOC": "malloc", "PYTHONPATH": str(HERE)}
    run = subprocess.run(
        [sys.executable, HERE / "allocation_run.py", shim], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["control"] == 20, "the positive control was not counted: the counter does not count"
    assert len(result["counts"]) == 4 * 2 * 2 * 2 * 2 * 2 * 2 + 3 * 2 * 3 + 2 * 2 * 2 * 2
    assert {key: n for key, n in result["counts"].items() if n} == {}
