"""Reads and writes model files in HDF5, checking untrusted files; the only importer of h5py outside train.

Model files are untrusted. Link, type, shape, layout, filters and stored size of each member are checked through
HDF5's low-level API before any of its data is read. `format` defines the members. Control thread only.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import math
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeVar, get_args

import h5py
import numpy as np
import numpy.typing as npt
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5z

from aedsp.arrays import Float32
from aedsp.atomic import atomic_write, is_locked
from aedsp.errors import ModelFormatError
from aedsp.model import format as model_format
from aedsp.model.file_objects import ModelFile, content, require_hdf5, require_regular
from aedsp.model.format import LONGEST_TEXT, MOST_BYTES, Parts, WeightDtype

T = TypeVar("T")

MOST_CHUNKS = 65_536  # per dataset

_LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}
_LAYOUTS = {h5d.COMPACT: "a compact dataset", h5d.VIRTUAL: "a virtual dataset"}
_FILTERS = {h5z.FILTER_DEFLATE: "gzip", h5z.FILTER_SHUFFLE: "shuffle", h5z.FILTER_FLETCHER32: "fletcher32"}
_FLOATS = (h5t.IEEE_F16LE, h5t.IEEE_F16BE, h5t.IEEE_F32LE, h5t.IEEE_F32BE, h5t.IEEE_F64LE, h5t.IEEE_F64BE)
_CLASSES = {h5t.INTEGER: "an integer", h5t.FLOAT: "a float", h5t.ENUM: "an enumeration", h5t.COMPOUND: "a compound"}
_CHECKSUM_BYTES = 4  # appended by fletcher32
_MOST_INFLATED = 1100  # maximum expansion of gzip: 1032, rounded up
#: What h5py, NumPy and zlib raise on damaged files.
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError, zlib.error)


def load(path: ModelFile, build: Callable[..., T]) -> T:
    """Read a model file, or an open one, and pass its parts to `build` as keyword arguments.

    Returns
    -------
    the result of `build`
        Weights are float32. `training` is left out: provenance is never read back.

    Raises
    ------
    ModelFormatError
        The file is not a valid model; the message gives file, path in the file, what was found and expected.
    OSError
        The file is missing, a directory or a device, or cannot be opened.
    """
    if isinstance(path, (str, os.PathLike)):
        return _load(os.fspath(path), os.fspath(path), build)
    image, shown_as = content(path)
    return _load(io.BytesIO(image), shown_as, build)


def save(
    model: Parts,
    path: str | os.PathLike[str] | IO[bytes],
    build: Callable[..., object],
    *,
    weight_dtype: WeightDtype = "float32",
) -> None:
    """Write a model file of format 1 atomically; it is read back before it replaces `path`.

    Parameters
    ----------
    model : Model
        Its parts, as attributes. `training`, if given, holds "recipe" (a mapping; at most 60,000 bytes as JSON),
        "history" (an array (epochs, columns)), or both.
    path : path, or a binary file open for writing
        Replaced if it exists. An open file is written at its position, not atomically.
    build : callable
        As in `load`; used to read the written file back.
    weight_dtype : "float32" or "float16"
        Type of the layers' weights and biases. float32 is exact; float16 halves the file.

    Raises
    ------
    ValueError
        The format cannot hold a part of the model.
    OSError
        The directory is missing or not writable, or the disk is full. After any error `path` is unchanged.
    """
    if weight_dtype not in get_args(WeightDtype):
        raise ValueError(f"weight_dtype is {weight_dtype!r}; expected one of {get_args(WeightDtype)}")
    image = _image(model_format.members(model, weight_dtype))
    if not isinstance(path, (str, os.PathLike)):
        _load(io.BytesIO(image), "the new file", build)
        path.write(image)
        return
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(image)
        _load(os.fspath(unfinished), os.fspath(path), build)


def _load(path: str | io.BytesIO, shown_as: str, build: Callable[..., T]) -> T:
    if isinstance(path, str):
        require_regular(path, shown_as)
    with open(path, "rb") if isinstance(path, str) else contextlib.nullcontext(path) as raw:
        source = _Source(shown_as, require_hdf5(raw, shown_as))
    try:
        with h5py.File(path, "r") as file:
            return build(**model_format.read(_Group(source, "/", file.id)))
    except ModelFormatError:
        raise
    except _DAMAGE as error:
        if is_locked(error):
            raise OSError(
                errno.EAGAIN, "is open in another program, which may write it; close it there", shown_as
            ) from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise source.error(f"cannot be read; the file is damaged or truncated: {reason}") from error


def _utf8(text: bytes, error: Callable[[str], ModelFormatError]) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise error(f"is {text!r}, which is not UTF-8; write numpy.bytes_(text.encode('utf-8'))") from None


@dataclass
class _Source:
    """The file being read: its name for messages, its size, and the current path inside it."""

    name: str
    n_bytes: int
    at: str = "/"

    def error(self, text: str) -> ModelFormatError:
        """An error at the current path: ``model.h5: /layers/0 <text>``."""
        return ModelFormatError(f"{self.name}: {self.at} {text}")


class _Member:
    """A group or dataset of the file, at `path`."""

    def __init__(self, source: _Source, path: str, hdf5_id: Any) -> None:
        self._source, self._path, self._id = source, path, hdf5_id
        self._enter()

    def error(self, text: str) -> ModelFormatError:
        """An error at this member: ``model.h5: /layers/0 <text>``."""
        self._enter()
        return self._source.error(text)

    def _enter(self) -> None:
        self._source.at = self._path


class _Group(_Member):
    """A group; implements `model_format.Group`."""

    def has(self, name: str) -> bool:
        self._enter()
        return bool(self._id.links.exists(name.encode()))

    def group(self, name: str) -> _Group:
        return _Group(*self._open(name, "a group", h5g.GroupID))

    def groups(self, most: int) -> list[_Group]:
        """The groups "0", "1", … without gaps."""
        present = [i for i in range(most + 1) if self.has(str(i))]
        if len(present) > most:
            raise self.error(f"has a member {most}; expected at most {most} members, 0 to {most - 1}")
        if present != list(range(len(present))):
            raise self.error(f"has the members {present}; expected 0, 1, 2, … without a gap")
        return [self.group(str(i)) for i in present]

    def dataset(self, name: str, holds: Literal["reals", "texts"] = "reals") -> _Dataset:
        return _Dataset(*self._open(name, "a dataset", h5d.DatasetID), holds)

    def _open(self, name: str, expected: str, kind: type) -> tuple[_Source, str, Any]:
        found = self.has(name)
        self._source.at = f"{self._path.rstrip('/')}/{name}"
        if not found:
            raise self._source.error(f"is missing; expected {expected}")
        link = self._id.links.get_info(name.encode()).type
        if link != h5l.TYPE_HARD:
            what = _LINKS.get(link, "a user-defined link")
            raise self._source.error(f"is {what}; expected {expected}; replace the link with a copy of its target")
        member = h5o.open(self._id, name.encode())
        if not isinstance(member, kind):
            raise self._source.error(f"is a {type(member).__name__.removesuffix('ID').lower()}; expected {expected}")
        return self._source, self._source.at, member

    def text(self, name: str) -> str:
        """A fixed-length UTF-8 string."""
        expected = f'a fixed-length string up to {LONGEST_TEXT:,} bytes; in h5py: attrs["{name}"] = numpy.bytes_("…")'
        value: bytes = self._attribute(name, _is_text, expected).item()
        return _utf8(value, self._source.error)

    def flag(self, name: str) -> bool:
        expected = "a bool, or the integer 0 or 1"
        value = self._attribute(name, _is_flag, expected)
        number = int((value.view(np.uint8) if value.dtype == np.bool_ else value).item())
        if number not in (0, 1):
            raise self._source.error(f"is {number}; expected {expected}")
        return bool(number)

    def integer(self, name: str, default: int | None = None) -> int:
        if default is not None and not self._has_attribute(name):
            return default
        return int(self._attribute(name, _is_integer, "an integer").item())

    def optional_integer(self, name: str) -> int | None:
        return self.integer(name) if self._has_attribute(name) else None

    def real(self, name: str) -> float:
        return float(self._attribute(name, _is_real, "a number").item())

    def reals(self, name: str, n_values: int) -> tuple[float, ...]:
        values = self._attribute(name, _is_real, f"{n_values} numbers", n_values)
        if not np.isfinite(values).all():
            raise self._source.error(f"holds NaN or infinity; expected {n_values} numbers")
        return tuple(values.tolist())

    def _has_attribute(self, name: str) -> bool:
        self._enter()
        return bool(h5a.exists(self._id, name.encode()))

    def _attribute(self, name: str, fits: Callable[[Any], bool], expected: str, n_values: int = 1) -> npt.NDArray[Any]:
        """The values of an attribute, shape (n_values,) or, for one, (); type, shape and size are checked first."""
        if not self._has_attribute(name):
            raise self.error(f"has no attribute {name!r}; expected {expected}")
        self._source.at = f"{self._path} attribute {name!r}"
        attribute = h5a.open(self._id, name.encode())
        kind, shape = attribute.get_type(), _shape(attribute.get_space())
        if not fits(kind):
            raise self._source.error(f"is {_described(kind)}; expected {expected}")
        if shape is None or (shape != (n_values,) and (shape, n_values) != ((), 1)):
            raise self._source.error(f"has shape {shape}; expected {expected}")
        if attribute.get_storage_size() != n_values * kind.get_size():
            raise self._source.error("has a stored size that differs from its declared size; the file is damaged")
        values = np.empty(shape, kind.dtype)
        attribute.read(values)
        return values


class _Dataset(_Member):
    """A dataset of numbers or fixed-length strings, checked to be inside this file, complete and within limits."""

    def __init__(self, source: _Source, path: str, hdf5_id: Any, holds: Literal["reals", "texts"]) -> None:
        super().__init__(source, path, hdf5_id)
        kind, shape = hdf5_id.get_type(), _shape(hdf5_id.get_space())
        if holds == "reals" and kind not in _FLOATS:
            raise self.error(f"is {_described(kind)}; expected float16, float32 or float64")
        if holds == "texts" and not _is_text(kind):
            raise self.error(f"is {_described(kind)}; expected fixed-length strings; in h5py: numpy.bytes_")
        if shape is None or 0 in shape:
            raise self.error(f"has shape {shape}; expected at least one value")
        self.shape = shape
        self._dtype: np.dtype[Any] = kind.dtype
        self._check_way_of_storage(hdf5_id.get_create_plist())
        self._check_stored_bytes()

    def _check_way_of_storage(self, properties: Any) -> None:
        layout = properties.get_layout()
        if layout not in (h5d.CONTIGUOUS, h5d.CHUNKED):
            raise self.error(f"is {_LAYOUTS.get(layout, 'of unknown layout')}; expected a contiguous or chunked one")
        if properties.get_external_count():
            raise self.error("stores its values in another file; expected them in this one")
        self._filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
        if len(set(self._filters)) < len(self._filters) or not set(self._filters) <= set(_FILTERS):
            found = ", ".join(_FILTERS.get(code, f"HDF5 filter {code}") for code in self._filters)
            raise self.error(f"is filtered by {found}; expected gzip, shuffle, fletcher32, each at most once")
        self._is_chunked = layout == h5d.CHUNKED
        self._chunk: tuple[int, ...] = properties.get_chunk() if self._is_chunked else self.shape

    def _check_stored_bytes(self) -> None:
        n_chunks = math.prod(-(-n // c) for n, c in zip(self.shape, self._chunk, strict=True))
        self._chunk_bytes = math.prod(self._chunk) * self._dtype.itemsize
        self.n_bytes = n_chunks * self._chunk_bytes
        if self.n_bytes > MOST_BYTES:
            raise self.error(f"declares {self.n_bytes:,} bytes; expected at most {MOST_BYTES:,} (2 GiB) in total")
        if n_chunks > MOST_CHUNKS:
            raise self.error(f"has {n_chunks:,} chunks; expected at most {MOST_CHUNKS:,}; use larger chunks")
        stored = self._id.get_storage_size()
        inflated = stored * (_MOST_INFLATED if h5z.FILTER_DEFLATE in self._filters else 1)
        if stored > self._source.n_bytes or self.n_bytes > inflated:
            raise self.error(
                f"declares {self.n_bytes:,} bytes but stores {stored:,} in a file of {self._source.n_bytes:,}; "
                "expected all of them; the file is damaged, or the dataset was never written"
            )

    def read(self) -> Float32 | tuple[str, ...]:
        """Finite numbers as float32, strings as a tuple."""
        self._enter()
        if self._is_chunked:
            self._require_whole_chunks()
        values = np.empty(self.shape, self._dtype)
        self._id.read(h5s.ALL, h5s.ALL, values)
        if values.dtype.kind == "S":
            return tuple(_utf8(text, self.error) for text in values.ravel().tolist())
        with np.errstate(over="ignore"):
            reals = values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise self.error("holds NaN or infinity; expected finite numbers")
        if not np.isfinite(reals).all():
            raise self.error("holds numbers beyond the range of float32; expected numbers within it")
        return reals

    def _require_whole_chunks(self) -> None:
        """Reject chunks that hold fewer bytes than they represent: HDF5 would read past them into the heap.

        Without filters, the chunk sizes in the file's index are checked before any read relies on them.
        """
        stored: list[Any] = []
        self._id.chunk_iter(stored.append)
        grid = set(itertools.product(*(range(0, n, c) for n, c in zip(self.shape, self._chunk, strict=True))))
        whole = grid <= {chunk.chunk_offset for chunk in stored} and (
            all(self._unfiltered_bytes(offset) == self._chunk_bytes for offset in grid)
            if self._filters
            else all(chunk.size == self._chunk_bytes for chunk in stored)
        )
        if not whole:
            raise self.error(f"has missing chunks, or chunks not of {self._chunk_bytes:,} bytes; the file is damaged")

    def _unfiltered_bytes(self, offset: tuple[int, ...]) -> int:
        """Size of a chunk after undoing its filters; inflation stops one byte past the expected size."""
        skipped, data = self._id.read_direct_chunk(offset)
        for i, code in reversed(list(enumerate(self._filters))):
            if skipped >> i & 1:
                continue
            if code == h5z.FILTER_FLETCHER32:
                data = data[:-_CHECKSUM_BYTES]
            elif code == h5z.FILTER_DEFLATE:
                data = zlib.decompressobj().decompress(data, self._chunk_bytes + _CHECKSUM_BYTES + 1)
        return len(data)


def _shape(space: Any) -> tuple[int, ...] | None:
    """The shape of a dataspace; None if it is null."""
    return None if space.get_simple_extent_type() == h5s.NULL else tuple(space.shape)


def _is_integer(kind: Any) -> bool:
    return bool(kind.get_class() == h5t.INTEGER and kind.get_size() <= 8)


def _is_real(kind: Any) -> bool:
    return _is_integer(kind) or kind in _FLOATS


def _is_flag(kind: Any) -> bool:
    return _is_integer(kind) or bool(kind.get_class() == h5t.ENUM and kind.dtype == np.bool_)


def _is_text(kind: Any) -> bool:
    return bool(kind.get_class() == h5t.STRING and not kind.is_variable_str() and kind.get_size() <= LONGEST_TEXT)


def _described(kind: Any) -> str:
    """A datatype in words, for messages."""
    if kind.get_class() == h5t.STRING:
        return "a variable-length string" if kind.is_variable_str() else f"a string of {kind.get_size():,} bytes"
    return f"{_CLASSES.get(kind.get_class(), 'another type')} of {8 * kind.get_size()} bits"


def _image(tree: Mapping[str, Any]) -> bytes:
    """The file's bytes, built in memory: deterministic, and a full disk raises in Python, not inside HDF5.

    Metadata use the HDF5 1.8 (2008) format, the oldest with checksums.
    """
    image = io.BytesIO()
    with h5py.File(
        image, "w", libver=("v108", "v108")
    ) as file:  # closed first: HDF5 1.14 seals the superblock only then
        _write(file, tree)
    return image.getvalue()


def _write(group: Any, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            _write(group.create_group(name), value)
        elif isinstance(value, str):
            encoded = value.encode("utf-8")
            fixed = h5py.string_dtype("utf-8", max(1, len(encoded)))
            group.attrs.create(name, np.bytes_(encoded), dtype=fixed)
        elif not isinstance(value, np.ndarray):
            group.attrs[name] = value
        elif value.size == 0:
            group.create_dataset(name, data=value)
        else:
            values = np.atleast_1d(value)
            if values.dtype.kind == "S":
                values = values.astype(h5py.string_dtype("utf-8", values.itemsize))
            group.create_dataset(name, data=values, chunks=True, compression="gzip", shuffle=True, fletcher32=True)
