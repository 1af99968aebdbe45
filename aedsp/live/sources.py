"""Sources of a stream: a file, an array, blocks, another stream, an input device, or no input."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32
from aedsp.audio import file as audio_file
from aedsp.audio.reader import Reader
from aedsp.audio.sounds import ArraySound, BlockSound, NextBlock, as_block
from aedsp.engine import drives
from aedsp.engine.arguments import expect_number


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

    def reader(self, sample_rate: float, channels: int | None = None) -> Reader:
        """Open it, for blocks at a rate. Raises as `Reader`."""
        return Reader(self.path, sample_rate, channels, loop=self.loop)

    def beginning_at(self, start_s: float) -> FileSource:
        """The same from another position on."""
        return replace(self, start_s=start_s)


@dataclass(frozen=True, eq=False)
class ArraySource:
    """An array (frames,) or (frames, channels) of real floats, at `sample_rate` in Hz; None: the engine's.

    loop, start_s: as in `FileSource`.
    """

    x: npt.ArrayLike
    sample_rate: float | None = None
    loop: bool = False
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if not len(as_block("x", self.x)):
            raise ValueError("x has no frames; expected some audio")

    def reader(self, sample_rate: float, channels: int | None = None) -> Reader:
        """As `FileSource.reader`."""
        return Reader(ArraySound(self.x, self.sample_rate or sample_rate), sample_rate, channels, loop=self.loop)

    def beginning_at(self, start_s: float) -> ArraySource:
        """As `FileSource.beginning_at`."""
        return replace(self, start_s=start_s)


@dataclass(frozen=True, eq=False)
class BlockSource:
    """Blocks (frames,) or (frames, channels) of real floats, of any length, from an iterable or a function.

    Taken on the streamer's thread, ahead of the sound. There is no seeking; `stop` does not rewind. While it waits for
    a block, the stream cannot change to another source; `close` waits 2 s for it.

    Parameters
    ----------
    blocks : iterable, e.g. a generator, or callable
        A callable is called without arguments for each next block; None or an empty block is the end.
    sample_rate : float, optional
        Hz. None: the engine's.
    ahead_s : float
        How many seconds to keep ready, as far as there is room (3 s or more). Less, for blocks that are made as they
        are heard: 0.05 s or so, and that much is what they are late.
    """

    blocks: Iterable[npt.ArrayLike] | NextBlock
    sample_rate: float | None = None
    ahead_s: float = 3.0
    loop: ClassVar[bool] = False
    start_s: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.blocks, Iterable) and not callable(self.blocks):
            raise TypeError(f"blocks is {type(self.blocks).__name__}; expected an iterable of blocks or a function")
        if not expect_number("ahead_s", self.ahead_s) > 0:
            raise ValueError(f"ahead_s is {self.ahead_s}; expected more than 0")

    def reader(self, sample_rate: float, channels: int | None = None) -> Reader:
        """As `FileSource.reader`; waits for the first block."""
        return Reader(BlockSound(self.blocks, self.sample_rate or sample_rate), sample_rate, channels)

    def beginning_at(self, start_s: float) -> BlockSource:
        """Itself: there is no seeking."""
        return self


@dataclass(frozen=True, eq=False)
class StreamSource:
    """What another stream plays, about `ahead_s` seconds later; it ends when that stream is closed.

    Two devices have two clocks: one that is 50 ppm faster uses up `ahead_s` of 0.1 s in half an hour, and then what is
    missing is concealed.
    """

    stream: Tapped
    ahead_s: float = 0.1
    loop: ClassVar[bool] = False
    start_s: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not hasattr(self.stream, "tap"):
            raise TypeError(f"stream is {type(self.stream).__name__}; expected aedsp.Stream")

    def reader(self, sample_rate: float, channels: int | None = None) -> Reader:
        """As `FileSource.reader`."""
        tap = self.stream.tap(self.ahead_s, newest=True)
        return Reader(BlockSound(tap, self.stream.engine.sample_rate), sample_rate, channels)

    def beginning_at(self, start_s: float) -> StreamSource:
        """Itself: there is no seeking."""
        return self


class _Rated(Protocol):
    @property
    def sample_rate(self) -> float: ...


class Tapped(Protocol):
    """What `StreamSource` needs of a stream."""

    @property
    def engine(self) -> _Rated: ...
    def tap(self, seconds: float, *, newest: bool = False) -> Iterable[Float32]: ...


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


#: What the streamer reads.
Song = FileSource | ArraySource | BlockSource | StreamSource
SONGS = (FileSource, ArraySource, BlockSource, StreamSource)
Source = Song | InputSource | NoInput

#: What `Stream` takes for a source.
Playable = Source | str | os.PathLike[str] | npt.NDArray[Any] | Iterator[npt.ArrayLike] | NextBlock | None


def as_source(source: Playable) -> Source:
    """Convert a path, an array, an iterable of blocks or a function to a source, and None to no input."""
    if source is None:
        return NoInput()
    if isinstance(source, (*SONGS, InputSource, NoInput)):
        return source
    if isinstance(source, (str, os.PathLike)):
        return FileSource(source)
    if isinstance(source, np.ndarray):
        return ArraySource(source)
    if isinstance(source, Iterator) or callable(source):
        return BlockSource(source)
    raise TypeError(
        f"source is {reprlib.repr(source)}; expected a path, an array, a generator of blocks, FileSource, ArraySource, "
        "BlockSource, StreamSource, InputSource, NoInput or None"
    )


def at_rate(source: Source, sample_rate: float) -> Source:
    """An array or blocks without a rate of their own, at a rate; other sources as they are."""
    if isinstance(source, (ArraySource, BlockSource)) and source.sample_rate is None:
        return replace(source, sample_rate=sample_rate)
    return source


def channels_of(source: Source) -> int:
    """Channels for an engine: 2 for a song with two or more, else 1. Raises as `audio_file.open_audio`."""
    if isinstance(source, FileSource):
        with audio_file.open_audio(source.path) as file:
            return min(2, int(file.channels))
    if isinstance(source, ArraySource):
        return min(2, len(as_block("x", source.x)[0]))
    return 2 if isinstance(source, (BlockSource, StreamSource)) else 1
