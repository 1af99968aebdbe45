"""Reads audio files in blocks from any position, resampled and mixed to the requested rate and channels.

Used by the streamer, the rendering of gestures, offline rendering and the trainer. Holds one block in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from aedsp.arrays import Float32
from aedsp.audio import file as audio_file
from aedsp.audio.examine import examine
from aedsp.audio.sounds import Sound
from aedsp.errors import AudioFileError
from aedsp.model.front_end import LOUDEST

#: Frames of the file per block.
READ_FRAMES = 4096


def to_channels(block: Float32, channels: int) -> Float32:
    """(frames, n) to (frames, channels): mixes down to mono, else keeps the first channels and repeats the last."""
    n = block.shape[1]
    if n == channels:
        return block
    if channels == 1:
        return np.ascontiguousarray(block.mean(axis=1, keepdims=True, dtype=np.float32))
    return np.ascontiguousarray(block[:, np.minimum(np.arange(channels), n - 1)])


class Reader:
    """An open audio file; the same position always gives the same blocks. A context manager.

    Parameters
    ----------
    path : str, path or Sound
        A file, or a sound that is none (`aedsp.audio.sounds`).
    sample_rate : float, optional
        Rate of the blocks in Hz. Default: the file's rate.
    channels : int, optional
        Channels of the blocks. Default: the file's channels.
    loop : bool
        Restart at the end, without limit.
    clean : bool
        Set samples that are not finite or beyond ±16 to 0 before mixing channels.
    block_frames : int
        Frames of the file per read.

    `remark` says what of the file is not read: a header may promise more than there is (`aedsp.audio.examine`).

    Raises
    ------
    OSError, AudioFileError
        As in `aedsp.audio.file.open_audio`, and for a file without audio.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Sound,
        sample_rate: float | None = None,
        channels: int | None = None,
        *,
        loop: bool = False,
        clean: bool = False,
        block_frames: int = READ_FRAMES,
    ) -> None:
        self._opened, self.remark = ExitStack(), ""
        self._frames: int | None = None
        if isinstance(path, (str, os.PathLike)):
            found = examine(path)
            if found.n_frames == 0:
                raise AudioFileError(f"{path}: holds no audio, 0 frames")
            self.name, self._frames, self.remark = Path(path).name, found.n_frames, found.remark
            self.file: Any = self._opened.enter_context(audio_file.open_audio(path))
        else:
            self.name, self.file = path.name, path
            self._opened.callback(path.close)
        self.sample_rate = self.file_rate if sample_rate is None else sample_rate
        self.channels = int(self.file.channels) if channels is None else channels
        self.loop, self._clean, self._block_frames = loop, clean, block_frames
        #: Whether reading ended before the length that the file was found to have.
        self.damaged = False

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._opened.close()

    @property
    def frames(self) -> int:
        """Length of the file in its own frames: those that can be read; `ENDLESS` while the end is not known."""
        return int(self.file.frames) if self._frames is None else self._frames

    @property
    def warning(self) -> str | None:
        """`remark` with the name of the file; None if all of it is read."""
        return f"{self.name} {self.remark}" if self.remark else None

    @property
    def file_rate(self) -> float:
        """Sample rate of the file in Hz."""
        return float(self.file.samplerate)

    def blocks(self, start: int = 0) -> Iterator[Float32]:
        """Float32 (frames, channels) at `sample_rate`, from frame `start` of the file to its end, or looping."""
        resampler = None
        if self.file_rate != self.sample_rate:
            resampler = soxr.ResampleStream(self.file_rate, self.sample_rate, self.channels, dtype="float32")
        at = max(0, min(start, self.frames))
        block = self._read(at, seek=True)
        while len(block):
            at += len(block)
            block = to_channels(block, self.channels)
            if resampler is not None:
                block = resampler.resample_chunk(block)
            if len(block):
                yield block
            block = self._read(at)
            if not len(block) and self.loop:
                at = 0
                block = self._read(0, seek=True)
        if at < self.frames:
            self._broke_off(at, "did another program change it?")
        if resampler is not None:
            rest = resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True)
            if len(rest):
                yield rest

    def _read(self, at: int, *, seek: bool = False) -> Float32:
        """The block that begins at frame `at`; empty at the end or where the file is damaged."""
        try:
            if seek:
                self.file.seek(at)
            n = min(self._block_frames, self.frames - at)
            block = np.empty((n, self.file.channels), np.float32)
            block = block[: self.file.buffer_read_into(block, "float32")]
        except (RuntimeError, OSError) as error:
            if self._frames is None:
                raise  # a program's own error
            self._broke_off(at, f"{error}; re-encode the file")
            return np.zeros((0, self.file.channels), np.float32)
        if self._clean and len(block) and not (block.max() <= LOUDEST and block.min() >= -LOUDEST):
            block[~(np.abs(block) <= LOUDEST)] = 0
        return block

    def _broke_off(self, at: int, reason: str) -> None:
        if not self.damaged:
            self.damaged = True
            self.remark = f"broke off after {at} of {self.frames} frames ({reason})"
