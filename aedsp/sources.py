"""Where the sound comes from: a file, a device, or no input at all.

A file is read by a thread of its own, the streamer, which decodes and resamples ahead into a ring; the audio thread
takes from there. A file of three hours needs no more memory than a short one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from aedsp import audio_file, drives
from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from aedsp.errors import AudioFileError

Float32 = npt.NDArray[np.float32]

READ_FRAMES = 4096
RING_S = 3.0
#: At least: what the first frames of a source take that is shortened and transposed down as far as it
#: goes (`_kernels/stretch`).
RING_FRAMES = 1 << 17
#: Room that is kept free in the ring, so that a new position is ready before the audio thread jumps there.
RESERVE_S = 0.2


@dataclass(frozen=True)
class FileSource:
    """An audio file, of any rate and channel count that libsndfile reads.

    Parameters
    ----------
    path : str or path
    loop : bool
        Begin again at the end; False: stop there.
    start_s : float
        Where to begin, in s.
    """

    path: str | os.PathLike[str]
    loop: bool = False
    start_s: float = 0.0


@dataclass(frozen=True)
class InputSource:
    """An input device: its number, a part of its name, or None for the default one."""

    device: int | str | None = None


@dataclass(frozen=True)
class NoInput:
    """The decoder alone: a drive as in `Engine.generate`, by name, times the player's hand."""

    drive: str = "constant"

    def __post_init__(self) -> None:
        if not isinstance(self.drive, str):
            raise TypeError(f"drive is {type(self.drive).__name__}; expected a name (codes: Engine.generate)")
        if drives.named(self.drive).kind == "hold":
            raise ValueError("drive is 'hold', but nothing was heard that could be; expected constant, typical or walk")


Source = FileSource | InputSource | NoInput


def as_source(source: Source | str | os.PathLike[str] | None) -> Source:
    """A path is a file, None is no input."""
    if source is None:
        return NoInput()
    if isinstance(source, (FileSource, InputSource, NoInput)):
        return source
    if isinstance(source, (str, os.PathLike)):
        return FileSource(source)
    raise TypeError(f"source is {source!r}; expected a path, FileSource, InputSource, NoInput or None")


def channels_of(source: Source) -> int:
    """What an engine for it should have: two for a file of two or more, else one. Raises as `audio_file.open_audio`."""
    if not isinstance(source, FileSource):
        return 1
    with audio_file.open_audio(source.path) as file:
        return min(2, int(file.channels))


def to_channels(block: Float32, channels: int) -> Float32:
    """(frames, n) to (frames, channels): to one as the mean of all, from one to all alike, else the first ones."""
    n = block.shape[1]
    if n == channels:
        return block
    if channels == 1:
        return np.ascontiguousarray(block.mean(axis=1, keepdims=True, dtype=np.float32))
    return np.ascontiguousarray(block[:, np.minimum(np.arange(channels), n - 1)])


class Reader:
    """A file as frames of the engine: blocks from any position on, always the same ones for the same position.

    Parameters
    ----------
    source : FileSource
    sample_rate : float
        The engine's, Hz.
    channels : int
        The engine's.

    Raises
    ------
    OSError, AudioFileError
        As `aedsp.audio_file.open_audio`; a file without audio too.
    """

    def __init__(self, source: FileSource, sample_rate: float, channels: int) -> None:
        self._opened = audio_file.open_audio(source.path)
        self.file = self._opened.__enter__()
        self.sample_rate, self.channels, self.loop = sample_rate, channels, source.loop
        self.warning: str | None = None
        if self.file.frames == 0:
            self.close()
            raise AudioFileError(f"{source.path}: holds no audio, 0 frames")

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

    def blocks(self, start: int) -> Iterator[Float32]:
        """Float32 (frames, channels) at the engine's rate, from frame `start` of the file to its end, or for ever."""
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
            block = np.empty((READ_FRAMES, self.file.channels), np.float32)
            return block[: self.file.buffer_read_into(block, "float32")]
        except (RuntimeError, OSError) as error:
            self.warning = f"{self.file.name}: damaged after {at} of {self.frames} frames ({error}); re-encode the file"
            return np.zeros((0, self.file.channels), np.float32)


class Streamer:
    """The thread that keeps the ring of a file full.

    Parameters
    ----------
    source : FileSource
    sample_rate, channels
        The engine's.
    """

    def __init__(self, source: FileSource, sample_rate: float, channels: int) -> None:
        self.source = source
        self._reader = Reader(source, sample_rate, channels)
        self._reserve = int(RESERVE_S * sample_rate)
        self.ring = ItemRing(max(RING_FRAMES, int(RING_S * sample_rate)) + self._reserve, 4 * channels)
        self._player: Player | None = None
        self._wake = threading.Condition()
        self._seek: int | None = None
        self._closed = self._at_end = False
        self._thread: threading.Thread | None = None
        #: Stretches of the file in the ring: position in the ring to frame of the file.
        self.stretches: dict[int, int] = {0: self._frame_at(source.start_s)}

    @property
    def name(self) -> str:
        return Path(self.source.path).name

    @property
    def duration_s(self) -> float:
        return self._reader.frames / self._reader.file_rate

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, once that has been met."""
        return self._reader.warning

    @property
    def position_s(self) -> float:
        """Of what goes into the engine next, in the file."""
        taken = self.ring.taken - (self._player.ahead if self._player is not None else 0)
        start = max((p for p in list(self.stretches) if p <= taken), default=0)
        frames = self.stretches[start] + (taken - start) * self._reader.file_rate / self._reader.sample_rate
        if self._reader.loop:
            frames %= self._reader.frames
        return min(frames, self._reader.frames) / self._reader.file_rate

    def start(self, player: Player) -> None:
        """Fill the ring once, then keep it full from the thread."""
        self._player = player
        self._thread = threading.Thread(target=self._serve, name="aedsp streamer", daemon=True)
        self._thread.start()
        with self._wake:
            self._wake.wait_for(lambda: self._room() == 0 or self._at_end, timeout=2.0)

    def seek(self, position_s: float) -> None:
        """Go on from another position, in s; beyond the ends: the nearest end."""
        with self._wake:
            self._seek = self._frame_at(position_s)
            self._wake.notify_all()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._reader.close()

    def _frame_at(self, position_s: float) -> int:
        if not np.isfinite(position_s):
            raise ValueError(f"position is {position_s} s; expected a finite number")
        return int(np.clip(round(position_s * self._reader.file_rate), 0, self._reader.frames - 1))

    def _room(self) -> int:
        return max(0, self.ring.writable - self._reserve)

    def _serve(self) -> None:
        try:
            self._run()
        except Exception as error:  # whatever the decoder did: the source ends here, and the player is told why
            self._reader.warning = f"{self.name}: cannot be read any more ({error})"
            if self._player is not None:
                self._player.end()

    def _run(self) -> None:
        assert self._player is not None
        nothing = np.zeros((0, self._reader.channels), np.float32)
        blocks, pending = self._reader.blocks(self.stretches[0]), nothing
        while True:
            with self._wake:
                self._wake.notify_all()
                if self._closed:
                    return
                seek = None if self._player.cut_pending else self._seek
                if seek is None and (self._at_end or self._room() == 0):
                    self._wake.wait(timeout=0.01)
                    continue
                if seek is not None:
                    self._seek = None
            if seek is not None:
                blocks = self._reader.blocks(seek)
                pending = next(blocks, nothing)
                self.stretches[self.ring.written] = seek
                pending, self._at_end = pending[self._player.cut(pending) :], False
            if not len(pending):
                block = next(blocks, None)
                if block is None:
                    self._player.end()
                    self._at_end = True
                    continue
                pending = block
            pending = pending[self.ring.write(pending[: self._room()]) :]
