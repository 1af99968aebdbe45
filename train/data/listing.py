"""Listing: what a folder holds, its audio files and everything that is not read, with the reasons."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from aedsp.audio.suffixes import SUFFIXES

#: Sound that libsndfile does not read.
OTHER_SUFFIXES = (
    ".m4a", ".m4b", ".mp4", ".aac", ".caf", ".wma", ".ape", ".wv", ".mpc", ".mka", ".webm", ".ac3", ".dsf", ".dff",
    ".ra", ".amr",
)  # fmt: skip


@dataclass(slots=True)
class Listing:
    """Files below a folder, sorted by path.

    audio : by suffix
    others : number of sound files of each kind that cannot be read, by suffix
    resource_forks : AppleDouble files (``._name``) that macOS leaves on other file systems
    closed : folders that cannot be opened
    """

    audio: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    resource_forks: int = 0
    closed: list[Path] = field(default_factory=list)

    def remarks(self) -> list[str]:
        """What was not read, one line each."""
        lines = []
        if self.others:
            kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(self.others.items()))
            example = f"ffmpeg -i NAME{min(self.others)} NAME.flac"
            lines.append(f"{self.others.total()} sound files of other kinds ({kinds}); convert them, e.g. {example}")
        if self.closed:
            names = ", ".join(map(str, self.closed[:3])) + (", ..." if len(self.closed) > 3 else "")
            lines.append(f"{len(self.closed)} folders that cannot be opened ({names}); check their permissions")
        if self.resource_forks:
            lines.append(f"{self.resource_forks} AppleDouble files of macOS (._*); they hold no audio")
        return lines


def list_folder(folder: Path) -> Listing:
    """List a folder; linked folders are followed, each folder once; hidden files and folders are skipped."""
    found, seen = Listing(), {os.path.realpath(folder)}
    for root, folders, names in os.walk(
        folder, followlinks=True, onerror=lambda error: found.closed.append(Path(error.filename))
    ):
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and _is_new(root, name, seen)]
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                found.resource_forks += name.startswith("._") and suffix in SUFFIXES + OTHER_SUFFIXES
            elif suffix in SUFFIXES:
                found.audio.append(Path(root, name))
            elif suffix in OTHER_SUFFIXES:
                found.others[suffix] += 1
    found.audio.sort(key=lambda path: path.relative_to(folder).parts)
    return found


def _is_new(root: str, name: str, seen: set[str]) -> bool:
    """Whether the folder has not been listed yet, by another name; notes it."""
    real = os.path.realpath(os.path.join(root, name))
    if real in seen:
        return False
    seen.add(real)
    return True
