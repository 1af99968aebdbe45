"""The labels of a model's units: those in its file, made from its decoder, or given by the player.

Given labels go into the model's file at once; those of a shipped model, which stays as it is, into the session only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aedsp import data
from aedsp.arrays import Floats
from aedsp.model import labels, unit_names
from aedsp.model.format import checked_names
from aedsp.model.model import Model


class Names:
    """The labels and the spectra of the units of a model, made when they are first asked for; path: its file."""

    def __init__(self, model: Model, path: Path) -> None:
        self._model, self._path = model, path
        self._kept: dict[int, str] = dict(enumerate(model.unit_names or ()))
        self._spectra: dict[int, Floats] = {}
        #: Labels by unit that differ from those of a shipped model's file.
        self.of_session: dict[int, str] = {}

    def of(self, unit: int) -> str:
        """The label of a unit; empty if there is no such unit."""
        if not 0 <= unit < self._model.n_code:
            return ""
        if unit not in self._kept:
            self._kept[unit] = self._made(unit)
        return self._kept[unit]

    def spectrum(self, unit: int) -> Floats:
        """What a unit adds: magnitudes (n_bins,)."""
        if unit not in self._spectra:
            self._spectra[unit] = labels.unit_spectra(self._model, [unit])[0]
        return self._spectra[unit]

    def give(self, unit: int, name: str) -> str:
        """Give a unit a label, or none: the one made from the decoder. Returns what was done.

        Raises
        ------
        IndexError, ValueError, OSError, ModelFormatError
            There is no such unit, the label is too long, or the file cannot be written; nothing was changed.
        """
        n_units = self._model.n_code
        if not 0 <= unit < n_units:
            raise IndexError(f"there is no unit {unit}; the model has units 0 to {n_units - 1}")
        (given,) = checked_names([name.strip() or self._made(unit)])
        shipped = data.is_shipped(self._path)
        if not shipped:
            unit_names.write(self._path, [given if other == unit else self.of(other) for other in range(n_units)])
        self._kept[unit] = given
        if shipped:
            self.of_session[unit] = given
            return f"unit {unit} is {given!r}; the shipped model stays as it is, a session keeps the name"
        return f"unit {unit} is {given!r}; kept in {self._path}"

    def restore(self, names: Mapping[int, str]) -> None:
        """Take the labels of a shipped model's units from a session."""
        if data.is_shipped(self._path):
            for unit, name in names.items():
                if 0 <= unit < self._model.n_code:
                    self._kept[unit] = self.of_session[unit] = name

    def _made(self, unit: int) -> str:
        return labels.label_units(self._model, [unit])[0]
