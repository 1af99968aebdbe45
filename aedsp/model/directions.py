"""Directions in the code: offsets of the units that make the sound brighter, louder or rougher, one at a time.

Codes are drawn from the model's code statistics, decoded, and described by spectral centroid, level and flatness. Ridge
regression of the descriptors on the code says how each unit moves them; the smallest offset, in standard deviations of
the units, that moves one descriptor by its standard deviation, and the others not at all, is its direction. Control
thread only.
"""

from __future__ import annotations

import numpy as np

from aedsp.arrays import Float32, Floats
from aedsp.model.front_end import FrontEnd
from aedsp.model.layers import CodeStatistics
from aedsp.model.model import Model

#: Name of each direction: its descriptor.
DESCRIPTORS = {"bright": "centroid", "loud": "level", "rough": "flatness"}
DIRECTIONS = tuple(DESCRIPTORS)
_CODES = 1024
_RIDGE = 0.02
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 14_000.0
_FLOOR = 1e-10  # of a power


def describe(magnitudes: Floats, front_end: FrontEnd) -> Floats:
    """Centroid (octaves above 1 kHz), level (dB) and flatness (dB) of spectra (n, n_bins): (n, 3)."""
    hz = front_end.centres_hz()
    inside = (hz >= _LOWEST_HZ) & (hz <= min(_HIGHEST_HZ, 0.45 * front_end.sample_rate))
    power = np.square(magnitudes[:, inside], dtype=np.float64) + _FLOOR
    total = power.sum(axis=1)
    centroid = (power * np.log2(hz[inside] / 1000)).sum(axis=1) / total
    flatness = np.log(power).mean(axis=1) - np.log(power.mean(axis=1))
    return np.stack([centroid, 10 * np.log10(total), 10 / np.log(10) * flatness], axis=1)


def fit(model: Model) -> dict[str, Float32]:
    """By name of a direction: offsets (n_code,) that move its descriptor by one standard deviation.

    Empty if the model has no code statistics.
    """
    statistics = model.code_statistics
    if statistics is None:
        return {}
    code = _draw(statistics)
    described = describe(model.decode(code.astype(np.float32)), model.front_end)
    slopes = _ridge(_standard(code), _standard(described))
    offsets = slopes @ np.linalg.pinv(slopes.T @ slopes) * code.std(axis=0)[:, None]
    return {name: offsets[:, i].astype(np.float32) for i, name in enumerate(DIRECTIONS)}


def _draw(statistics: CodeStatistics) -> Floats:
    """Codes whose units follow their percentiles, independently: (_CODES, n_code)."""
    rng = np.random.default_rng(0)
    ranks, rows = np.unique(np.asarray(statistics.percentile_ranks, np.float64), return_index=True)
    percentiles = np.asarray(statistics.percentiles, np.float64)[rows]
    drawn = rng.uniform(ranks[0], ranks[-1], (_CODES, percentiles.shape[1]))
    return np.stack([np.interp(x, ranks, values) for x, values in zip(drawn.T, percentiles.T, strict=True)], axis=1)


def _standard(x: Floats) -> Floats:
    return np.asarray((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9))


def _ridge(x: Floats, y: Floats) -> Floats:
    """Coefficients (n_x, n_y) of y on x, both standardized."""
    return np.asarray(np.linalg.solve(x.T @ x + _RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y))
