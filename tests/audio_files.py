"""Audio files as they are found in the wild: headers that lie, files cut short or joined, crashed recorders."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 22_050


def noise(seconds: float, rate: int = RATE, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * rate))).astype(np.float32)


def write(path: Path, seconds: float = 4.0, rate: int = RATE, **options: str) -> Path:
    soundfile.write(path, noise(seconds, rate), rate, **options)
    return path


def vbr_mp3(path: Path, seconds: float) -> Path:
    """Silence, then noise, at a variable bit rate, without a Xing header: the first frames promise far too much."""
    x = np.concatenate([np.zeros(RATE, np.float32), noise(seconds - 1)])
    with soundfile.SoundFile(
        path, "w", RATE, 1, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.0
    ) as file:
        file.write(x)
    data = path.read_bytes()
    start = 0
    if data[:3] == b"ID3":
        start = 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
    second = data.index(data[start : start + 2], start + 4)  # frames begin alike; the first one is the Xing header
    assert b"Xing" in data[start:second]
    path.write_bytes(data[second:])
    return path


def cut_in_half(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def patched(path: Path, at: int, value: int) -> Path:
    """A 32-bit number in the header changed."""
    data = bytearray(path.read_bytes())
    data[at : at + 4] = struct.pack("<I", value)
    path.write_bytes(data)
    return path


def data_size_at(path: Path) -> int:
    return path.read_bytes().index(b"data") + 4
