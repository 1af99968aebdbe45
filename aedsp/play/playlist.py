"""Playlists: the songs of a folder, of an M3U file, or the neighbours of one song. Reads no audio."""

from __future__ import annotations

import os
import re
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path

from aedsp.audio.suffixes import SUFFIXES
from aedsp.text import read_text

PLAYLISTS = (".m3u", ".m3u8")


@dataclass(frozen=True)
class Playlist:
    """Songs and the place of the one that plays. goes_on: the next one follows at the end of each."""

    songs: tuple[Path, ...]
    place: int = 0
    goes_on: bool = False

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Playlist:
        """The songs of a folder or an M3U file; of one song, those in its folder, from this one on.

        Raises
        ------
        OSError
            The folder or the file cannot be read.
        ValueError
            It holds no songs.
        """
        path = Path(path)
        if path.is_dir():
            return cls(_not_empty(path, _in_folder(path)), goes_on=True)
        if path.suffix.lower() in PLAYLISTS:
            return cls(_not_empty(path, _in_m3u(path)), goes_on=True)
        beside = _in_folder(path.parent) if path.parent.is_dir() else []
        songs = tuple(beside) if path in beside else (path,)
        return cls(songs, songs.index(path))

    @property
    def song(self) -> Path:
        return self.songs[self.place]

    def moved(self, step: int) -> Playlist:
        """The same songs, at another place; wraps around."""
        return replace(self, place=(self.place + step) % len(self.songs))

    @property
    def is_last(self) -> bool:
        return self.place == len(self.songs) - 1


def is_song(path: Path) -> bool:
    """Whether the name of a file is that of audio that can be read."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def as_path(text: str) -> str:
    """A path as it is typed, pasted or dropped: in quotes, with escaped spaces, as a file URL, or beginning with ~."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    elif text.startswith("file://"):
        text = urllib.parse.unquote(urllib.parse.urlsplit(text).path)
    elif not os.path.exists(text):
        text = re.sub(r"\\(.)", r"\1", text)
    return os.path.expanduser(text)


def _in_folder(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if is_song(path) and path.is_file()), key=_natural)


def _in_m3u(path: Path) -> list[Path]:
    lines = (line.strip() for line in read_text(path).lstrip("\ufeff").splitlines())
    return [path.parent / as_path(line) for line in lines if line and not line.startswith("#")]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts "2 b" before "10 a"."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _not_empty(path: Path, songs: list[Path]) -> tuple[Path, ...]:
    if not songs:
        raise ValueError(f"{path} holds no songs; expected audio files ({', '.join(SUFFIXES)})")
    return tuple(songs)
