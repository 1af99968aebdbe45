"""`pytest --benchmark`, in this very spelling, runs the benchmarks and nothing else; plain `pytest` runs none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not here"),
    pytest.mark.skipif(
        importlib.util.find_spec("pytest_benchmark") is None, reason="pytest-benchmark is not installed"
    ),
]


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_option_takes_the_benchmarks_in_place_of_the_tests():
    found = [line for line in run("--benchmark", "--collect-only").splitlines() if "::" in line]
    assert found and all(line.startswith("benchmarks/bench_") for line in found)
    assert sum("bench_headroom[" in line for line in found) == 5 * 6 * 2, "sizes, hops, idle and busy"


def test_plain_pytest_runs_none():
    assert "benchmarks/" not in run("--collect-only", "tests/kernels")


def test_a_run_ends_in_the_table_of_headroom(tmp_path, monkeypatch):
    monkeypatch.setenv("AEDSP_RESULTS", str(tmp_path))
    out = run("--benchmark", "benchmarks/bench_headroom.py", "-k", "16-32 and idle")
    rows = out[out.index("headroom: FFT 2048 at 48 kHz") :].splitlines()
    assert rows[1].split() == [
        *("units", "hop", "beside", "it", "deadline", "median", "p99", "p99.9", "worst", "headroom", "voices")
    ]
    assert rows[2].split()[:4] == ["16", "32", "idle", "666.7"] and rows[3].startswith("headroom: deadline / p99.9")
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
