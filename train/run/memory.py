"""What the machine has to give: memory, and arithmetic without denormals."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from aedsp.errors import TrainingError


def require(n_bytes: int, wanted: str) -> None:
    """Refuse what does not fit into the machine's memory.

    Raises
    ------
    TrainingError
        More than all of it; the text says how much there is, and `wanted`.
    """
    there = total()
    if there is not None and n_bytes > there:
        raise TrainingError(
            f"training takes about {n_bytes / 1e9:.1f} GB, this machine has {there / 1e9:.1f} GB, for {wanted}"
        )


def total() -> int | None:
    """Bytes of memory that this process may have; None where the system does not say."""
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
    """Numbers below 1e-38 become 0 in this thread: arithmetic on them is far slower, and they tell nothing."""
    from aedsp._kernels import _cpu

    before = _cpu.denormals_off()
    try:
        yield
    finally:
        _cpu.denormals_restore(before)
