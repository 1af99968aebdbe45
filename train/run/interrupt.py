"""Ctrl-C, handled only at safe points.

Python raises KeyboardInterrupt at any point; inside a weak-reference callback, of which HDF5 makes one per row, it is
lost. Here `check` raises the first Ctrl-C; the second is raised immediately.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """A context manager for the main thread; does nothing if Ctrl-C is already ignored, as under nohup."""

    def __init__(self) -> None:
        self._noted = False
        self._previous: Any = None

    def __enter__(self) -> Interrupt:
        self._previous = signal.getsignal(signal.SIGINT)
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noted:
            raise KeyboardInterrupt
        self._noted = True
        print("stopping after this step; press Ctrl-C again to stop at once", file=sys.stderr)
