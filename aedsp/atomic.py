"""Atomic writes: a file is written under a temporary name, then renamed over its target.

Used for audio, figures, models and corpora. Control thread only.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary name in the target's directory; rename it to `path` on success, delete it on error.

    The name is short, hidden and keeps the extension. Symbolic links are followed; the file gets the default mode.
    durable: flush to disk before the rename, so that the file survives a crash; not needed for reproducible files.

    Raises
    ------
    OSError
        The directory is missing or not writable, or `path` is a directory; the message names it.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory; expected the name of a file to write", os.fspath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such directory; create it first", str(Path(path).parent))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "directory is not writable", str(Path(path).parent))
    unfinished = target.with_name(f".{secrets.token_hex(6)}{target.suffix}")
    try:
        yield unfinished
        if durable:
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
