"""Playlists: the songs of a folder, of an M3U file, or the neighbours of one song. Reads no audio."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aedsp.audio.suffixes import SUFFIXES
from aedsp.live.sources import FileSource

PLAYLISTS = (".m3u", ".m3u8")


@dataclass(frozen=True)
class Playlist:
    """Songs and the place of the one that plays. continues: the next one follows at the end of each; path: of all."""

    songs: tuple[Path, ...]
    place: int = 0
    continues: bool = False
    path: Path | None = None

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
            return cls(_not_empty(path, _in_folder(path)), continues=True, path=path)
        if path.suffix.lower() in PLAYLISTS:
            return cls(_not_empty(path, _in_m3u(path)), continues=True, path=path)
        try:
            beside = _in_folder(path.parent)
        except OSError:  # not there, or closed: the song may still be read
            beside = []
        songs = tuple(beside) if path in beside else (path,)
        return cls(songs, songs.index(path))

    @property
    def song(self) -> Path:
        return self.songs[self.place]

    def moved(self, step: int) -> Playlist:
        """The same songs, at another place; wraps around."""
        return replace(self, place=(self.place + step) % len(self.songs))

    def at(self, song: Path) -> Playlist | None:
        """The same songs, at this one; None if it is not among them."""
        found = [place for place, path in enumerate(self.songs) if path.resolve() == song.resolve()]
        return replace(self, place=found[0]) if found else None

    def rest(self, repeats: bool) -> Playlist | None:
        """The same songs at the next place; None at the last one, unless they are repeated."""
        return self.moved(1) if repeats or self.place + 1 < len(self.songs) else None

    def at_readable(self, read: Callable[[FileSource], object], say: Callable[[str], None], step: int = 1) -> Playlist:
        """The same songs, at the first one from here on that can be read; of a single song, at this one.

        read: raises for a song that cannot be read; say: shows what is passed over.

        Raises
        ------
        ValueError
            None of them can be read.
        """
        place, n = self, len(self.songs)
        for _ in range(n if self.continues else 1):
            try:
                read(FileSource(place.song))
                return place
            except (OSError, ValueError) as error:
                if not self.continues:
                    raise
                say(f"passed over: {' '.join(str(error).split())}")
                place = place.moved(step)
        raise ValueError("no song of the playlist can be read")


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
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # the older of the two encodings of M3U files
        text = data.decode("latin-1")
    lines = (line.strip() for line in text.splitlines())
    return [_listed(path.parent, line) for line in lines if line and not line.startswith("#")]


def _listed(folder: Path, line: str) -> Path:
    """The path of an entry of an M3U file: as it is, a file URL, or with the separators of Windows."""
    path = folder / (as_path(line) if line.startswith("file://") else line)
    return path if path.exists() or "\\" not in line else folder / line.replace("\\", "/")


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts "2 b" before "10 a"."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _not_empty(path: Path, songs: list[Path]) -> tuple[Path, ...]:
    if not songs:
        raise ValueError(f"{path} holds no songs; expected audio files ({', '.join(SUFFIXES)})")
    return tuple(songs)
