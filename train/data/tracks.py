"""Tracks: find the audio files of a folder, select them by licence, read them as mono at one sample rate.

Reads headers and sample streams, no spectra. Keeps one block of one file in memory at a time.
"""

from __future__ import annotations

import concurrent.futures
import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aedsp.arrays import Float32
from aedsp.audio.examine import examine, has_integer_scale
from aedsp.audio.reader import Reader
from aedsp.audio.suffixes import SUFFIXES
from aedsp.errors import AudioFileError, TrainingError
from aedsp.text import read_text, readable
from aedsp.train.data.listing import Listing, list_folder

MANIFEST = "MANIFEST.tsv"
BLOCK_FRAMES = 1 << 17
#: As in an engine.
MOST_CHANNELS = 64
_MOST_FRAMES = 1 << 40


@dataclass(frozen=True, slots=True)
class Track:
    """One readable audio file: `n_frames` at its own `sample_rate` (Hz), those that can be read.

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
        return f"{readable(self.path.name)}: {self.reason}"


def find_audio(folder: Path, licenses: Iterable[str] = (), listing: Listing | None = None) -> list[Path]:
    """The audio files below `folder`, as `list_folder`.

    Parameters
    ----------
    folder : Path
    licenses : iterable of str
        Use only tracks that the `MANIFEST.tsv` in the folder or beside it (tab-separated, columns `file`, relative
        to the manifest, and `license`) lists under one of these. Empty: every file.
    listing : Listing, optional
        Of the folder, if it has been listed already.

    Raises
    ------
    TrainingError
        No such directory, no audio in it, no manifest although licences are given, or no track under them.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such directory; give the folder that contains the audio files")
    listing = listing or list_folder(folder)
    found = listing.audio
    if not found:
        not_read = "".join(f"; not read: {line}" for line in listing.remarks())
        raise TrainingError(f"{folder} contains no audio; expected files that end in {', '.join(SUFFIXES)}{not_read}")
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
    rows = list(csv.DictReader(_lines(manifest), delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not {"file", "license"} <= set(rows[0]):
        raise TrainingError(f"{manifest} has no columns 'file' and 'license'; expected a tab-separated table with both")
    return {(home / row["file"]).resolve(): row["license"] or "" for row in rows if row["file"]}


def _lines(manifest: Path) -> list[str]:
    """The lines of the manifest; bytes that are not UTF-8 only in names of files that exist."""
    try:
        lines = read_text(manifest, errors="surrogateescape").splitlines()
    except UnicodeError as error:
        raise TrainingError(f"{manifest}: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.isascii() and any("\udc80" <= c <= "\udcff" for c in line):
            fields = line.split("\t")
            if not any((manifest.parent / field).is_file() for field in fields if field):
                raise TrainingError(f"{manifest}, line {number}: not UTF-8 text, and names no file; save it as UTF-8")
    return lines


def survey(
    paths: Sequence[Path], folder: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Track], list[Refusal]]:
    """Read every file once; return the readable tracks, in the order given, and what of the files cannot be read.

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
            track, remark = found
            if track is not None:
                tracks.append(track)
            if remark:
                refusals.append(Refusal(path, remark))
    return tracks, refusals


def _surveyed(path: Path, folder: Path) -> tuple[Track | None, str]:
    """The track, or None; and what of the file cannot be read."""
    try:
        found = examine(path)
        if has_integer_scale(path):
            return None, "holds floats in the range of integers, not in [-1, 1]; divide by 32768, or save it as PCM"
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while part := file.read(1 << 20):
                digest.update(part)
    except AudioFileError as error:
        return None, str(error).removeprefix(f"{path}: ")
    except (OSError, RuntimeError) as error:
        return None, f"cannot be read as audio ({_in_short(error)})"
    if not 0 < found.n_frames < _MOST_FRAMES:
        return None, "has no length in its header; encode it again, to a file instead of a pipe"
    if found.channels > MOST_CHANNELS:
        return None, f"has {found.channels} channels according to its header; expected 1 to {MOST_CHANNELS}"
    parts = path.relative_to(folder).parts
    group = parts[0] if len(parts) > 1 else ""
    return Track(path, found.sample_rate, found.n_frames, digest.hexdigest(), group), found.remark


def read_mono(track: Track, sample_rate: float) -> Iterator[Float32]:
    """Yield the mean of the channels at `sample_rate` (Hz), in blocks of any length, float32.

    Raises
    ------
    TrainingError
        The file is truncated or cannot be resampled; blocks read before that have been yielded.
    """
    try:
        with Reader(track.path, sample_rate, 1, clean=True, block_frames=BLOCK_FRAMES) as reader:
            for block in reader.blocks():
                yield block[:, 0]
            if reader.damaged:
                raise AudioFileError(reader.remark)
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
