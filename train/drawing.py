"""Which windows of which track are drawn, and the spectra at them: the work of one process, on one track."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from aedsp import constant_q
from aedsp.errors import TrainingError
from aedsp.front_end import FrontEnd
from aedsp.train.tracks import FloatArray, Refusal, Track, read_mono

if TYPE_CHECKING:
    from aedsp.train.corpus import Draw, SplitName

Rows = npt.NDArray[np.int64]
_ROWS_PER_FFT = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """How many spectra each track gives, and the split it falls into (None where the split is by frame)."""

    counts: list[int]
    split_of: list[SplitName | None]
    split_by: Literal["file", "frame"]


@dataclass(frozen=True, slots=True)
class Job:
    """The spectra number `first` to `stop` of a track, in the track's own random order, into rows of a file."""

    track: Track
    draw: Draw
    first: int
    stop: int
    path: Path
    offset: int  # in bytes, of the first of these rows
    first_row: int

    def run(self) -> tuple[npt.NDArray[np.bool_], Refusal | None]:
        """Write them. Which of them there are and are no silence; and why some are missing."""
        front_end, n_context = self.draw.front_end, self.draw.context_spectra
        starts = window_starts(self.track, self.draw)[self.first : self.stop]
        order = np.argsort(starts, kind="stable")
        width = front_end.n_bins * n_context
        rows = np.memmap(self.path, np.float32, "r+", self.offset, (len(starts), width))
        kept = np.zeros(len(starts), bool)
        floor = -1.0 if self.draw.skip_silence_db is None else 10 ** (self.draw.skip_silence_db / 20)
        refusal = None
        try:
            for at, magnitudes in spectra_at(self.track, starts[order], front_end, n_context):
                into = order[at : at + len(magnitudes)]
                rows[into] = magnitudes
                kept[into] = magnitudes.max(axis=1) > floor
        except TrainingError as error:
            refusal = Refusal(self.track.path, str(error).removeprefix(f"{self.track.path} "))
        else:
            if at + len(magnitudes) < len(starts):
                refusal = Refusal(self.track.path, "is shorter than its header says")
        return kept, refusal


def span(front_end: FrontEnd, n_context: int) -> int:
    """Frames that one row looks at."""
    return front_end.window_length + (n_context - 1) * front_end.hop_length


def n_windows(track: Track, front_end: FrontEnd, n_context: int = 1) -> int:
    """Rows on the hop grid of a track."""
    n_frames = track.length_at(front_end.sample_rate)
    return max(0, 1 + (n_frames - span(front_end, n_context)) // front_end.hop_length)


def window_starts(track: Track, draw: Draw) -> Rows:
    """First frames of all windows of a track, in the order in which they are drawn."""
    rng = np.random.default_rng([draw.seed, int(track.content[:16], 16)])
    hop = draw.front_end.hop_length
    starts: Rows = rng.permutation(n_windows(track, draw.front_end, draw.context_spectra)) * hop
    if draw.positions == "random":
        last = track.length_at(draw.front_end.sample_rate) - span(draw.front_end, draw.context_spectra)
        starts = np.minimum(starts + rng.integers(hop, size=len(starts)), last)
    return starts


def plan(tracks: Sequence[Track], counts: Sequence[int], draw: Draw) -> Plan:
    """Every window of all tracks is as likely to be drawn as any other of its split."""
    rng = np.random.default_rng([draw.seed, 1])
    wanted = draw.wanted()
    n_splits = 3 if draw.n_test else 2
    if draw.split == "frame" or len(tracks) < n_splits:
        n = min(sum(wanted.values()), sum(counts))
        return Plan(_shared_out(counts, n, rng), [None] * len(tracks), "frame")
    split_of = _split_by_file(tracks, counts, draw)
    taken = [0] * len(tracks)
    for name, n in wanted.items():
        members = [i for i, split in enumerate(split_of) if split == name]
        available = [counts[i] for i in members]
        for i, count in zip(members, _shared_out(available, min(n, sum(available)), rng), strict=True):
            taken[i] = count
    return Plan(taken, list(split_of), "file")


def _shared_out(counts: Sequence[int], n: int, rng: np.random.Generator) -> list[int]:
    """How many of n draws without replacement fall to each."""
    if n == sum(counts):
        return list(counts)
    return [int(k) for k in rng.multivariate_hypergeometric(counts, n, method="marginals")]


def _split_by_file(tracks: Sequence[Track], counts: Sequence[int], draw: Draw) -> list[SplitName]:
    """Validation and test get whole tracks, in an order that the seed and the tracks' contents give, until they have
    their share of the windows; training gets the others."""
    total, wanted = sum(counts), draw.wanted()
    keys = [np.random.default_rng([draw.seed, int(t.content[:16], 16), 2]).random() for t in tracks]
    free = sorted(range(len(tracks)), key=keys.__getitem__)
    split_of: list[SplitName] = ["training"] * len(tracks)
    names: tuple[SplitName, ...] = ("validation", "test")
    for name in names:
        need = total * wanted[name] / draw.n_spectra
        if not need:
            continue
        fitting = [i for i in free if counts[i] <= need]
        if not fitting:  # one track is more than the share: the shortest of all
            fitting = [min(free, key=counts.__getitem__)]
        got = 0
        for i in fitting:
            if got == 0 or got + counts[i] <= 1.1 * need:
                split_of[i], got = name, got + counts[i]
                free.remove(i)
            if got >= 0.9 * need or len(free) <= 2:
                break
    return split_of


def splits(plan: Plan, kept: npt.NDArray[np.bool_], draw: Draw) -> dict[SplitName, Rows]:
    """The rows of each split."""
    edges = np.concatenate([[0], np.cumsum(plan.counts)])
    if plan.split_by == "file":
        found: dict[SplitName, list[Rows]] = {name: [np.zeros(0, np.int64)] for name in draw.wanted()}
        for split, (first, stop) in zip(plan.split_of, itertools.pairwise(edges.tolist()), strict=True):
            assert split is not None
            found[split].append(first + np.flatnonzero(kept[first:stop]))
        return {name: np.concatenate(parts) for name, parts in found.items()}
    rows = np.random.default_rng([draw.seed, 3]).permutation(np.flatnonzero(kept))
    n = len(rows)
    n_validation = max(1, draw.n_validation * n // draw.n_spectra)
    n_test = draw.n_test * n // draw.n_spectra
    by_frame = np.split(rows, [n_validation, n_validation + n_test])
    return {"validation": np.sort(by_frame[0]), "test": np.sort(by_frame[1]), "training": np.sort(by_frame[2])}


def spectra_at(track: Track, starts: Rows, front_end: FrontEnd, n_context: int = 1) -> Iterator[tuple[int, FloatArray]]:
    """Rows of `n_context` successive spectra at `starts` (ascending): (index of the first, (n, n_context * n_bins))."""
    analysis = Analysis(front_end)
    length, done, base = span(front_end, n_context), 0, 0  # base: where the buffer begins, in frames of the track
    offsets = front_end.hop_length * np.arange(n_context)[:, None] + np.arange(front_end.window_length)
    buffer = np.zeros(0, np.float32)
    blocks = read_mono(track, front_end.sample_rate)
    while done < len(starts) and (block := next(blocks, None)) is not None:
        buffer = np.concatenate([buffer, block])
        while (stop := int(np.searchsorted(starts, base + len(buffer) - length, side="right"))) > done:
            stop = min(stop, done + max(1, _ROWS_PER_FFT // n_context))
            frames = buffer[(starts[done:stop] - base)[:, None, None] + offsets]
            magnitudes = analysis.magnitudes(frames.reshape(-1, front_end.window_length))
            yield done, magnitudes.reshape(stop - done, -1)
            done = stop
        passed = min(len(buffer), int(starts[done]) - base) if done < len(starts) else len(buffer)
        base, buffer = base + passed, buffer[passed:]
    if done == 0:
        yield 0, np.zeros((0, n_context * front_end.n_bins), np.float32)


class Analysis:
    """Frames to magnitudes, as the engine has them; NumPy."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._fft_length = front_end.fft_length
        self._window = front_end.analysis_window().astype(np.float32)
        self._scale = np.float32(front_end.magnitude_scale)
        self._bands = constant_q.matrix(front_end).astype(np.float32) if front_end.kind == "cqft" else None

    def magnitudes(self, frames: FloatArray) -> FloatArray:
        """``|rfft(window · frame)| · 2/Σ window``, gathered in bands for cqft: (n, window_length) -> (n, n_bins)."""
        spectra: Any = np.fft.rfft(frames * self._window, self._fft_length)
        magnitudes: FloatArray = np.asarray(np.abs(spectra), dtype=np.float32)
        magnitudes *= self._scale
        return magnitudes if self._bands is None else np.sqrt(np.square(magnitudes) @ self._bands)
