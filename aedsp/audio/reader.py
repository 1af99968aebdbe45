"""Reads audio files in blocks from any position, resampled and mixed to the requested rate and channels.

Used by the streamer, the rendering of gestures, offline rendering and the trainer. Holds one block in memory.
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
    path : str or path
    sample_rate : float, optional
        Rate of the blocks in Hz. Default: the file's rate.
    channels : int, optional
        Channels of the blocks. Default: the file's channels.
    loop : bool
        Restart at the end, without limit.
    strict : bool
        Raise if the file is damaged; otherwise reading ends there and `warning` gives the reason.
    clean : bool
        Set samples that are not finite or beyond ±16 to 0 before mixing channels.
    block_frames : int
        Frames of the file per read.

    Raises
    ------
    OSError, AudioFileError
        As in `aedsp.audio.file.open_audio`, and for a file without audio.
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
        """Length of the file in its own frames."""
        return int(self.file.frames)

    @property
    def file_rate(self) -> float:
        """Sample rate of the file in Hz."""
        return float(self.file.samplerate)

    def blocks(self, start: int = 0) -> Iterator[Float32]:
        """Float32 (frames, channels) at `sample_rate`, from frame `start` of the file to its end, or looping.

        Raises
        ------
        AudioFileError
            With `strict`: the file is damaged. Blocks before the damage have been yielded.
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
        """The block that begins at frame `at`; empty at the end or where the file is damaged."""
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
