"""2,000 damaged model files: each loads or raises ModelFormatError; no other error, no crash, no hang, under 200 MB.

They are read in a child process, since the test looks for crashes and hangs. To search longer by hand:

    python tests/model/test_model_file_fuzz.py FIRST_SEED N_MUTANTS FOLDER
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

import model_files
from aedsp import Model
from aedsp.errors import ModelFormatError

FIRST_SEED, N_MUTANTS = 20140914, 2000
LONGEST_LOAD_S, LONGEST_RUN_S = 20, 300  # limits for a slow machine; the whole run takes about 30 s
MOST_MEMORY_MB = 200

#: Replacement values for sizes, counts and addresses.
INTEGERS = (0, 1, 2, 7, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**32, 2**40, 2**62, 2**63, 2**64 - 1)


def test_damaged_files_load_or_raise_model_format_error(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="the child needs it to measure its memory")
    arguments = [sys.executable, __file__, str(FIRST_SEED), str(N_MUTANTS), str(tmp_path)]
    try:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, timeout=LONGEST_RUN_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"did not finish within {LONGEST_RUN_S} s, at {_seed_reached(tmp_path)}")
    assert child.returncode == 0, f"exit status {child.returncode} at {_seed_reached(tmp_path)}: {child.stderr[-3000:]}"
    report = json.loads(child.stdout)
    print(report)
    assert report["refused"] + report["loaded"] == N_MUTANTS
    assert report["refused"] > N_MUTANTS / 3, "too few mutants are invalid for a meaningful test"
    assert report["peak_mb"] < MOST_MEMORY_MB, f"seed {report['peak_seed']} took {report['peak_mb']} MB"


def _seed_reached(folder: Path) -> str:
    progress = folder / "progress"
    return f"seed {progress.read_text()}" if progress.exists() else "the start"


def good_files(folder: Path) -> list[Path]:
    """Small files that use different HDF5 storage."""
    names = ("contiguous", "chunked", "compressed", "newest", "saved")
    contiguous, chunked, compressed, newest, saved = paths = [folder / f"{name}.h5" for name in names]
    model_files.write(contiguous, tied=True, dtype=np.float64, extras=True)
    model_files.write(chunked, n_units=(8, 4), storage={"chunks": True}, extras=True)
    model_files.write(compressed, n_units=(6, 4), storage=model_files.COMPRESSED, extras=True)
    model_files.write(newest, n_units=(8, 4), storage={"chunks": True, "compression": "gzip"}, libver="latest")
    model_files.model().save(saved)
    return paths


def metadata_of(path: Path) -> npt.NDArray[np.intp]:
    """Positions of all bytes of the file outside dataset values."""
    is_metadata = np.ones(path.stat().st_size, dtype=bool)

    def exclude(_name: str, member: h5py.Group | h5py.Dataset) -> None:
        if isinstance(member, h5py.Dataset):
            chunks = [member.id.get_chunk_info(i) for i in range(member.id.get_num_chunks() if member.chunks else 0)]
            stored = [(chunk.byte_offset, chunk.size) for chunk in chunks] or [(member.id.get_offset(), member.nbytes)]
            for offset, n_bytes in stored:
                is_metadata[offset : offset + n_bytes] = False

    with h5py.File(path) as file:
        file.visititems(exclude)
    return np.flatnonzero(is_metadata)


Mutation = Callable[[np.random.Generator, bytearray, int], None]


def _flip_bit(rng: np.random.Generator, data: bytearray, at: int) -> None:
    data[at] ^= 1 << int(rng.integers(8))


def _change_byte(rng: np.random.Generator, data: bytearray, at: int) -> None:
    data[at] = int(rng.integers(256))


def _fill_run(rng: np.random.Generator, data: bytearray, at: int) -> None:
    n_bytes = min(int(rng.integers(1, 65)), len(data) - at)
    data[at : at + n_bytes] = bytes([int(rng.choice((0x00, 0xFF)))]) * n_bytes


def _change_integer(rng: np.random.Generator, data: bytearray, at: int) -> None:
    start, size = at & ~7, int(rng.choice((2, 4, 8, 8)))
    old = int.from_bytes(data[start : start + size], "little")
    near = (old + 1, old - 1, old + 8, 2 * old, len(data), int(rng.integers(len(data))) & ~7)
    new = int(rng.choice(np.array([*INTEGERS, *near], dtype=object))) % 2 ** (8 * size)
    data[start : start + size] = new.to_bytes(size, "little")[: max(0, len(data) - start)]


def _swap_blocks(rng: np.random.Generator, data: bytearray, at: int) -> None:
    n_bytes = int(rng.choice((8, 16, 40, 512)))
    other = int(rng.integers(len(data)))
    first, second = data[at : at + n_bytes], data[other : other + n_bytes]
    data[other : other + len(first)], data[at : at + len(second)] = first, second


def _duplicate_block(rng: np.random.Generator, data: bytearray, at: int) -> None:
    n_bytes = int(rng.choice((8, 40, 512)))
    other = int(rng.integers(len(data)))
    data[other : other + n_bytes] = data[at : at + n_bytes]


def _truncate(rng: np.random.Generator, data: bytearray, at: int) -> None:
    del data[at:]


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bit, _change_byte, _fill_run, _change_integer, _change_integer, _swap_blocks, _duplicate_block, _truncate,
)  # fmt: skip


def mutant(seed: int, good: list[tuple[bytes, npt.NDArray[np.intp]]]) -> bytes:
    """One of the valid files with one to three mutations, mostly in its metadata."""
    rng = np.random.default_rng(seed)
    original, metadata = good[seed % len(good)]
    data = bytearray(original)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.choice(metadata)) if rng.random() < 0.8 else int(rng.integers(len(original)))
        if at < len(data):
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](rng, data, at)
    return bytes(data)


def read_mutants(first_seed: int, n_mutants: int, folder: Path) -> dict[str, Any]:
    """Load each mutant; the file "progress" holds the current seed."""
    good = [(path.read_bytes(), metadata_of(path)) for path in good_files(folder)]
    path, progress = folder / "mutant.h5", folder / "progress"
    outcomes: Counter[str] = Counter()
    peak_mb, peak_seed, slowest_s, slowest_seed = 0.0, 0, 0.0, 0
    for seed in range(first_seed, first_seed + n_mutants):
        path.write_bytes(mutant(seed, good))
        progress.write_text(str(seed))
        faulthandler.dump_traceback_later(LONGEST_LOAD_S, exit=True)
        start = time.perf_counter()
        try:
            Model.load(path)
            outcomes["loaded"] += 1
        except ModelFormatError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error), str(error)
            outcomes["refused"] += 1
        faulthandler.cancel_dump_traceback_later()
        slowest_s, slowest_seed = max((slowest_s, slowest_seed), (time.perf_counter() - start, seed))
        peak_mb, peak_seed = max((peak_mb, peak_seed), (_peak_mb(), -seed))
    measures = {"peak_mb": peak_mb, "peak_seed": -peak_seed, "slowest_s": slowest_s, "slowest_seed": slowest_seed}
    return {**outcomes, **measures}


def _peak_mb() -> float:
    """Peak memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss includes the peak of the parent process
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(read_mutants(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
