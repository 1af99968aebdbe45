"""What every test shares: one seeded generator, and where the music is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

SEED = 20140914


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed, new for every test."""
    return np.random.default_rng(SEED)


@pytest.fixture
def corpus() -> Path:
    """The folder of real music with `train/` and `test/`; the test is skipped, with a word, where there is none."""
    folder = os.environ.get("AEDSP_CORPUS")
    if not folder or not Path(folder, "test").is_dir():
        pytest.skip("AEDSP_CORPUS names no folder with train/ and test/")
    return Path(folder)
