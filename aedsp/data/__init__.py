"""The models, clips and gestures shipped with aedsp, and their paths; licences are in LICENSES.md beside this file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from aedsp.arrays import Float32
from aedsp.model.model import Model

FOLDER = Path(__file__).parent
#: Shipped models; the first is what `aedsp.play` plays.
MODELS = ("play16", "sound64", "relu_160", "relu_16")
#: Shipped clips; the first is at the rate of the first model.
CLIPS = ("waterworks", "fugue", "piano", "lofi")


def demo_model_path(name: str = MODELS[0]) -> Path:
    """Path of a shipped model.

    "play16" (16 units that only add, 44,100 Hz, 11.6 ms), "sound64" (64 signed units, the same front end), "relu_160"
    and "relu_16" (the paper's front end at 22,050 Hz).
    """
    return _path("demo model", name, MODELS, ".h5")


def model_path(name_or_path: str | os.PathLike[str]) -> Path:
    """The path of a model: the file of that name, else the shipped model of that name."""
    path = Path(name_or_path)
    return demo_model_path(path.name) if not path.exists() and str(name_or_path) in MODELS else path


def is_shipped(path: Path) -> bool:
    """Whether a model's file is one of the shipped ones."""
    return path.resolve().parent == FOLDER.resolve()


def demo_audio_path(name: str = CLIPS[0]) -> Path:
    """Path of a shipped clip of 15 s: "waterworks", "fugue" (44,100 Hz, stereo), "piano", "lofi" (22,050 Hz, mono)."""
    return _path("demo clip", name, CLIPS, ".ogg")


def demo_model(name: str = MODELS[0]) -> Model:
    """A shipped model, ready to play."""
    return Model.load(demo_model_path(name))


def demo_audio(name: str = CLIPS[0]) -> Float32:
    """A shipped clip: mono float32 (frames,) at its own rate; the first one's is that of `demo_model()`."""
    from aedsp.audio import file as audio_file

    return np.asarray(audio_file.read(demo_audio_path(name))[0].mean(axis=1), np.float32)


def demo_gestures_path() -> Path:
    """Path of the gestures that move faders in the rendered demo: a MIDI file for the nanoKONTROL2's factory scene."""
    return FOLDER / "demo.mid"


def beginnings() -> Float32:
    """The first 3 s of "piano" and "lofi", (2, frames) at 22,050 Hz, 16-bit; loads quickly, without a decoder."""
    return np.asarray(np.load(FOLDER / "beginnings.npy") / np.float32(32_768))


def _path(kind: str, name: str, names: tuple[str, ...], extension: str) -> Path:
    if name not in names:
        raise ValueError(f"{kind} is {name!r}; expected one of {names}")
    return FOLDER / f"{name}{extension}"
