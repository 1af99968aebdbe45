"""Machine limits: available memory, and arithmetic without denormals."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from aedsp.errors import TrainingError


def require(n_bytes: int, wanted: str) -> None:
    """Reject what does not fit in memory.

    Raises
    ------
    TrainingError
        More than the total memory; the message gives both amounts, and `wanted`.
    """
    there = total()
    if there is not None and n_bytes > there:
        raise TrainingError(
            f"training needs about {n_bytes / 1e9:.1f} GB of memory, this machine has {there / 1e9:.1f} GB: {wanted}"
        )


def total() -> int | None:
    """Bytes of memory available to this process; None if the system does not report it."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:
            found = min(found, int(file.read()))
    return found


@contextlib.contextmanager
def no_denormals() -> Iterator[None]:
    """Flush numbers below 1e-38 to 0 in this thread: arithmetic on them is far slower, and they do not matter."""
    from aedsp._kernels import _cpu

    before = _cpu.denormals_off()
    try:
        yield
    finally:
        _cpu.denormals_restore(before)
