"""Atomic writes: a file is written under a temporary name, then renamed over its target.

Used for audio, figures, models and corpora. Control thread only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 255


def sibling(path: Path, ending: str) -> Path:
    """The path beside `path` named after it, `stem` + `ending`; the stem is cut where the name would be too long."""
    name = os.fsencode(path.stem + ending)
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:8]
        room = LONGEST_NAME - len(os.fsencode(ending)) - len(digest) - 1
        stem = os.fsencode(path.stem)[:room].decode("utf-8", "ignore")
        return path.with_name(f"{stem}-{digest}{ending}")
    return path.with_name(path.stem + ending)


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
