"""The labels of a model's units: those in its file, made from its decoder, or given by the player.

Given labels go into the model's file at once; those of a shipped model, which stays as it is, into the session only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aedsp import data
from aedsp.arrays import Float32
from aedsp.model import labels, unit_names
from aedsp.model.format import checked_names
from aedsp.model.model import Model


class Names:
    """The labels and the spectra of the units of a model; path: its file."""

    def __init__(self, model: Model, path: Path) -> None:
        self._path = path
        self._made = labels.label_units(model)
        self._kept = list(model.unit_names or self._made)
        #: Labels by unit that differ from those of a shipped model's file.
        self.of_session: dict[int, str] = {}
        #: What each unit adds, magnitudes (n_units, n_bins).
        self.spectra: Float32 = labels.unit_spectra(model).astype("float32")

    def of(self, unit: int) -> str:
        """The label of a unit; empty if there is no such unit."""
        return self._kept[unit] if 0 <= unit < len(self._kept) else ""

    def give(self, unit: int, name: str) -> str:
        """Give a unit a label, or none: the one made from the decoder. Returns what was done.

        Raises
        ------
        IndexError, ValueError, OSError, ModelFormatError
            There is no such unit, the label is too long, or the file cannot be written; nothing was changed.
        """
        if not 0 <= unit < len(self._kept):
            raise IndexError(f"there is no unit {unit}; the model has units 0 to {len(self._kept) - 1}")
        names = list(self._kept)
        (names[unit],) = checked_names([name.strip() or self._made[unit]])
        shipped = data.is_shipped(self._path)
        if not shipped:
            unit_names.write(self._path, names)
        self._kept = names
        if shipped:
            self.of_session[unit] = names[unit]
            return f"unit {unit} is {names[unit]!r}; the shipped model stays as it is, a session keeps the name"
        return f"unit {unit} is {names[unit]!r}; kept in {self._path}"

    def restore(self, names: Mapping[int, str]) -> None:
        """Take labels from a session."""
        for unit, name in names.items():
            if 0 <= unit < len(self._kept):
                self._kept[unit] = self.of_session[unit] = name
