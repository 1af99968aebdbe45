"""The same tests on every instruction set that this processor can run."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import aedsp

TESTS = Path(__file__).parents[1]


def run(isa, *arguments):
    environment = {**os.environ, "AEDSP_ISA": isa, "PYTHONPATH": str(TESTS)}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=600)


OTHERS = [isa for isa in aedsp.cpu().supported if isa != aedsp.cpu().isa]


@pytest.fixture(scope="module")
def runs():
    """Results of the kernel and engine tests on every other instruction set, run in parallel."""
    what = TESTS / "kernels", TESTS / "engine" / "test_engine.py"
    arguments = ("-m", "pytest", "-q", "-x", *what, "-p", "no:cacheprovider")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(OTHERS, pool.map(lambda isa: run(isa, *arguments), OTHERS), strict=True))


@pytest.mark.slow
@pytest.mark.skipif("AEDSP_ISA" in os.environ, reason="AEDSP_ISA forces one instruction set for this run")
@pytest.mark.parametrize("isa", OTHERS)
def test_kernels_and_engine_pass_on(isa, runs):
    assert runs[isa].returncode == 0, runs[isa].stdout[-3000:]


def test_the_choice_is_reported():
    cpu = aedsp.cpu()
    assert cpu.isa in cpu.supported
    assert cpu.lanes == {"plain": 1, "base": 4, "v3": 8, "v4": 16}[cpu.isa.partition("-")[0]]
    if "AEDSP_ISA" not in os.environ:
        assert cpu.isa == cpu.supported[-1]


@pytest.mark.parametrize("isa", aedsp.cpu().supported)
def test_a_forced_instruction_set_runs(isa):
    assert run(isa, "-c", "import aedsp; print(aedsp.cpu().isa)").stdout.strip() == isa


def test_an_unknown_instruction_set_is_an_import_error():
    result = run("avx9", "-c", "import aedsp")
    assert result.returncode == 1
    assert (
        "ImportError: AEDSP_ISA is 'avx9': there is no such instruction set; expected one of ('plain'" in result.stderr
    )
