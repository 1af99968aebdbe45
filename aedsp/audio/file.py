"""Audio files in and out through libsndfile: whole, in blocks, and never half-written.

Audio is float32 in [-1, 1], (frames, channels). The only importer of soundfile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from aedsp.arrays import Float32
from aedsp.atomic import atomic_write
from aedsp.errors import AudioFileError

BLOCK_FRAMES = 16_384

#: For each extension that is written: encoding, highest rate in Hz, most channels. Float where the format has it, so
#: that files hold the engine's very samples; the limits are those of the format (Vorbis: where libsndfile still works).
FORMATS = {
    ".wav": ("FLOAT", 10_000_000, 1024),
    ".flac": ("PCM_24", 655_350, 8),
    ".ogg": ("VORBIS", 192_000, 255),
    ".aiff": ("FLOAT", 10_000_000, 1024),
}


@contextmanager
def open_audio(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A `soundfile.SoundFile` for reading, with errors that say which file and why.

    Raises
    ------
    OSError
        There is no such file.
    AudioFileError
        It is not audio that libsndfile reads, or it is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            2,
            "no such audio file" if not Path(path).is_dir() else "this is a folder; expected an audio file",
            str(path),
        )
    try:
        file = soundfile.SoundFile(os.fspath(path))
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = str(error).split(": ", 1)[-1].rstrip(".")
        raise AudioFileError(
            f"{path}: not readable as audio ({reason}); expected wav, flac, ogg, mp3 or aiff"
        ) from None
    with file:
        yield file


def header(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Sample rate in Hz and length in frames, as the file's header has them. Raises as `open_audio`."""
    with open_audio(path) as file:
        return int(file.samplerate), int(file.frames)


def blocks_of(file: Any, block_frames: int = BLOCK_FRAMES) -> Iterator[Float32]:
    """The rest of an open file as blocks (frames, channels), the last one shorter."""
    while True:
        try:
            block = file.read(block_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(
                f"{file.name}: damaged after {file.tell()} frames ({error}); re-encode the file"
            ) from None
        if not len(block):
            return
        yield block


def read(path: str | os.PathLike[str]) -> tuple[Float32, float]:
    """A whole file: audio (frames, channels) and its sample rate in Hz. Raises as `open_audio`."""
    with open_audio(path) as file:
        blocks = list(blocks_of(file)) or [np.empty((0, file.channels), np.float32)]
        return np.concatenate(blocks), float(file.samplerate)


@contextmanager
def written(path: str | os.PathLike[str], sample_rate: float, channels: int) -> Iterator[Any]:
    """A `soundfile.SoundFile` to write to; it appears under `path` once the block ends well, and not at all otherwise.

    Raises
    ------
    ValueError
        The extension is none of `FORMATS`, or the format cannot hold that rate or so many channels.
    OSError, AudioFileError
        The folder does not exist or cannot be written, or the disk is full.
    """
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        raise ValueError(f"{path}: extension is {extension!r}; expected one of {', '.join(FORMATS)}")
    subtype, most_rate, most_channels = FORMATS[extension]
    if sample_rate != int(sample_rate) or sample_rate > most_rate:
        raise ValueError(
            f"{path}: {extension[1:]} takes whole rates up to {most_rate} Hz, not {sample_rate:g}; try .wav"
        )
    if channels > most_channels:
        raise ValueError(f"{path}: {extension[1:]} takes up to {most_channels} channels, not {channels}; try .wav")
    with atomic_write(path) as unfinished:
        try:
            with soundfile.SoundFile(unfinished, "w", int(sample_rate), channels, subtype) as file:
                yield file
        except soundfile.LibsndfileError as error:
            raise AudioFileError(f"{path}: cannot be written ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """libsndfile's reason without its preamble; its text for damaged headers speaks of missing files."""
    reason = str(error).split(": ", 1)[-1].rstrip(".")
    return "its header is damaged" if "does not exist" in reason else reason
