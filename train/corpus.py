"""The corpus: magnitude spectra drawn at random from audio files into one HDF5 file, and read back in shuffled batches.

Which windows of a file are drawn follows from the file's content and the seed, in an order of its own, of which a
corpus takes the first so many; so a second corpus takes over what an older one has of the same files. Several processes
write their rows straight into the file. Memory is a few blocks a process, however large the corpus; reading maps the
file.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import functools
import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

from aedsp.errors import TrainingError
from aedsp.front_end import FrontEnd
from aedsp.train import drawing
from aedsp.train.drawing import Drawn, Job
from aedsp.train.tracks import FloatArray, Refusal, Track
from aedsp.whole_file import written_whole

FORMAT = "aedsp-corpus"
FORMAT_VERSION = 2
IN_ORDER_ROWS = 4096

SplitName = Literal["training", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("training", "validation", "test")
Progress = Callable[[int, int], None]
Rows = npt.NDArray[np.int64]
RunJobs = Callable[[Sequence[Job]], Iterator[tuple[Job, Drawn]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """What is drawn from the tracks.

    n_training, n_validation, n_test : int
        Spectra; fewer where there is less music.
    positions : "grid" or "random"
        On whole hops, or anywhere.
    split : "file" or "frame"
        Whether a track falls into one split as a whole. Where that left less than half to train on it is by frame.
    context_spectra : int
        So many successive spectra make one row, oldest first.
    by_class : bool
        The tracks' groups are classes: each falls into every split; tracks without one are left out.
    skip_silence_db : float or None
        Spectra without a magnitude above this are left out.
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
class Split:
    """Rows of an open corpus.

    spectra : (n, context_spectra * n_bins) float32, mapped from the file; rows : (len,) of them; classes : (len,) index
    of the class of each.
    """

    spectra: FloatArray
    rows: Rows
    classes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, start: int, stop: int) -> FloatArray:
        """Rows `start` to `stop` of this split, a copy."""
        return np.asarray(self.spectra[self.rows[start:stop]])

    def in_order(self, n_rows: int = IN_ORDER_ROWS) -> Iterator[FloatArray]:
        """All rows, at most `n_rows` at a time."""
        for start in range(0, len(self), n_rows):
            yield self.read(start, start + n_rows)

    def take(self, which: Rows, out: FloatArray) -> None:
        """The rows `which` of this split, into `out`."""
        np.take(self.spectra, self.rows[which], axis=0, out=out, mode="clip")


class Corpus:
    """A finished corpus file, open for reading; a context manager. `splits` by name."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path, "r") as file:
            header = _header(file)
            spectra, splits = file["spectra"], {name: file["splits"][name][:] for name in SPLITS}
            row_track = file["row_track"][:]
            offset, shape = spectra.id.get_offset(), spectra.shape
        if header is None or offset is None or offset + 4 * shape[0] * shape[1] > path.stat().st_size:
            raise TrainingError(f"{path} is damaged; delete it, it is made again")
        self.fingerprint: str = header["fingerprint"]
        self.split_by: str = header["split_by"]
        self.refusals: list[str] = header["refusals"]
        self.tracks: list[dict[str, Any]] = header["tracks"]
        self.class_names = tuple(sorted({track["class"] for track in self.tracks}))
        self._map: Any = np.memmap(path, np.float32, "r", offset, shape)
        class_of_track = np.array([self.class_names.index(t["class"]) for t in self.tracks], np.int32)
        classes = class_of_track[row_track] if len(row_track) else np.zeros(0, np.int32)
        self.splits = {name: Split(self._map, rows, classes[rows]) for name, rows in splits.items()}

    @property
    def n_input(self) -> int:
        return int(self._map.shape[1])

    def __enter__(self) -> Corpus:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.splits = {}
        self._map = None  # unmapped once nobody holds it


def is_corpus(path: Path) -> bool:
    """True for a finished corpus file of this format."""
    return _header_of(path) is not None


def matches(path: Path, tracks: Sequence[Track], draw: Draw) -> bool:
    """True where `path` is the corpus that `build` would make of these tracks."""
    return holds(path, _fingerprint(chosen(tracks, draw)[0], draw))


def holds(path: Path, fingerprint: str) -> bool:
    """True where `path` is a corpus of that fingerprint."""
    header = _header_of(path)
    return header is not None and header["fingerprint"] == fingerprint


def largest(corpus: Corpus) -> float:
    """The largest magnitude of all splits: what the paper normalises its whole data set by (section 3.1)."""
    return max(float(part.max()) for split in corpus.splits.values() for part in split.in_order())


def chosen(tracks: Sequence[Track], draw: Draw) -> tuple[list[Track], list[Refusal]]:
    """The tracks that spectra can be drawn from, each content once, and why the others are left out."""
    kept: dict[str, Track] = {}
    refusals = []
    for track in tracks:
        if track.content in kept:
            refusals.append(Refusal(track.path, f"is the same as {kept[track.content].path.name}"))
        elif draw.by_class and not track.group:
            refusals.append(Refusal(track.path, "lies in no folder of a class"))
        elif not drawing.n_windows(track, draw.front_end, draw.context_spectra):
            rate = draw.front_end.sample_rate
            refusals.append(Refusal(track.path, f"is shorter than one window ({_span(draw)} frames at {rate:g} Hz)"))
        else:
            kept[track.content] = track
    return list(kept.values()), refusals


def build(
    path: Path,
    tracks: Sequence[Track],
    draw: Draw,
    progress: Progress | None = None,
    *,
    run_jobs: RunJobs | None = None,
) -> list[Refusal]:
    """Draw spectra from `tracks` into a new corpus at `path`: written beside it, then renamed over it.

    Parameters
    ----------
    path : Path
        Replaced if it is a corpus, of which it takes over what has not changed; anything else there is refused.
    progress : callable (spectra so far, spectra in all), optional
    run_jobs : callable (jobs), optional
        Does the reading: runs the jobs in any order, and yields each with what it drew, as `in_processes` gives one.
        None: here, one after the other.

    Returns
    -------
    list of Refusal
        Files that `chosen` leaves out, and files that broke off before the length in their header.

    Raises
    ------
    TrainingError
        Not enough audio for one spectrum of training and one of validation, or a foreign file at `path`.
    """
    if path.exists() and not is_corpus(path):
        raise TrainingError(f"{path} exists and is not a corpus; name another file for the corpus")
    n_given = len(tracks)
    tracks, refusals = chosen(tracks, draw)
    n_windows = [drawing.n_windows(track, draw.front_end, draw.context_spectra) for track in tracks]
    if sum(n_windows) < 2:
        reason = f"; {refusals[0]}" if refusals else ""
        raise TrainingError(
            f"{n_given} readable files hold {sum(n_windows)} windows of {_span(draw)} frames at "
            f"{draw.front_end.sample_rate:g} Hz; training takes at least 2; give longer audio{reason}"
        )
    plan = drawing.plan(tracks, n_windows, draw)
    run_jobs = run_jobs or in_processes(1)
    with written_whole(path, durable=False) as unfinished:
        _fill(unfinished, path, tracks, plan, draw, progress or (lambda done, total: None), run_jobs, refusals)
    return refusals


def _fill(
    path: Path,
    old_path: Path,
    tracks: Sequence[Track],
    plan: drawing.Plan,
    draw: Draw,
    progress: Progress,
    run_jobs: RunJobs,
    refusals: list[Refusal],
) -> None:
    """Write every drawn spectrum to its row, then which rows there are; add to `refusals` what broke off."""
    n, n_left_out = sum(plan.counts), len(refusals)
    firsts = [0, *np.cumsum(plan.counts).tolist()]
    with h5py.File(path, "x") as file:
        width = draw.front_end.n_bins * draw.context_spectra
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((n, width))
        spectra = h5py.h5d.create(file.id, b"spectra", h5py.h5t.IEEE_F32LE, space, layout)
        offset = spectra.get_offset()
        file["row_track"] = np.repeat(np.arange(len(tracks), dtype=np.int32), plan.counts)
    _reserve(path, offset, 4 * n * width)
    kept = np.zeros(n, bool)
    jobs, done = [], 0
    older = _older_rows(old_path, draw)
    target = np.memmap(path, np.float32, "r+", offset, (n, width)) if older else None
    for track, count, first in zip(tracks, plan.counts, firsts, strict=False):
        n_known = 0
        if target is not None and track.content in older:
            rows, known = older[track.content]
            n_known = min(count, len(rows))
            target[first : first + n_known], kept[first : first + n_known] = rows[:n_known], known[:n_known]
        done += n_known
        if n_known < count:
            jobs.append(Job(track, draw, n_known, count, path, offset + 4 * width * (first + n_known), first + n_known))
    del target, older
    progress(done, n)
    for job, (found, refusal) in run_jobs(sorted(jobs, key=lambda job: -job.track.n_frames)):
        kept[job.first_row : job.first_row + len(found)] = found
        refusals += [refusal] if refusal else []
        done += len(found)
        progress(done, n)
    split_by, splits = drawing.splits(plan, kept, draw)
    if min(len(splits["training"]), len(splits["validation"])) < 1:
        first_fault = f"; the first file at fault: {refusals[0]}" if refusals else "; the others are silence"
        raise TrainingError(f"{kept.sum()} of {n} spectra can be trained on, 2 at least are needed{first_fault}")
    with h5py.File(path, "r+") as file:
        for name, members in splits.items():
            file[f"splits/{name}"] = members
        file["kept"] = kept
        header = {
            "fingerprint": _fingerprint(tracks, draw),
            "of_one_track": draw.of_one_track(),
            "split_by": split_by,
            "refusals": [str(refusal) for refusal in refusals[n_left_out:]],  # what only reading shows
            "tracks": [
                {
                    "content": t.content,
                    "name": t.path.name,
                    "class": t.group,
                    "first": first,
                    "count": count,
                    "split": split,
                }
                for t, first, count, split in zip(tracks, firsts, plan.counts, plan.split_of, strict=False)
            ],
        }
        file["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["format"] = np.bytes_(FORMAT)


def _reserve(path: Path, offset: int, n_bytes: int) -> None:
    """Take the room on the disk now, where a full disk is an error; rows that are mapped could only crash.

    Raises
    ------
    OSError
        There is not so much room.
    """
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), offset, n_bytes)
        except AttributeError:  # not on every system
            file.seek(offset)
            zeros = bytes(1 << 20)
            for done in range(0, n_bytes, len(zeros)):
                file.write(zeros[: n_bytes - done])
        except OSError as error:
            raise OSError(
                error.errno, f"{n_bytes / 1e6:,.0f} MB of spectra: {error.strerror}", str(path.parent)
            ) from None


def in_processes(n: int | None = None) -> RunJobs:
    """Jobs in so many processes of their own, one a core where n is None; 1: in this one."""
    return functools.partial(_run, processes=n_processes() if n is None else n)


def _run(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Drawn]]:
    """The jobs' results as they come, begun in the order given."""
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, job.run()
        return
    # "fork" where that is safe, since a new interpreter takes a third of the time that an hour of music does
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with concurrent.futures.ProcessPoolExecutor(min(processes, len(jobs)), context, _ignore_ctrl_c) as pool:
        try:
            futures = {pool.submit(job.run): job for job in jobs}
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()
        except concurrent.futures.process.BrokenProcessPool:
            raise TrainingError(
                "the system ended a process that was reading audio, perhaps for want of memory; close what else runs"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _ignore_ctrl_c() -> None:
    """In a process that reads: the parent decides when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _older_rows(path: Path, draw: Draw) -> dict[str, tuple[FloatArray, npt.NDArray[np.bool_]]]:
    """By the content of a track: its rows in the corpus at `path`, and which of them count; none if drawn otherwise."""
    header = _header_of(path)
    if header is None or header["of_one_track"] != draw.of_one_track():
        return {}
    with h5py.File(path, "r") as file:
        offset, shape, kept = file["spectra"].id.get_offset(), file["spectra"].shape, file["kept"][:]
    rows = np.memmap(path, np.float32, "r", offset, shape)
    places = {t["content"]: slice(t["first"], t["first"] + t["count"]) for t in header["tracks"]}
    return {content: (rows[place], kept[place]) for content, place in places.items()}


def _span(draw: Draw) -> int:
    return drawing.span(draw.front_end, draw.context_spectra)


def _fingerprint(tracks: Sequence[Track], draw: Draw) -> str:
    """A digest of everything that the spectra depend on: content and class of the files, and the draw."""
    files = sorted((track.content, track.group) for track in tracks)
    text = json.dumps([FORMAT_VERSION, files, asdict(draw)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _header_of(path: Path) -> dict[str, Any] | None:
    try:
        with h5py.File(path, "r") as file:
            return _header(file)
    except (OSError, KeyError, RuntimeError, ValueError, TypeError):
        return None


def _header(file: Any) -> dict[str, Any] | None:
    """The header of a finished corpus; None for anything else."""
    if file.attrs.get("format") != FORMAT.encode() or file.attrs.get("format_version") != FORMAT_VERSION:
        return None
    header: dict[str, Any] = json.loads(bytes(file["header"][:]))
    return header


def n_processes() -> int:
    """One a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
