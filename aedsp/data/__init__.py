"""The demo models and clips shipped with aedsp, and their paths; licences are in LICENSES.md beside this file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from aedsp.arrays import Float32
from aedsp.model.model import Model

FOLDER = Path(__file__).parent
MODELS = ("relu_160", "relu_16")
CLIPS = ("piano", "lofi")


def demo_model_path(name: str = MODELS[0]) -> Path:
    """Path of a shipped model: "relu_160" (160 rectified units) or "relu_16" (16, tied)."""
    return _path("demo model", name, MODELS, ".h5")


def model_path(name_or_path: str | os.PathLike[str]) -> Path:
    """The path of a model: the file of that name, else the shipped model of that name."""
    path = Path(name_or_path)
    return demo_model_path(path.name) if not path.exists() and str(name_or_path) in MODELS else path


def demo_audio_path(name: str = CLIPS[0]) -> Path:
    """Path of a shipped clip: "piano" or "lofi", 15 s each."""
    return _path("demo clip", name, CLIPS, ".ogg")


def demo_model(name: str = MODELS[0]) -> Model:
    """A shipped model, ready to play."""
    return Model.load(demo_model_path(name))


def demo_audio(name: str = CLIPS[0]) -> Float32:
    """A shipped clip: mono float32 (frames,) at the demo models' rate, 22,050 Hz."""
    from aedsp.audio import file as audio_file

    return audio_file.read(demo_audio_path(name))[0][:, 0]


def beginnings() -> Float32:
    """The first 3 s of each clip, (clips, frames) at 22,050 Hz, 16-bit; loads quickly, without a decoder."""
    return np.asarray(np.load(FOLDER / "beginnings.npy") / np.float32(32_768))


def _path(kind: str, name: str, names: tuple[str, ...], extension: str) -> Path:
    if name not in names:
        raise ValueError(f"{kind} is {name!r}; expected one of {names}")
    return FOLDER / f"{name}{extension}"
