"""Keeps what libraries print on standard error (libmpg123, drivers) off the screen, and shows it as messages."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

_LONGEST_LINE = 300


@contextlib.contextmanager
def as_messages(say: Callable[[str], None]) -> Iterator[None]:
    """Pass every line that anything writes on file descriptor 2 to `say`, each once.

    Within the block `sys.__stderr__`, on which Textual draws, is the terminal itself.
    """
    kept, before = os.dup(2), sys.__stderr__
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    reader = threading.Thread(target=_read, args=(reading, say), name="aedsp standard error", daemon=True)
    reader.start()
    terminal = open(kept, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.__stderr__ = terminal  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__ = before  # type: ignore[misc]
        with contextlib.suppress(OSError):
            terminal.close()
        os.dup2(kept, 2)  # the reader's pipe has no other end now
        os.close(kept)
        reader.join(1.0)


def _read(reading: int, say: Callable[[str], None]) -> None:
    said: set[str] = set()
    with open(reading, encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            text = " ".join(line.split())[:_LONGEST_LINE]
            if text and text not in said:
                said.add(text)
                say(text)
