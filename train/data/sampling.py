"""Sampling: which windows of which track are drawn, and their spectra; runs per track, in one process."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from aedsp.arrays import Bools, Float32, Int64
from aedsp.errors import TrainingError
from aedsp.model.analysis import Analysis
from aedsp.model.front_end import FrontEnd
from aedsp.train.data.tracks import Refusal, Track, read_mono

Drawn = tuple[Bools, Refusal | None]
_ROWS_PER_FFT = 256


SplitName = Literal["training", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("training", "validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """What to draw from the tracks.

    n_training, n_validation, n_test : int
        Number of spectra; fewer if the tracks hold fewer.
    positions : "grid" or "random"
        On the hop grid, or anywhere.
    split : "file" or "frame"
        Whether whole tracks are assigned to splits. Falls back to "frame" if that leaves less than half for training.
    context_spectra : int
        Number of successive spectra in one row, oldest first.
    by_class : bool
        The groups of the tracks are classes; every split gets tracks of each; tracks without a group are skipped.
    skip_silence_db : float or None
        Spectra without a magnitude above this are skipped.
    seed : int
    """

    front_end: FrontEnd = field(default_factory=FrontEnd)
    n_training: int = 50_000
    n_validation: int = 10_000
    n_test: int = 10_000
    positions: Literal["grid", "random"] = "grid"
    split: Literal["file", "frame"] = "file"
    context_spectra: int = 1
    by_class: bool = False
    skip_silence_db: float | None = None
    seed: int = 0

    def wanted(self) -> dict[SplitName, int]:
        return {"training": self.n_training, "validation": self.n_validation, "test": self.n_test}

    @property
    def n_spectra(self) -> int:
        return sum(self.wanted().values())

    def of_one_track(self) -> str:
        """Everything that the spectra of one track depend on, as text."""
        options = asdict(self)
        return json.dumps(
            {key: options[key] for key in ("front_end", "positions", "context_spectra", "skip_silence_db", "seed")}
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of spectra from each track, and its split (None if the split is by frame)."""

    counts: list[int]
    split_of: list[SplitName | None]
    split_by: Literal["file", "frame"]


@dataclass(frozen=True, slots=True)
class Job:
    """Draw spectra `first` to `stop` of a track, in the random order of that track, into rows of a file."""

    track: Track
    draw: Draw
    first: int
    stop: int
    path: Path
    offset: int  # in bytes, of the first of these rows
    first_row: int

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of its rows."""
        return self.stop - self.first, self.draw.front_end.n_bins * self.draw.context_spectra

    def run(self) -> Drawn:
        """Draw the rows into the file."""
        return self.draw_into(self.place())

    def place(self) -> Float32:
        """Its rows in the file, writable."""
        return np.memmap(self.path, np.float32, "r+", self.offset, self.shape)

    def draw_into(self, rows: Float32) -> Drawn:
        """Draw the rows; return which of them exist and are not silent, and the reason if some are missing."""
        front_end, n_context = self.draw.front_end, self.draw.context_spectra
        starts = window_starts(self.track, self.draw)[self.first : self.stop]
        order = np.argsort(starts, kind="stable")
        kept = np.zeros(len(starts), bool)
        floor = -1.0 if self.draw.skip_silence_db is None else 10 ** (self.draw.skip_silence_db / 20)
        refusal, n_read = None, 0
        try:
            for at, magnitudes in spectra_at(self.track, starts[order], front_end, n_context):
                n_read = at + len(magnitudes)
                rows[order[at:n_read]] = magnitudes
                kept[order[at:n_read]] = magnitudes.max(axis=1) > floor
        except TrainingError as error:
            refusal = Refusal(self.track.path, str(error).removeprefix(f"{self.track.path} "))
        else:
            if n_read < len(starts):
                refusal = Refusal(self.track.path, "is shorter than its header claims")
        return kept, refusal


def span(front_end: FrontEnd, n_context: int) -> int:
    """Frames that one row spans."""
    return front_end.window_length + (n_context - 1) * front_end.hop_length


def n_windows(track: Track, front_end: FrontEnd, n_context: int = 1) -> int:
    """Number of windows on the hop grid of a track."""
    n_frames = track.length_at(front_end.sample_rate)
    return max(0, 1 + (n_frames - span(front_end, n_context)) // front_end.hop_length)


def window_starts(track: Track, draw: Draw) -> Int64:
    """First frame of each window of a track, in drawing order."""
    rng = np.random.default_rng([draw.seed, int(track.content[:16], 16)])
    hop = draw.front_end.hop_length
    starts: Int64 = rng.permutation(n_windows(track, draw.front_end, draw.context_spectra)) * hop
    if draw.positions == "random":
        last = track.length_at(draw.front_end.sample_rate) - span(draw.front_end, draw.context_spectra)
        starts = np.minimum(starts + rng.integers(hop, size=len(starts)), last)
    return starts


def plan(tracks: Sequence[Track], counts: Sequence[int], draw: Draw) -> Plan:
    """Decide how many spectra to draw from each track; all windows of a split are equally likely."""
    rng = np.random.default_rng([draw.seed, 1])
    wanted = draw.wanted()
    split_of = _split_by_file(tracks, counts, draw) if draw.split == "file" else None
    if split_of is None:
        n = min(sum(wanted.values()), sum(counts))
        return Plan(_shared_out(counts, n, rng), [None] * len(tracks), "frame")
    taken = [0] * len(tracks)
    for name, n in wanted.items():
        members = [i for i, split in enumerate(split_of) if split == name]
        available = [counts[i] for i in members]
        for i, count in zip(members, _shared_out(available, min(n, sum(available)), rng), strict=True):
            taken[i] = count
    return Plan(taken, list(split_of), "file")


def _shared_out(counts: Sequence[int], n: int, rng: np.random.Generator) -> list[int]:
    """How many of n draws without replacement come from each track."""
    if n == sum(counts):
        return list(counts)
    return [int(k) for k in rng.multivariate_hypergeometric(counts, n, method="marginals")]


def _split_by_file(tracks: Sequence[Track], counts: Sequence[int], draw: Draw) -> list[SplitName] | None:
    """The split of each track; None if less than half of the windows (of any class) would be left for training.

    Validation and test get whole tracks with about their share of the windows, of each class if there are classes, in
    an order that depends on the seed and the content of the tracks.
    """
    split_of: list[SplitName] = ["training"] * len(tracks)
    keys = [np.random.default_rng([draw.seed, int(t.content[:16], 16), 2]).random() for t in tracks]
    for group in sorted({track.group for track in tracks} if draw.by_class else {""}):
        free = [i for i, track in enumerate(tracks) if track.group == group or not draw.by_class]
        free.sort(key=keys.__getitem__)
        total = sum(counts[i] for i in free)
        names: tuple[SplitName, ...] = ("validation", "test")
        for name in names:
            for i in _about(total * draw.wanted()[name] / draw.n_spectra, free, counts):
                split_of[i] = name
                free.remove(i)
        if sum(counts[i] for i in free) < total / 2:
            return None
    return split_of


def _about(need: float, free: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Tracks from `free`, first fit, with about `need` windows in total; at least half of that, if available."""
    taken: list[int] = []
    got = 0
    for i in free:
        if got < 0.8 * need and got + counts[i] <= 1.3 * need:
            taken.append(i)
            got += counts[i]
    rest = [i for i in free if i not in taken]
    if got < 0.5 * need and rest:
        enough = [i for i in rest if got + counts[i] >= 0.5 * need]
        taken.append(min(enough, key=counts.__getitem__) if enough else max(rest, key=counts.__getitem__))
    return taken


def splits(plan: Plan, kept: Bools, draw: Draw) -> tuple[Literal["file", "frame"], dict[SplitName, Int64]]:
    """The rows of each split; by frame if a split by file would leave a requested split empty."""
    edges = np.concatenate([[0], np.cumsum(plan.counts)])
    if plan.split_by == "file":
        found: dict[SplitName, list[Int64]] = {name: [np.zeros(0, np.int64)] for name in draw.wanted()}
        for split, (first, stop) in zip(plan.split_of, itertools.pairwise(edges.tolist()), strict=True):
            assert split is not None
            found[split].append(first + np.flatnonzero(kept[first:stop]))
        by_file = {name: np.concatenate(parts) for name, parts in found.items()}
        if all(len(rows) or not draw.wanted()[name] for name, rows in by_file.items()):
            return "file", by_file
    rows = np.random.default_rng([draw.seed, 3]).permutation(np.flatnonzero(kept))
    n = len(rows)
    n_validation = max(1, draw.n_validation * n // draw.n_spectra)
    n_test = draw.n_test * n // draw.n_spectra
    by_frame = np.split(rows, [n_validation, n_validation + n_test])
    names: tuple[SplitName, ...] = ("validation", "test", "training")
    return "frame", {name: np.sort(rows) for name, rows in zip(names, by_frame, strict=True)}


def spectra_at(track: Track, starts: Int64, front_end: FrontEnd, n_context: int = 1) -> Iterator[tuple[int, Float32]]:
    """Yield rows of `n_context` successive spectra at `starts` (ascending): first index, (n, n_context * n_bins)."""
    analysis = Analysis(front_end)
    length, done, base = span(front_end, n_context), 0, 0  # base: frame of the track at which the buffer starts
    offsets = front_end.hop_length * np.arange(n_context)
    buffer = np.zeros(0, np.float32)
    blocks = read_mono(track, front_end.sample_rate)
    while done < len(starts) and (block := next(blocks, None)) is not None:
        buffer = np.concatenate([buffer, block])
        while (stop := int(np.searchsorted(starts, base + len(buffer) - length, side="right"))) > done:
            stop = min(stop, done + max(1, _ROWS_PER_FFT // n_context))
            windows = np.lib.stride_tricks.sliding_window_view(buffer, front_end.window_length)
            frames = windows[((starts[done:stop] - base)[:, None] + offsets).reshape(-1)]
            magnitudes = analysis.magnitudes(frames)
            yield done, magnitudes.reshape(stop - done, -1)
            done = stop
        passed = min(len(buffer), int(starts[done]) - base) if done < len(starts) else len(buffer)
        base, buffer = base + passed, buffer[passed:]
