"""Banks: which units are in view, in which order, and which of them the keys act on. Thread-safe.

The order is that of the model until `sort` puts others first; units keep their numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

BankStep = Literal["next", "previous"]


class Banks:
    """Banks of `size` units.

    Parameters
    ----------
    size : int
        Number of units in view.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._order: tuple[int, ...] = ()  # empty: that of the model
        self._bank = self._selected = 0
        self._lock = threading.Lock()

    def order(self, n_units: int) -> Sequence[int]:
        """All units in the order of the banks; that of the model if it has another number of units than were sorted."""
        return self._order if len(self._order) == n_units else range(n_units)

    def is_sorted(self, n_units: int) -> bool:
        return isinstance(self.order(n_units), tuple)

    def sort(self, order: Sequence[int]) -> None:
        """Put the units into this order, from the first bank on; empty: that of the model."""
        self._order, self._bank, self._selected = tuple(order), 0, 0

    def count(self, n_units: int) -> int:
        return -(-n_units // self.size)

    def bank(self, n_units: int) -> int:
        """The bank in view, from 0."""
        return min(self._bank, self.count(n_units) - 1)

    def units(self, n_units: int) -> Sequence[int]:
        """The units in view."""
        first = self.bank(n_units) * self.size
        return self.order(n_units)[first : first + self.size]

    def selected(self, n_units: int) -> int:
        """The place in the bank that keys act on, from 0."""
        return min(self._selected, len(self.units(n_units)) - 1)

    def show(self, bank: int | BankStep, n_units: int) -> None:
        """Show a bank; next and previous wrap around. ValueError if there is no such bank."""
        with self._lock:
            n_banks = self.count(n_units)
            if isinstance(bank, str):
                bank = (self.bank(n_units) + (1 if bank == "next" else -1)) % n_banks
            if not 0 <= bank < n_banks:
                raise ValueError(f"bank is {bank}; expected 0 to {n_banks - 1}")
            self._bank = bank

    def select(self, step: int, n_units: int) -> None:
        """Move the selection by `step` units in the bank; wraps around."""
        self._selected = (self.selected(n_units) + step) % len(self.units(n_units))
