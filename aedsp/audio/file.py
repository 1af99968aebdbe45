"""Reads and writes audio files through libsndfile, whole or in blocks; writes are atomic.

Audio is float32 in [-1, 1], (frames, channels). The only importer of soundfile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from aedsp.arrays import Float32
from aedsp.atomic import atomic_write
from aedsp.audio.unfinished import unfinished_wav
from aedsp.errors import AudioFileError

BLOCK_FRAMES = 16_384

#: Output formats by extension: encoding, highest rate in Hz, most channels. Float where supported, so that files hold
#: the engine's exact samples. The limits are the format's own (Vorbis: those of libsndfile).
FORMATS = {
    ".wav": ("FLOAT", 10_000_000, 1024),
    ".flac": ("PCM_24", 655_350, 8),
    ".ogg": ("VORBIS", 192_000, 255),
    ".aiff": ("FLOAT", 10_000_000, 1024),
}


@contextmanager
def open_audio(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a `soundfile.SoundFile` for reading; errors name the file and the reason.

    Raises
    ------
    OSError
        The file does not exist.
    AudioFileError
        The file is not audio that libsndfile can read, or it is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            2,
            "no such audio file" if not Path(path).is_dir() else "is a directory; expected an audio file",
            str(path),
        )
    with ExitStack() as opened:
        try:
            file = soundfile.SoundFile(_for_libsndfile(path))
            if file.frames == 0 and (repaired := unfinished_wav(path)) is not None:
                file.close()
                file = soundfile.SoundFile(opened.enter_context(repaired))
        except (soundfile.LibsndfileError, TypeError) as error:
            raise AudioFileError(
                f"{path}: not readable as audio ({_reason(error)}); expected wav, flac, ogg, mp3 or aiff"
            ) from None
        yield opened.enter_context(file)


def _for_libsndfile(path: str | os.PathLike[str]) -> str | bytes:
    """A path that may hold any bytes that the file system allows, also those that are no text."""
    return os.fspath(path) if sys.platform == "win32" else os.fsencode(path)


def blocks_of(file: Any, block_frames: int = BLOCK_FRAMES) -> Iterator[Float32]:
    """The rest of an open file in blocks (frames, channels); the last one may be shorter."""
    while True:
        try:
            block = file.read(block_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(
                f"{os.fsdecode(file.name)}: damaged after {file.tell()} frames ({error}); re-encode the file"
            ) from None
        if not len(block):
            return
        yield block


def read(path: str | os.PathLike[str]) -> tuple[Float32, float]:
    """Read a whole file: audio (frames, channels) and sample rate in Hz. Raises the errors of `open_audio`."""
    with open_audio(path) as file:
        blocks = list(blocks_of(file)) or [np.empty((0, file.channels), np.float32)]
        return np.concatenate(blocks), float(file.samplerate)


@contextmanager
def written(path: str | os.PathLike[str], sample_rate: float, channels: int) -> Iterator[Any]:
    """Open a `soundfile.SoundFile` for an atomic write: `path` appears only if the block ends without an error.

    Raises
    ------
    ValueError
        The extension is not in `FORMATS`, or the format does not support the sample rate or number of channels.
    OSError, AudioFileError
        The directory is missing or not writable, or the disk is full.
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
            with soundfile.SoundFile(_for_libsndfile(unfinished), "w", int(sample_rate), channels, subtype) as file:
                yield file
        except soundfile.LibsndfileError as error:
            raise AudioFileError(f"{path}: cannot be written ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """libsndfile's reason without its preamble; for damaged headers it wrongly reports a missing file."""
    reason = str(error).split(": ", 1)[-1].rstrip(".")
    return "its header is damaged" if "does not exist" in reason else reason
