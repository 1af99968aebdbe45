"""What the benchmarks share. Run them by `make bench`; plain `pytest` runs none of them."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp


def pytest_report_header() -> str:
    cpu = aedsp.cpu()
    return f"aedsp {aedsp.__version__}: instruction set {cpu.isa} of {', '.join(cpu.supported)}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def noise(rng):
    """noise(n, ...): float32 in [-1, 1)."""
    return lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)
