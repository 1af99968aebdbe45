"""What may be a model file: a path, an open binary file, or a file inside a package (`importlib.resources`)."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, Protocol

from aedsp.errors import ModelFormatError
from aedsp.model.format import MOST_BYTES


class Traversable(Protocol):
    """What is used of an `importlib.resources` file."""

    @property
    def name(self) -> str: ...
    def read_bytes(self) -> bytes: ...


_SIGNATURE = b"\x89HDF\r\n\x1a\n"

#: Where a model can be read from.
ModelFile = str | os.PathLike[str] | IO[bytes] | Traversable


def content(file: IO[bytes] | Traversable) -> tuple[bytes, str]:
    """The bytes of a file from its position on, and its name for messages.

    Raises
    ------
    TypeError
        It is no file, or open in text mode.
    ModelFormatError
        It is longer than any model.
    """
    name = getattr(file, "name", None)
    shown_as = name if isinstance(name, str) else f"<{type(file).__name__}>"
    if read := getattr(file, "read", None):
        image = read(MOST_BYTES + 1)
    elif read := getattr(file, "read_bytes", None):
        image = read()
    else:
        raise TypeError(f"the model file is {type(file).__name__}; expected a path or an open binary file")
    if not isinstance(image, (bytes, bytearray, memoryview)):
        raise TypeError(f"{shown_as}: is open in text mode; expected a binary file: open(path, 'rb')")
    if len(image) > MOST_BYTES:
        raise ModelFormatError(f"{shown_as}: is longer than {MOST_BYTES:,} bytes; expected an aedsp model file")
    return bytes(image), shown_as


def require_regular(path: str, shown_as: str) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory; expected a model file", shown_as)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a pipe, socket or device; expected a model file", shown_as)


def require_hdf5(file: IO[bytes], shown_as: str) -> int:
    """Size in bytes of a file with HDF5's signature at its start or after a user block of 512·2ⁿ bytes."""
    n_bytes = file.seek(0, os.SEEK_END)
    offset = file.seek(0)
    start = found = file.read(len(_SIGNATURE))
    while found != _SIGNATURE and offset < n_bytes:
        offset = max(512, 2 * offset)
        file.seek(offset)
        found = file.read(len(_SIGNATURE))
    if found != _SIGNATURE:
        what = f"starts with {start!r}" if start else "is empty"
        raise ModelFormatError(f"{shown_as}: is not HDF5: it {what}; expected an aedsp model file")
    return n_bytes
