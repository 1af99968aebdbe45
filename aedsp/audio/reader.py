"""The one reader of audio files: blocks from any position on, at the rate and with the channels that are asked for.

The streamer, gestures that are rendered again, offline rendering and the trainer read through it. Memory is one block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import soxr

from aedsp.arrays import Float32
from aedsp.audio import file as audio_file
from aedsp.errors import AudioFileError
from aedsp.model.front_end import LOUDEST

#: Frames of the file in one block.
READ_FRAMES = 4096


def to_channels(block: Float32, channels: int) -> Float32:
    """(frames, n) to (frames, channels): to one as the mean of all, from one to all alike, else the first ones."""
    n = block.shape[1]
    if n == channels:
        return block
    if channels == 1:
        return np.ascontiguousarray(block.mean(axis=1, keepdims=True, dtype=np.float32))
    return np.ascontiguousarray(block[:, np.minimum(np.arange(channels), n - 1)])


class Reader:
    """An audio file, open: always the same blocks for the same position. A context manager.

    Parameters
    ----------
    path : str or path
    sample_rate : float, optional
        Of the blocks, Hz; None: the file's own.
    channels : int, optional
        Of the blocks; None: the file's own.
    loop : bool
        Begin again at the end, for ever.
    strict : bool
        A file that turns out to be damaged raises; else it ends there, and `warning` says so.
    clean : bool
        Samples that are not finite or beyond ±16 count as 0 before channels are mixed.
    block_frames : int
        Frames of the file that are read at once.

    Raises
    ------
    OSError, AudioFileError
        As `aedsp.audio.file.open_audio`; a file without audio too.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: float | None = None,
        channels: int | None = None,
        *,
        loop: bool = False,
        strict: bool = False,
        clean: bool = False,
        block_frames: int = READ_FRAMES,
    ) -> None:
        self._opened = audio_file.open_audio(path)
        self.file = self._opened.__enter__()
        self.sample_rate = self.file_rate if sample_rate is None else sample_rate
        self.channels = int(self.file.channels) if channels is None else channels
        self.loop, self._strict, self._clean, self._block_frames = loop, strict, clean, block_frames
        self.warning: str | None = None
        if self.file.frames == 0:
            self.close()
            raise AudioFileError(f"{path}: holds no audio, 0 frames")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    @property
    def frames(self) -> int:
        """Length in frames of the file."""
        return int(self.file.frames)

    @property
    def file_rate(self) -> float:
        """Of the file, Hz."""
        return float(self.file.samplerate)

    def blocks(self, start: int = 0) -> Iterator[Float32]:
        """Float32 (frames, channels) at `sample_rate`, from frame `start` of the file to its end, or for ever.

        Raises
        ------
        AudioFileError
            Where `strict`: the file is damaged; what was read before has been yielded.
        """
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
            if not len(block) and self.loop and at >= self.frames:
                at = 0
                block = self._read(0, seek=True)
        if at < self.frames and self.warning is None:
            self.warning = f"{self.file.name} broke off after {at} of {self.frames} frames; it may be damaged"
        if resampler is not None:
            rest = resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True)
            if len(rest):
                yield rest

    def _read(self, at: int, *, seek: bool = False) -> Float32:
        """The block that begins at frame `at`; empty at the end, and where the file is damaged."""
        try:
            if seek:
                self.file.seek(at)
            block = np.empty((self._block_frames, self.file.channels), np.float32)
            block = block[: self.file.buffer_read_into(block, "float32")]
        except (RuntimeError, OSError) as error:
            self.warning = f"{self.file.name}: damaged after {at} of {self.frames} frames ({error}); re-encode the file"
            if self._strict:
                raise AudioFileError(self.warning) from None
            return np.zeros((0, self.file.channels), np.float32)
        if self._clean and len(block) and not (block.max() <= LOUDEST and block.min() >= -LOUDEST):
            block[~(np.abs(block) <= LOUDEST)] = 0
        return block
