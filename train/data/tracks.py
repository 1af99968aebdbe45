"""Tracks: find the audio files of a folder, select them by licence, read them as mono at one sample rate.

Reads headers and sample streams, no spectra. Keeps one block of one file in memory at a time.
"""

from __future__ import annotations

import concurrent.futures
import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aedsp.arrays import Float32
from aedsp.audio import file as audio_file
from aedsp.audio.reader import Reader
from aedsp.errors import AudioFileError, TrainingError

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
MANIFEST = "MANIFEST.tsv"
BLOCK_FRAMES = 1 << 17
_MOST_FRAMES = 1 << 40


@dataclass(frozen=True, slots=True)
class Track:
    """One readable audio file: `n_frames` at its own `sample_rate` (Hz), according to its header.

    content: SHA-256 of the file, hexadecimal. group: its top-level folder inside the corpus folder, which is its class.
    """

    path: Path
    sample_rate: int
    n_frames: int
    content: str
    group: str = ""

    def length_at(self, sample_rate: float) -> int:
        """Frames after resampling, rounded down."""
        return int(self.n_frames * sample_rate / self.sample_rate)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was skipped, entirely or from some point on, and the reason."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


def find_audio(folder: Path, licenses: Iterable[str] = ()) -> list[Path]:
    """The audio files below `folder`, by suffix, sorted by path; hidden files and folders are skipped.

    Parameters
    ----------
    folder : Path
    licenses : iterable of str
        Use only tracks that the `MANIFEST.tsv` in the folder or beside it (tab-separated, columns `file`, relative
        to the manifest, and `license`) lists under one of these. Empty: every file.

    Raises
    ------
    TrainingError
        No such directory, no audio in it, no manifest although licences are given, or no track under them.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such directory; give the folder that contains the audio files")
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    found.sort(key=lambda path: path.relative_to(folder).parts)
    if not found:
        raise TrainingError(f"{folder} contains no audio; expected files that end in {', '.join(SUFFIXES)}")
    wanted = set(licenses)
    if not wanted:
        return found
    listed = _licenses(folder)
    chosen = [path for path in found if listed.get(path.resolve()) in wanted]
    if not chosen:
        there = sorted({listed[path.resolve()] for path in found if path.resolve() in listed})
        raise TrainingError(f"no track of {folder} is under {sorted(wanted)}; its manifest lists {there}")
    return chosen


def _licenses(folder: Path) -> dict[Path, str]:
    """Licence of each file listed in the manifest in `folder` or beside it."""
    for home in (folder, folder.resolve().parent):
        manifest = home / MANIFEST
        if manifest.is_file():
            break
    else:
        raise TrainingError(f"license needs {MANIFEST} in {folder} or beside it; found none")
    with open(manifest, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not {"file", "license"} <= set(rows[0]):
        raise TrainingError(f"{manifest} has no columns 'file' and 'license'; expected a tab-separated table with both")
    return {(home / row["file"]).resolve(): row["license"] or "" for row in rows if row["file"]}


def survey(
    paths: Sequence[Path], folder: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Track], list[Refusal]]:
    """Read every file once; return the readable tracks, in the order given, and the files that are not audio.

    progress : callable (files so far, total files), optional
    """
    tracks: list[Track] = []
    refusals: list[Refusal] = []
    with concurrent.futures.ThreadPoolExecutor() as threads:
        surveyed = threads.map(lambda path: _surveyed(path, folder), paths)
        for done, (path, found) in enumerate(zip(paths, surveyed, strict=True), 1):
            if progress is not None:
                try:
                    progress(done, len(paths))
                except BaseException:
                    threads.shutdown(wait=False, cancel_futures=True)
                    raise
            if isinstance(found, Track):
                tracks.append(found)
            else:
                refusals.append(Refusal(path, found))
    return tracks, refusals


def _surveyed(path: Path, folder: Path) -> Track | str:
    """The track, or the reason why it is not one."""
    try:
        sample_rate, n_frames = audio_file.header(path)
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while part := file.read(1 << 20):
                digest.update(part)
    except AudioFileError as error:
        return str(error).removeprefix(f"{path}: ")
    except (OSError, RuntimeError) as error:
        return f"cannot be read as audio ({_in_short(error)})"
    if not 0 < n_frames < _MOST_FRAMES:
        return "has no length in its header; encode it again, to a file instead of a pipe"
    parts = path.relative_to(folder).parts
    return Track(path, sample_rate, n_frames, digest.hexdigest(), parts[0] if len(parts) > 1 else "")


def read_mono(track: Track, sample_rate: float) -> Iterator[Float32]:
    """Yield the mean of the channels at `sample_rate` (Hz), in blocks of any length, float32.

    Raises
    ------
    TrainingError
        The file is truncated or cannot be resampled; blocks read before that have been yielded.
    """
    try:
        with Reader(track.path, sample_rate, 1, strict=True, clean=True, block_frames=BLOCK_FRAMES) as reader:
            for block in reader.blocks():
                yield block[:, 0]
    except AudioFileError as error:
        raise TrainingError(
            f"{track.path} cannot be read to its end: {str(error).removeprefix(f'{track.path}: ')}"
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise TrainingError(f"{track.path} cannot be read to its end ({_in_short(error)})") from error


def _in_short(error: Exception) -> str:
    """The first line of an error, without the file name, which the enclosing message gives."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.rsplit("': ", 1)[-1].rstrip(".")
