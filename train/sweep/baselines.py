"""Baselines of a reconstruction: the trivial error and principal components, in float64.

Errors as in the paper: squared, summed over the columns of a row, averaged over the rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aedsp.arrays import Floats
from aedsp.model.model import Model
from aedsp.train.network.initial import principal_components


class Components:
    """The principal components of training rows (n, width), passed in parts; in descending order of variance."""

    def __init__(self, training: Iterable[Floats], width: int) -> None:
        self._mean, self._components, _ = principal_components((part.astype(np.float64) for part in training), width)

    def errors(self, rows: Iterable[Floats]) -> Floats:
        """The error of rows reconstructed from their first k components, (width + 1,): from k = 0 (the training mean
        only: the trivial error) to the width."""
        energies, n = np.zeros(len(self._mean)), 0
        for part in rows:
            energies += np.square((part - self._mean) @ self._components.T).sum(axis=0)
            n += len(part)
        left = np.cumsum(energies[::-1])[::-1] / n
        return np.append(left, 0.0)


def error_of(model: Model, rows: Iterable[Floats], maximum: float) -> float:
    """The error of the spectra of a model, with `maximum` scaled to 1. Negative magnitudes are kept, as in Eq. 3.

    rows : (n, context_spectra * n_bins) magnitudes, of which the last spectrum is the target
    """
    n_bins, total, n = model.front_end.n_bins, 0.0, 0
    for part in rows:
        y = model.preprocess.apply(part.reshape(-1, n_bins)).reshape(part.shape)
        for layer in model.layers:
            y = layer.encode(y)
        for layer in reversed(model.layers):
            y = layer.decode(y)
        difference = model.preprocess.invert(y[:, -n_bins:]).astype(np.float64) - part[:, -n_bins:]
        total += float(np.square(difference / maximum).sum())
        n += len(part)
    return total / n
