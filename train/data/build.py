"""Build a corpus: from audio files to spectra in one HDF5 file, in several processes.

Spectra of unchanged files are copied from an older corpus. Memory use is a few blocks per process, whatever the size
of the corpus.
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
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np

from aedsp import data
from aedsp.arrays import Bools, Float32
from aedsp.atomic import atomic_write
from aedsp.errors import TrainingError
from aedsp.train.data import sampling
from aedsp.train.data.corpus import FORMAT, FORMAT_VERSION, Corpus, header_of, holds, is_corpus
from aedsp.train.data.listing import list_folder
from aedsp.train.data.sampling import Draw, Drawn, Job
from aedsp.train.data.tracks import Refusal, Track, find_audio, survey

#: A worker process notices within this time, in s, that its parent was killed.
ORPHAN_S = 0.5
#: Between the rates of a file and of the model, as in an engine.
MOST_RATIO = 64

Progress = Callable[[int, int], None]
RunJobs = Callable[[Sequence[Job]], Iterator[tuple[Job, Drawn]]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Result of `gather`.

    tracks : the readable files
    reused, replaced : whether the corpus already existed; whether it replaced another one
    left_out : one line for each file that is missing from it, entirely or in part
    not_read : one line for each kind of file that was not looked into
    too_few : whether the split is by spectrum because there are too few files
    """

    tracks: list[Track]
    reused: bool
    replaced: bool
    left_out: list[str]
    not_read: list[str] = field(default_factory=list)
    too_few: bool = False


def default_folder() -> tuple[Path, str]:
    """$AEDSP_CORPUS/train or the shipped clips, and the reason for the choice."""
    if root := os.environ.get("AEDSP_CORPUS"):
        return Path(root, "train"), "from AEDSP_CORPUS"
    return data.FOLDER, "the shipped clips, since AEDSP_CORPUS is not set"


def gather(
    folder: Path,
    path: Path,
    draw: Draw,
    licenses: Sequence[str],
    on_file: Progress,
    on_spectra: Progress,
    run_jobs: RunJobs | None = None,
    fewest_files: int = 0,
) -> Gathered:
    """Bring the spectra of a folder of audio into the corpus file at `path`; reuse it if nothing has changed.

    on_file, on_spectra : called with (done, total); may raise KeyboardInterrupt.
    run_jobs : as in `build`.
    fewest_files : with fewer usable files than this, the split is by spectrum instead of by file.

    Raises
    ------
    TrainingError
        No audio, too little of it, or a file at `path` that is not a corpus.
    """
    listing = list_folder(folder)
    tracks, refusals = survey(find_audio(folder, licenses, listing), folder, on_file)
    not_read = listing.remarks()
    too_few = draw.split == "file" and len(chosen(tracks, draw)[0]) < fewest_files
    if too_few:
        draw = replace(draw, split="frame")
    if matches(path, tracks, draw):
        with Corpus(path) as corpus:
            left_out = [*map(str, refusals + chosen(tracks, draw)[1]), *corpus.refusals]
        return Gathered(tracks, reused=True, replaced=False, left_out=left_out, not_read=not_read, too_few=too_few)
    replaced = is_corpus(path)
    refusals += build_corpus(path, tracks, draw, on_spectra, run_jobs=run_jobs)
    left_out = [*map(str, refusals)]
    return Gathered(tracks, reused=False, replaced=replaced, left_out=left_out, not_read=not_read, too_few=too_few)


def matches(path: Path, tracks: Sequence[Track], draw: Draw) -> bool:
    """True if `path` is the corpus that `build_corpus` would make from these tracks."""
    return holds(path, _fingerprint(chosen(tracks, draw)[0], draw))


def chosen(tracks: Sequence[Track], draw: Draw) -> tuple[list[Track], list[Refusal]]:
    """The usable tracks, without duplicates, and the reasons why the others are skipped."""
    kept: dict[str, Track] = {}
    refusals = []
    for track in tracks:
        if track.content in kept:
            refusals.append(Refusal(track.path, f"is the same as {kept[track.content].path.name}"))
        elif not _is_possible(track.sample_rate, draw.front_end.sample_rate):
            refusals.append(Refusal(track.path, f"has a sample rate of {track.sample_rate} Hz according to its header"))
        elif draw.by_class and not track.group:
            refusals.append(Refusal(track.path, "is not in the folder of a class"))
        elif not sampling.n_windows(track, draw.front_end, draw.context_spectra):
            rate = draw.front_end.sample_rate
            refusals.append(Refusal(track.path, f"is shorter than one window ({_span(draw)} frames at {rate:g} Hz)"))
        else:
            kept[track.content] = track
    return list(kept.values()), refusals


def _is_possible(rate: float, model_rate: float) -> bool:
    """Whether a file can have this rate, in Hz: a common one, or within the range that an engine takes."""
    return 1_000 <= rate <= 1_000_000 or model_rate / MOST_RATIO <= rate <= model_rate * MOST_RATIO


def build_corpus(
    path: Path,
    tracks: Sequence[Track],
    draw: Draw,
    progress: Progress | None = None,
    *,
    run_jobs: RunJobs | None = None,
) -> list[Refusal]:
    """Draw spectra from `tracks` into a new corpus at `path`, in an atomic write.

    Parameters
    ----------
    path : Path
        Replaced if it is a corpus, after copying what has not changed; any other file is rejected.
    progress : callable (spectra so far, total spectra), optional
    run_jobs : callable (jobs), optional
        Runs the jobs in any order and yields each with what it drew; `in_processes` returns one. None: run them here,
        one after the other.

    Returns
    -------
    list of Refusal
        Files that `chosen` skips, and files shorter than their header claims.

    Raises
    ------
    TrainingError
        Not enough audio for one training and one validation spectrum, or a file at `path` that is not a corpus.
    """
    if path.exists() and not is_corpus(path):
        raise TrainingError(f"{path} exists and is not a corpus; give another file for the corpus")
    n_given = len(tracks)
    tracks, refusals = chosen(tracks, draw)
    n_windows = [sampling.n_windows(track, draw.front_end, draw.context_spectra) for track in tracks]
    if sum(n_windows) < 2:
        reason = f"; {refusals[0]}" if refusals else ""
        raise TrainingError(
            f"{n_given} readable files hold {sum(n_windows)} windows of {_span(draw)} frames at "
            f"{draw.front_end.sample_rate:g} Hz; training needs at least 2; give longer audio{reason}"
        )
    plan = sampling.plan(tracks, n_windows, draw)
    run_jobs = run_jobs or in_processes(1)
    with atomic_write(path, durable=False) as unfinished:
        _fill(unfinished, path, tracks, plan, draw, progress or (lambda done, total: None), run_jobs, refusals)
    return refusals


def _fill(
    path: Path,
    old_path: Path,
    tracks: Sequence[Track],
    plan: sampling.Plan,
    draw: Draw,
    progress: Progress,
    run_jobs: RunJobs,
    refusals: list[Refusal],
) -> None:
    """Write every drawn spectrum to its row, then the index of valid rows; add truncated files to `refusals`."""
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
    split_by, splits = sampling.splits(plan, kept, draw)
    if min(len(splits["training"]), len(splits["validation"])) < 1:
        first_fault = f"; first problem: {refusals[0]}" if refusals else "; the others are silent"
        raise TrainingError(f"{kept.sum()} of {n} spectra can be used, at least 2 are needed{first_fault}")
    with h5py.File(path, "r+") as file:
        for name, members in splits.items():
            file[f"splits/{name}"] = members
        file["kept"] = kept
        header = {
            "fingerprint": _fingerprint(tracks, draw),
            "of_one_track": draw.of_one_track(),
            "split_by": split_by,
            "refusals": [str(refusal) for refusal in refusals[n_left_out:]],  # found only by reading
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
    """Allocate the disk space now, since a full disk raises here; writing to memory-mapped rows would crash.

    Raises
    ------
    OSError
        Not enough free space.
    """
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), offset, n_bytes)
        except AttributeError:  # not available on every system
            file.seek(offset)
            zeros = bytes(1 << 20)
            for done in range(0, n_bytes, len(zeros)):
                file.write(zeros[: n_bytes - done])
        except OSError as error:
            raise OSError(
                error.errno, f"{n_bytes / 1e6:,.0f} MB of spectra: {error.strerror}", str(path.parent)
            ) from None


def in_processes(n: int | None = None) -> RunJobs:
    """Run jobs in n processes, one per core if n is None; with 1, in this process."""
    return functools.partial(_run, processes=n_processes() if n is None else n)


def _run(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Drawn]]:
    """Yield the results of the jobs as they finish; jobs start in the order given."""
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, job.run()
        return
    # "fork" where it is safe: starting a new interpreter takes a third of the time of an hour of music
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    begin = functools.partial(_begin_worker, os.getpid())
    with concurrent.futures.ProcessPoolExecutor(min(processes, len(jobs)), context, begin) as pool:
        try:
            futures = {pool.submit(job.run): job for job in jobs}
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()
        except concurrent.futures.process.BrokenProcessPool:
            raise TrainingError(
                "the system killed a process that was reading audio, perhaps out of memory; close other programs"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker(parent: int) -> None:
    """In a worker process: the parent decides when to stop, and nothing goes on without it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), name="aedsp orphan watch", daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process soon after its parent was killed."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_S)
    os._exit(1)


def _older_rows(path: Path, draw: Draw) -> dict[str, tuple[Float32, Bools]]:
    """By track content: its rows in the corpus at `path`, and which are valid; empty if drawn with other options."""
    header = header_of(path)
    if header is None or header["of_one_track"] != draw.of_one_track():
        return {}
    with h5py.File(path, "r") as file:
        offset, shape, kept = file["spectra"].id.get_offset(), file["spectra"].shape, file["kept"][:]
    rows = np.memmap(path, np.float32, "r", offset, shape)
    places = {t["content"]: slice(t["first"], t["first"] + t["count"]) for t in header["tracks"]}
    return {content: (rows[place], kept[place]) for content, place in places.items()}


def _span(draw: Draw) -> int:
    return sampling.span(draw.front_end, draw.context_spectra)


def _fingerprint(tracks: Sequence[Track], draw: Draw) -> str:
    """A digest of all that the spectra depend on: content and class of the files, and the draw."""
    files = sorted((track.content, track.group) for track in tracks)
    text = json.dumps([FORMAT_VERSION, files, asdict(draw)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def n_processes() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
