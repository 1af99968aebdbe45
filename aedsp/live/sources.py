"""Sources of a stream: a file, an input device, or no input. `streamer` reads the files."""

from __future__ import annotations

import os
from dataclasses import dataclass

from aedsp.audio import file as audio_file
from aedsp.engine import drives


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
