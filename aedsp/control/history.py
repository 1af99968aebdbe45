"""Undo and redo: the states of everything that a player sets, before each step. Control side; thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

State = TypeVar("State")

#: Moves of one control that follow each other within this time, in s, are one step.
GAP_S = 0.5
MOST_STEPS = 200


class History(Generic[State]):
    """A list of states with a position in it.

    Parameters
    ----------
    take : callable
        Returns the current state; it must not change afterwards.
    put_back : callable
        Restores a state.
    """

    def __init__(self, take: Callable[[], State], put_back: Callable[[State], None]) -> None:
        self._take, self._put_back = take, put_back
        self._undo: list[tuple[str, State]] = []
        self._redo: list[tuple[str, State]] = []
        self._moving: dict[str, float] = {}  # when each continuous move of the present was noted last
        self._lock = threading.RLock()

    @contextmanager
    def step(self, what: str, continuous: bool = False) -> Iterator[None]:
        """Around a change; if it raises, nothing is noted.

        continuous: moves of the same `what` that follow each other belong to one step, also if others move meanwhile.
        Never entered under a lock that `put_back` takes.
        """
        now = time.monotonic()
        with self._lock:
            known = continuous and now - self._moving.get(what, -GAP_S) < GAP_S
        before = None if known else self._take()  # not at every message of a moving fader
        yield
        with self._lock:
            self._moving = {name: at for name, at in self._moving.items() if now - at < GAP_S} if continuous else {}
            if continuous:
                self._moving[what] = now
            if before is None:
                return
            self._undo.append((what, before))
            del self._undo[:-MOST_STEPS]
            self._redo.clear()

    def undo(self) -> str | None:
        """Restore the state before the last step; returns what is undone, None if there is nothing."""
        return self._go(self._undo, self._redo)

    def redo(self) -> str | None:
        """Restore the state after the step that was undone last; returns what is redone, None if there is nothing."""
        return self._go(self._redo, self._undo)

    def _go(self, source: list[tuple[str, State]], target: list[tuple[str, State]]) -> str | None:
        with self._lock:
            self._moving.clear()
            if not source:
                return None
            what, state = source.pop()
            target.append((what, self._take()))
            self._put_back(state)
            return what
