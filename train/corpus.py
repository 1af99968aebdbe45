"""The corpus: magnitude spectra drawn at random from audio files into one HDF5 file, and read back in shuffled batches.

Rows are written where a random order puts them: first the validation split, then the test split, then the training
split. Neither writing nor reading holds more than a fixed number of spectra, however large the corpus.

The split is by frame, as in the paper (section 3.1): frames of one track can fall into all three splits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import h5py
import numpy as np

from aedsp.errors import TrainingError
from aedsp.front_end import FrontEnd
from aedsp.train.tracks import FloatArray, Refusal, Track, read_mono
from aedsp.whole_file import written_whole

FORMAT = "aedsp-corpus"
FORMAT_VERSION = 1
SHELF_ROWS = 8192  # spectra held while reading in shuffled order: 34 MB at 1,025 bins
_ROWS_PER_FFT = 256

SplitName = Literal["training", "validation", "test"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """What is drawn from the tracks. Counts are spectra; `positions` "grid" stays on whole hops, "random" does not."""

    front_end: FrontEnd = field(default_factory=FrontEnd)
    n_training: int = 50_000
    n_validation: int = 10_000
    n_test: int = 10_000
    positions: Literal["grid", "random"] = "grid"
    seed: int = 0

    @property
    def n_spectra(self) -> int:
        return self.n_training + self.n_validation + self.n_test

    def within(self, n_available: int) -> tuple[int, int, int]:
        """How many validation, test and training spectra, kept in proportion where fewer are available."""
        n = min(self.n_spectra, n_available)
        n_validation = max(1, self.n_validation * n // self.n_spectra)
        n_test = self.n_test * n // self.n_spectra
        return n_validation, n_test, n - n_validation - n_test


class Split:
    """One split of an open corpus: rows `first` to `stop` of its spectra, read from the file when asked for."""

    def __init__(self, spectra: Any, first: int, stop: int) -> None:
        self._spectra, self._first, self._stop = spectra, first, stop

    def __len__(self) -> int:
        return self._stop - self._first

    def read(self, start: int, stop: int) -> FloatArray:
        """Rows `start` to `stop` of this split, shape (stop - start, n_bins), float32."""
        start, stop = (min(max(self._first + row, self._first), self._stop) for row in (start, stop))
        return np.asarray(self._spectra[start:stop], dtype=np.float32)

    def in_order(self, n_rows: int = SHELF_ROWS) -> Iterator[FloatArray]:
        """All rows from the first to the last, at most `n_rows` at a time."""
        for start in range(0, len(self), n_rows):
            yield self.read(start, start + n_rows)

    def shuffled(self, n_rows: int, rng: np.random.Generator) -> Iterator[FloatArray]:
        """All rows once, in batches of `n_rows` (the last may be smaller).

        The rows lie in random order already; shelves of them are taken in random order, from a random first row, and
        shuffled inside, so that no two epochs have the same batches.
        """
        edges = np.arange(-int(rng.integers(SHELF_ROWS)), len(self), SHELF_ROWS)
        left = self.read(0, 0)
        for edge in rng.permutation(edges):
            shelf = np.concatenate([left, self.read(int(max(edge, 0)), int(edge) + SHELF_ROWS)])
            shelf = shelf[rng.permutation(len(shelf))]
            n_whole = len(shelf) // n_rows * n_rows
            yield from (shelf[row : row + n_rows] for row in range(0, n_whole, n_rows))
            left = shelf[n_whole:]
        if len(left):
            yield left


class Corpus:
    """A finished corpus file, open for reading; a context manager. `splits` by name."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "r")
        try:
            spectra, counts = self._file["spectra"], self._file.attrs["split_lengths"]
            edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
            if edges[-1] > len(spectra):
                raise TrainingError(f"{path} lists {edges[-1]} spectra and holds {len(spectra)}; delete it")
            self.n_bins = int(spectra.shape[1])
            names: tuple[SplitName, ...] = ("validation", "test", "training")
            self.splits = {
                name: Split(spectra, first, stop) for name, first, stop in zip(names, edges, edges[1:], strict=False)
            }
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Corpus:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def is_corpus(path: Path) -> bool:
    """True for a finished corpus file of this format."""
    return _fingerprint_in(path) is not None


def matches(path: Path, tracks: Sequence[Track], draw: Draw) -> bool:
    """True where `path` is the corpus that `build` would make of these tracks."""
    return _fingerprint_in(path) == _fingerprint(tracks, draw)


def build(path: Path, tracks: Sequence[Track], draw: Draw, progress: Progress | None = None) -> list[Refusal]:
    """Draw spectra from `tracks` into a new corpus at `path`: written beside it, then renamed over it.

    Parameters
    ----------
    path : Path
        Replaced if it is a corpus; anything else there is refused.
    progress : callable (spectra so far, spectra in all), optional

    Returns
    -------
    list of Refusal
        Files too short for one window, and files that broke off before the length in their header.

    Raises
    ------
    TrainingError
        Not enough audio for one spectrum of training and one of validation, or a foreign file at `path`.
    """
    if path.exists() and not is_corpus(path):
        raise TrainingError(f"{path} exists and is not a corpus; name another file for the corpus")
    n_windows = [_n_windows(track, draw.front_end) for track in tracks]
    refusals = [
        Refusal(track.path, f"is shorter than one window ({draw.front_end.window_length} frames)")
        for track, n in zip(tracks, n_windows, strict=True)
        if not n
    ]
    lengths = draw.within(sum(n_windows))
    if min(lengths[0], lengths[2]) < 1:
        raise TrainingError(
            f"{len(tracks)} readable files hold {sum(n_windows)} windows of {draw.front_end.window_length} frames at "
            f"{draw.front_end.sample_rate:g} Hz; training takes at least 2; give longer audio"
        )
    with written_whole(path) as unfinished, h5py.File(unfinished, "x") as file:
        refusals += _fill(file, tracks, n_windows, lengths, draw, progress or (lambda done, total: None))
        file.attrs["format"] = np.bytes_(FORMAT)
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["fingerprint"] = np.bytes_(_fingerprint(tracks, draw))
    return refusals


def _fill(
    file: Any,
    tracks: Sequence[Track],
    n_windows: Sequence[int],
    lengths: tuple[int, int, int],
    draw: Draw,
    progress: Progress,
) -> list[Refusal]:
    """Write every drawn spectrum to its row; rows that could not be filled are filled from the end and cut off."""
    rng = np.random.default_rng(draw.seed)
    n = sum(lengths)
    spectra = file.create_dataset("spectra", (n, draw.front_end.n_bins), np.float32)  # contiguous: rows go anywhere
    drawn = np.sort(rng.choice(sum(n_windows), n, replace=False))
    rows = rng.permutation(n)
    jitter = rng.integers(draw.front_end.hop_length, size=n) if draw.positions == "random" else np.zeros(n, np.int64)
    filled = np.zeros(n, bool)
    refusals = []
    edges = np.searchsorted(drawn, np.concatenate([[0], np.cumsum(n_windows)]))
    for track, first_window, first, stop in zip(tracks, _starts(n_windows), edges, edges[1:], strict=False):
        starts = (drawn[first:stop] - first_window) * draw.front_end.hop_length + jitter[first:stop]
        starts = np.minimum(starts, track.length_at(draw.front_end.sample_rate) - draw.front_end.window_length)
        try:
            for offset, magnitudes in _spectra_at(track, starts, draw.front_end):
                into = rows[first + offset : first + offset + len(magnitudes)]
                _write_rows(spectra, into, magnitudes)
                filled[into] = True
                progress(int(filled.sum()), n)
        except TrainingError as error:
            refusals.append(Refusal(track.path, str(error).removeprefix(f"{track.path} ")))
        else:
            if not filled[rows[first:stop]].all():
                refusals.append(Refusal(track.path, "is shorter than its header says"))
    n_kept = _close_holes(spectra, filled)
    if n_kept <= lengths[0] + lengths[1]:
        raise TrainingError(f"only {n_kept} of {n} spectra could be read; the first file at fault: {refusals[0]}")
    file.attrs["split_lengths"] = np.array([lengths[0], lengths[1], n_kept - lengths[0] - lengths[1]], np.int64)
    return refusals


def _write_rows(spectra: Any, rows: np.ndarray[Any, np.dtype[np.int64]], values: FloatArray) -> None:
    """``spectra[rows] = values``, row by row through the low-level API, ten times as fast as the high-level one."""
    one_row = h5py.h5s.create_simple((1, values.shape[1]))
    place = spectra.id.get_space()
    for row, value in zip(rows.tolist(), values, strict=True):
        place.select_hyperslab((row, 0), (1, values.shape[1]))
        spectra.id.write(one_row, place, value)


def _close_holes(spectra: Any, filled: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    """Move the last filled rows (training) into the rows that stayed empty; the number of rows now filled in a run."""
    n_kept = int(filled.sum())
    holes = np.flatnonzero(~filled[:n_kept])
    spare = n_kept + np.flatnonzero(filled[n_kept:])
    for hole, row in zip(holes, spare, strict=True):
        spectra[hole] = spectra[row]
    return n_kept


def _spectra_at(
    track: Track, starts: np.ndarray[Any, np.dtype[np.int64]], front_end: FrontEnd
) -> Iterator[tuple[int, FloatArray]]:
    """``|rfft(window · frame)| · 2/Σ window`` at `starts` (ascending): (index of the first, spectra (n, n_bins))."""
    window = front_end.analysis_window().astype(np.float32)
    scale = np.float32(front_end.magnitude_scale)
    length, done, base = len(window), 0, 0  # base: where the buffer begins, in frames of the track
    buffer = np.zeros(0, np.float32)
    blocks = read_mono(track, front_end.sample_rate)
    while done < len(starts) and (block := next(blocks, None)) is not None:
        buffer = np.concatenate([buffer, block])
        while (stop := int(np.searchsorted(starts, base + len(buffer) - length, side="right"))) > done:
            stop = min(stop, done + _ROWS_PER_FFT)
            at = (starts[done:stop] - base)[:, None] + np.arange(length)
            yield done, np.abs(np.fft.rfft(buffer[at] * window, front_end.fft_length)).astype(np.float32) * scale
            done = stop
        passed = min(len(buffer), int(starts[done]) - base) if done < len(starts) else len(buffer)
        base, buffer = base + passed, buffer[passed:]


def _n_windows(track: Track, front_end: FrontEnd) -> int:
    """Whole windows on the hop grid of a track."""
    return max(0, 1 + (track.length_at(front_end.sample_rate) - front_end.window_length) // front_end.hop_length)


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts).tolist()[:-1]]


def _fingerprint(tracks: Sequence[Track], draw: Draw) -> str:
    """A digest of everything that the spectra depend on: the files by name, size and time, and the draw."""
    files = [(str(t.path.resolve()), t.path.stat().st_size, t.path.stat().st_mtime_ns) for t in tracks]
    text = json.dumps([FORMAT_VERSION, files, asdict(draw)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint_in(path: Path) -> str | None:
    """The fingerprint of a finished corpus file; None for anything else."""
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT.encode() or file.attrs.get("format_version") != FORMAT_VERSION:
                return None
            return bytes(file.attrs["fingerprint"]).decode("ascii")
    except (OSError, KeyError, RuntimeError, ValueError, TypeError):
        return None
