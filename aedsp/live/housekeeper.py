"""A thread for what the audio thread must not do: free memory, deliver the log, watch the device."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

PERIOD_S = 0.05
JOIN_S = 3.0


class Housekeeper:
    """Runs its tasks in turn, 20 times a second, until `stop`.

    Parameters
    ----------
    tasks : sequence of callables
        If one raises, the others still run; each error is reported once.
    problems : callable
        Returns messages about current problems; each is reported once.
    say : callable
    """

    def __init__(
        self, tasks: Sequence[Callable[[], None]], problems: Callable[[], list[str]], say: Callable[[str], None]
    ) -> None:
        self._tasks, self._problems, self._say = tasks, problems, say
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aedsp housekeeper", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop the thread; may be called from one of its tasks."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_S)  # a message that nobody reads must not keep the stream open

    def _run(self) -> None:
        said: set[str] = set()
        while not self._stop.wait(PERIOD_S):
            found = []
            for task in self._tasks:
                if self._stop.is_set():  # closed by one of them
                    return
                try:
                    task()
                except Exception as error:
                    found.append(f"{task.__name__.strip('_').replace('_', ' ')}: {error}")
            for problem in [*found, *(self._problems() or ())]:
                if problem not in said:
                    said.add(problem)
                    with contextlib.suppress(Exception):
                        self._say(problem)
