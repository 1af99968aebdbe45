"""Audio files in and out through libsndfile: whole, in blocks, and never half-written.

Audio is float32 in [-1, 1], (frames, channels). The only importer of soundfile outside `train`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from aedsp.errors import AudioFileError

Float32 = npt.NDArray[np.float32]
BLOCK_FRAMES = 16_384

#: What is written for each extension: float where the format has it, so that files hold the engine's very samples.
SUBTYPES = {".wav": "FLOAT", ".flac": "PCM_24", ".ogg": "VORBIS", ".aiff": "FLOAT"}


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
        The extension is none of `SUBTYPES`, or the rate is not a whole number of Hz.
    OSError, AudioFileError
        The folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    extension = path.suffix.lower()
    if extension not in SUBTYPES:
        raise ValueError(f"{path}: extension is {path.suffix!r}; expected one of {', '.join(SUBTYPES)}")
    if sample_rate != int(sample_rate):
        raise ValueError(f"{path}: sample rate is {sample_rate} Hz; audio files take whole numbers")
    if path.is_dir():
        raise IsADirectoryError(21, "this is a folder; expected the name of a file to write", str(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=extension, dir=path.parent)
    os.close(handle)
    try:
        os.chmod(temporary, 0o666 & ~_umask())
        with soundfile.SoundFile(temporary, "w", int(sample_rate), channels, SUBTYPES[extension]) as file:
            yield file
        os.replace(temporary, path)
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: cannot be written ({error})") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
