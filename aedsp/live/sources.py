"""Sources of a stream: a file, an input device, or no input.

A file is read by its own thread, the streamer, which decodes and resamples ahead into a ring that the audio thread
reads. A file of three hours needs no more memory than a short one.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from aedsp.audio import file as audio_file
from aedsp.audio.reader import Reader
from aedsp.engine import drives

RING_S = 3.0
#: Minimum: what the first frames need at the shortest time-stretch and the lowest transposition
#: (`_kernels/time_stretch`).
RING_FRAMES = 1 << 17
#: Free space kept in the ring, so that a seek target is buffered before the audio thread jumps to it.
RESERVE_S = 0.2


@dataclass(frozen=True)
class FileSource:
    """An audio file, of any rate and channel count that libsndfile reads.

    Parameters
    ----------
    path : str or path
    loop : bool
        True: repeat; False: stop at the end.
    start_s : float
        Start position in s.
    """

    path: str | os.PathLike[str]
    loop: bool = False
    start_s: float = 0.0


@dataclass(frozen=True)
class InputSource:
    """An input device: number, part of the name, or None for the default device."""

    device: int | str | None = None


@dataclass(frozen=True)
class NoInput:
    """The decoder alone: a drive by name, as in `Engine.generate`, with the unit gains applied."""

    drive: str = "constant"

    def __post_init__(self) -> None:
        if not isinstance(self.drive, str):
            raise TypeError(f"drive is {type(self.drive).__name__}; expected a name (for codes use Engine.generate)")
        drives.named_from_the_start(self.drive)


Source = FileSource | InputSource | NoInput


def as_source(source: Source | str | os.PathLike[str] | None) -> Source:
    """Convert a path to a file source and None to no input."""
    if source is None:
        return NoInput()
    if isinstance(source, (FileSource, InputSource, NoInput)):
        return source
    if isinstance(source, (str, os.PathLike)):
        return FileSource(source)
    raise TypeError(f"source is {source!r}; expected a path, FileSource, InputSource, NoInput or None")


def channels_of(source: Source) -> int:
    """Channels for an engine: 2 for a file with two or more, else 1. Raises as `audio_file.open_audio`."""
    if not isinstance(source, FileSource):
        return 1
    with audio_file.open_audio(source.path) as file:
        return min(2, int(file.channels))


class Streamer:
    """A thread that keeps the ring of a file source full.

    Parameters
    ----------
    source : FileSource
    sample_rate, channels
        Those of the engine.
    """

    def __init__(self, source: FileSource, sample_rate: float, channels: int) -> None:
        self.source = source
        self._reader = Reader(source.path, sample_rate, channels, loop=source.loop)
        self._reserve = int(RESERVE_S * sample_rate)
        self.ring = ItemRing(max(RING_FRAMES, int(RING_S * sample_rate)) + self._reserve, 4 * channels)
        self._player: Player | None = None
        self._wake = threading.Condition()
        self._seek: int | None = None
        self._closed = self._at_end = False
        self._thread: threading.Thread | None = None
        #: Segments in the ring: position in the ring to frame of the file.
        self.segments: dict[int, int] = {0: self._frame_at(source.start_s)}

    @property
    def name(self) -> str:
        return Path(self.source.path).name

    @property
    def duration_s(self) -> float:
        return self._reader.frames / self._reader.file_rate

    @property
    def warning(self) -> str | None:
        """What is wrong with the file, once reading has reached it."""
        return self._reader.warning

    @property
    def position_s(self) -> float:
        """Position in the file of what goes into the engine next, in s."""
        taken = self.ring.taken - (self._player.ahead if self._player is not None else 0)
        start = max((p for p in list(self.segments) if p <= taken), default=0)
        frames = self.segments[start] + (taken - start) * self._reader.file_rate / self._reader.sample_rate
        if self._reader.loop:
            frames %= self._reader.frames
        return min(frames, self._reader.frames) / self._reader.file_rate

    def start(self, player: Player) -> None:
        """Start the thread and wait until the ring is full."""
        self._player = player
        self._thread = threading.Thread(target=self._serve, name="aedsp streamer", daemon=True)
        self._thread.start()
        with self._wake:
            self._wake.wait_for(lambda: self._room() == 0 or self._at_end, timeout=2.0)

    def seek(self, position_s: float) -> None:
        """Continue from another position, in s; clipped to the file."""
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
        except Exception as error:  # any decoder error: end the source here and report it
            self._reader.remark = f"cannot be read further ({error})"
            if self._player is not None:
                self._player.end_segment()

    def _run(self) -> None:
        assert self._player is not None
        nothing = np.zeros((0, self._reader.channels), np.float32)
        blocks, pending = self._reader.blocks(self.segments[0]), nothing
        while True:
            with self._wake:
                self._wake.notify_all()
                if self._closed:
                    return
                seek = None if self._player.seek_pending else self._seek
                if seek is None and (self._at_end or self._room() == 0):
                    self._wake.wait(timeout=0.01)
                    continue
                if seek is not None:
                    self._seek = None
            if seek is not None:
                blocks = self._reader.blocks(seek)
                pending = next(blocks, nothing)
                self.segments[self.ring.written] = seek
                pending, self._at_end = pending[self._player.begin_segment(pending) :], False
            if not len(pending):
                block = next(blocks, None)
                if block is None:
                    self._player.end_segment()
                    self._at_end = True
                    continue
                pending = block
            pending = pending[self.ring.write(pending[: self._room()]) :]
