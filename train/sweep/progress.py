"""Console output of a sweep: a live table on a terminal, otherwise one line per finished cell."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from aedsp.train.report.progress import terminal
from aedsp.train.sweep.cell import Outcome
from aedsp.train.sweep.sweep import Sweep

_RECENT = 5


class SweepScreen:
    """Shows the progress of a sweep; a context manager. The table needs rich and a terminal."""

    def __init__(self) -> None:
        self._live: Any = None
        self._told: dict[str, str] = {}
        self._n_workers = -1

    def __enter__(self) -> SweepScreen:
        console = terminal(sys.stdout)
        if console is not None:
            from rich.live import Live

            self._live = Live(console=console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, sweep: Sweep) -> None:
        """Print how many cells are already done."""
        self._told = dict(sweep.states)
        counts = Counter(sweep.states.values())
        known = f", {counts['known']} known from another run" if counts["known"] else ""
        done = f"{counts['done']} already done{known}"
        print(f"{len(sweep.cells)} cells: {done}, {len(sweep.open)} to run", flush=True)

    def update(self, sweep: Sweep, news: Mapping[str, str], n_workers: int) -> None:
        """Update the display; called after each poll of the workers."""
        for name, state in sweep.states.items():
            if state != self._told[name]:
                self._told[name] = state
                if state in ("done", "failed", "impossible"):
                    self._line(f"{_ended(sweep, name)}; {_in_all(sweep, n_workers)}")
                elif state == "waiting":
                    self._line(f"{name}: {sweep.troubles[name]}; trying again")
        if n_workers != self._n_workers and not n_workers:
            self._line("no workers; waiting for one to connect")
        self._n_workers = n_workers
        if self._live is not None:
            self._live.update(_table(sweep, news, n_workers))

    def _line(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, flush=True)


def seconds_left(sweep: Sweep, n_workers: int) -> float | None:
    """Estimate from the time and cost of the finished cells; None before the first."""
    costs = {cell.name: cell.cost for cell in sweep.cells}
    done = sum(costs[name] for name in sweep.outcomes)
    if not done:
        return None
    seconds = sum(outcome.seconds for outcome in sweep.outcomes.values())
    return seconds / done * sum(cell.cost for cell in sweep.open) / max(1, min(n_workers, len(sweep.open)))


def in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _ended(sweep: Sweep, name: str) -> str:
    if sweep.states[name] != "done":
        return f"{name}: failed: {sweep.troubles[name]}"
    outcome = sweep.outcomes[name]
    diverged = f"; {outcome.diverged}" if outcome.diverged else ""
    return f"{name}: {_figure(outcome)}, {outcome.epochs} epochs in {in_words(outcome.seconds)}{diverged}"


def _figure(outcome: Outcome) -> str:
    if outcome.adjusted is not None:
        return f"adjusted validation error {outcome.adjusted[0]:.4f}"
    return f"validation error {outcome.validation:.4f}"


def _in_all(sweep: Sweep, n_workers: int) -> str:
    counts = Counter(sweep.states.values())
    left = seconds_left(sweep, n_workers)
    failed = counts["failed"] + counts["impossible"]
    text = f"{len(sweep.outcomes)} of {len(sweep.cells)} done" + (f", {failed} failed" if failed else "")
    if not sweep.open:
        return text
    return text + (f", about {in_words(left)} left" if left is not None else "")


def _table(sweep: Sweep, news: Mapping[str, str], n_workers: int) -> Any:
    from rich.table import Table

    counts = Counter(sweep.states.values())
    title = f"{_in_all(sweep, n_workers)}; {counts['running']} running, {counts['queued'] + counts['waiting']} waiting"
    if not n_workers:
        title += "; no workers yet"
    table = Table(title=title, title_justify="left", expand=False)
    for heading in ("cell", "state", ""):
        table.add_column(heading, overflow="fold")
    for name, state in sweep.states.items():
        if state == "running":
            table.add_row(name, "running", news.get(name, ""))
    for name in [name for name, state in sweep.states.items() if state in ("failed", "impossible")][-_RECENT:]:
        table.add_row(name, "failed", sweep.troubles[name], style="red")
    return table
