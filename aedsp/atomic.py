"""Files that appear whole or not at all: written beside their place, then renamed over it.

The one home of this for audio, pictures, models and corpora. Control thread only.
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
    """A new name beside `path` to write to; renamed over `path` where the block ends well, deleted where it raises.

    durable: on the disk before it is renamed, whatever happens to the machine; what can be made again need not be. The
    name is short, hidden, and keeps the extension. A link as `path` is followed, the file gets the usual mode.

    Raises
    ------
    OSError
        The folder is missing or not writable, or `path` is a folder; the text names `path`.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; expected the name of a file to write", os.fspath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "is no folder; make it first", str(Path(path).parent))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "cannot be written to", str(Path(path).parent))
    unfinished = target.with_name(f".{secrets.token_hex(6)}{target.suffix}")
    try:
        yield unfinished
        if durable:
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
