"""Chooses a song by arrow keys: the folders, playlists and songs of one folder, as lines of text. No terminal."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text

from aedsp.bars import cut
from aedsp.play.playlist import PLAYLISTS, is_song
from aedsp.text import readable

STEPS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -(10**6), "end": 10**6}


@dataclass
class Browser:
    """A folder and the entry that is chosen."""

    folder: Path = field(default_factory=Path.cwd)
    entries: list[Path] = field(default_factory=list)
    chosen: int = 0
    problem: str = ""

    def show(self, folder: Path, chosen: Path | None = None) -> None:
        """Go to a folder; chosen: the entry to begin at. A folder that cannot be read is empty, and says so."""
        self.folder, self.problem = Path(os.path.abspath(folder)), ""
        try:
            found = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            found, self.problem = [], error.strerror or str(error)
        folders = {path for path in found if _is_folder(path)}
        songs = [path for path in found if path not in folders and (is_song(path) or path.suffix.lower() in PLAYLISTS)]
        self.entries = [*sorted(folders, key=_by_name), *sorted(songs, key=_by_name)]
        place = Path(os.path.abspath(chosen)) if chosen else None
        self.chosen = self.entries.index(place) if place in self.entries else 0

    def move(self, key: str) -> None:
        """Move by a key of `STEPS`."""
        self.chosen = max(0, min(len(self.entries) - 1, self.chosen + STEPS[key]))

    def leave(self) -> None:
        """Go to the folder above."""
        self.show(self.folder.parent, self.folder)

    def enter(self) -> Path | None:
        """Go into the chosen folder, or return the chosen song or playlist."""
        if not self.entries:
            return None
        path = self.entries[self.chosen]
        if not _is_folder(path):
            return path
        self.show(path)
        return None

    def lines(self, width: int, height: int) -> list[Text]:
        """The folder and its entries, with the chosen one in view: at most `height` lines."""
        keys = "enter opens, left goes up, escape closes; the old song fades out"
        head = [Text(cut(readable(str(self.folder)), width), "bold underline"), Text(cut(keys, width), "dim")]
        if not self.entries:
            return [*head, Text(f"  {self.problem or 'no songs, no folders'}")]
        space = max(1, height - len(head))
        first = max(0, min(self.chosen - space // 2, len(self.entries) - space))
        rows = []
        for place, path in enumerate(self.entries[first : first + space], first):
            name = readable(path.name) + ("/" if _is_folder(path) else "")
            mark = ">" if place == self.chosen else " "
            rows.append(Text(cut(f"{mark} {name}", width), "bold" if place == self.chosen else ""))
        return [*head, *rows]


def _by_name(path: Path) -> str:
    return path.name.lower()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
