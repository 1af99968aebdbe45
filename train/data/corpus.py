"""The corpus: magnitude spectra drawn at random from audio files, in one memory-mapped HDF5 file.

`build` writes it; `sampling` decides from the content of a file and the seed which of its windows are drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from aedsp.arrays import Float32, Int32, Int64
from aedsp.atomic import is_locked
from aedsp.errors import TrainingError
from aedsp.train.data.sampling import SPLITS

FORMAT = "aedsp-corpus"
FORMAT_VERSION = 2
IN_ORDER_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of an open corpus.

    spectra : (n, context_spectra * n_bins) float32, memory-mapped; rows : (len,) indices of its rows; classes : (len,)
    class index of each row.
    """

    spectra: Float32
    rows: Int64
    classes: Int32

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, start: int, stop: int) -> Float32:
        """A copy of rows `start` to `stop` of this split."""
        return np.asarray(self.spectra[self.rows[start:stop]])

    def in_order(self, n_rows: int = IN_ORDER_ROWS) -> Iterator[Float32]:
        """All rows, at most `n_rows` at a time."""
        for start in range(0, len(self), n_rows):
            yield self.read(start, start + n_rows)

    def take(self, which: Int64, out: Float32) -> None:
        """Copy the rows `which` of this split into `out`."""
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
            raise TrainingError(f"{path} is damaged; delete it and run the command again")
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
        self._map = None  # unmapped when the last reference is gone


def is_corpus(path: Path) -> bool:
    """True for a finished corpus file of this format."""
    return header_of(path) is not None


def holds(path: Path, fingerprint: str) -> bool:
    """True if `path` is a corpus with that fingerprint."""
    header = header_of(path)
    return header is not None and header["fingerprint"] == fingerprint


def largest(corpus: Corpus) -> float:
    """The largest magnitude of all splits, by which the paper normalises its data set (section 3.1)."""
    return max(float(part.max()) for split in corpus.splits.values() for part in split.in_order())


def header_of(path: Path) -> dict[str, Any] | None:
    """The header of a corpus; None if there is none at `path`. Raises TrainingError if another program has it open."""
    try:
        with h5py.File(path, "r") as file:
            return _header(file)
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        if is_locked(error):
            raise TrainingError(
                f"{path} is open in another program; close it there, and run the command again"
            ) from None
        return None


def _header(file: Any) -> dict[str, Any] | None:
    """The header of a finished corpus; None for anything else."""
    if file.attrs.get("format") != FORMAT.encode() or file.attrs.get("format_version") != FORMAT_VERSION:
        return None
    header: dict[str, Any] = json.loads(bytes(file["header"][:]))
    return header
