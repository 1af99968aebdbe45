"""Fixtures of the trainer tests: small audio files, a small front end, a small corpus."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aedsp.model.front_end import FrontEnd
from aedsp.train.data import tracks as audio
from aedsp.train.data.build import build_corpus
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.sampling import Draw

SMALL = FrontEnd(sample_rate=8000, fft_length=256, window_length=256, hop_length=128)


KINDS = ["numpy", *(["numba"] if importlib.util.find_spec("numba") else [])]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Implementation of the elementwise kernels."""
    return str(request.param)


@pytest.fixture
def small() -> FrontEnd:
    """129 bins, 8 kHz."""
    return SMALL


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with three files of decaying tones over noise, 8 kHz: 3 x 8 s."""
    rng = np.random.default_rng(7)
    folder = tmp_path / "music"
    folder.mkdir()
    time = np.arange(8 * 8000) / 8000
    for i in range(3):
        notes = rng.choice([220, 330, 440, 660, 880, 1320], size=32)
        within = time % 0.25
        tone = np.sin(2 * np.pi * notes[(time // 0.25).astype(int)] * time) * np.exp(-6 * within)
        soundfile.write(folder / f"{i}.wav", 0.5 * tone + 0.01 * rng.standard_normal(time.size), 8000, "PCM_16")
    return folder


@pytest.fixture
def small_corpus(music: Path, tmp_path: Path) -> Callable[..., Corpus]:
    """Build and open a corpus of `music`."""

    def make(**options: object) -> Corpus:
        tracks, _ = audio.survey(audio.find_audio(music), music)
        draw = Draw(
            **{"front_end": SMALL, "n_training": 1000, "n_validation": 200, "n_test": 200, "split": "frame", **options}
        )
        build_corpus(tmp_path / "corpus.h5", tracks, draw)
        return Corpus(tmp_path / "corpus.h5")

    return make
