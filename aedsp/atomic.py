"""Atomic writes: a file is written under a temporary name, then renamed over its target. And locks between processes.

Used for audio, figures, models and corpora. A process that is killed leaves its temporary file behind; the next atomic
write in that directory removes it. Control thread only.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 255


def lock_of(path: Path) -> Path:
    """The lock file of an output: hidden, and of no other program."""
    return path.with_name(f".aedsp-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.lock")


def sibling(path: Path, ending: str) -> Path:
    """The path beside `path` named after it, `stem` + `ending`; the stem is cut where the name would be too long."""
    name = os.fsencode(path.stem + ending)
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:8]
        room = LONGEST_NAME - len(os.fsencode(ending)) - len(digest) - 1
        stem = os.fsencode(path.stem)[:room].decode("utf-8", "ignore")
        return path.with_name(f"{stem}-{digest}{ending}")
    return path.with_name(path.stem + ending)


def unfinished_beside(target: Path) -> Path:
    """A new name in the target's directory for a file or folder that this process has not finished."""
    suffix = target.suffix if len(os.fsencode(target.suffix)) < 32 else ""
    return target.with_name(f".aedsp-{_here()}-{os.getpid()}-{secrets.token_hex(4)}{suffix}")


@functools.cache
def remove_leftovers(directory: Path) -> None:
    """Remove what killed processes of this machine have left unfinished in a directory. Looks once per process."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(directory):
            found = _UNFINISHED.match(entry.name)
            if (
                found is None
                or found["host"] != _here()[:6]
                or (found["boot"] == _here()[6:] and _alive(int(found["pid"])))
            ):
                continue
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)


_UNFINISHED = re.compile(r"\.aedsp-(?P<host>[0-9a-f]{6})(?P<boot>[0-9a-f]{4})-(?P<pid>\d+)-[0-9a-f]{8}(\.|$)")


@functools.cache
def _here() -> str:
    """This machine (6 digits) since it was started (4 digits): process numbers mean nothing elsewhere."""
    host = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
    boot = b""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    return host + hashlib.sha256(boot).hexdigest()[:4]


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def only_one(lock: Path) -> Iterator[bool]:
    """Hold a lock file; yields whether this process has got it, or, without file locks (Windows), True.

    The file disappears with the last holder.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    while True:
        with open(lock, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:  # any other error than "held": a file system without locks
                held = error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
                if not held:
                    lock.unlink(missing_ok=True)
                yield not held
                return
            if not _is_still(lock, file.fileno()):
                continue  # its last holder has just removed it
            try:
                yield True
            finally:
                lock.unlink(missing_ok=True)
            return


def is_locked(error: Exception) -> bool:
    """Whether HDF5 could not open a file because another program has it open for writing."""
    return isinstance(error, BlockingIOError) or "unable to lock file" in str(error)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


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
    remove_leftovers(target.parent)
    unfinished = unfinished_beside(target)
    try:
        yield unfinished
        if durable:
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
