"""Labels of units, from what each adds to the decoder's output: "bass 60-200 Hz", "A4 harmonics", "hiss 6-14 kHz".

A unit's spectrum is the change of the decoded magnitudes as it goes from its lowest to its highest training percentile,
the others at their medians. `docs/playing.md` explains the rules to players; this module is their definition:

1. range       the third octaves that hold the middle 80 % of the spectrum's power times the root of frequency (so that
               a hiss counts beside a bass)
2. attack      the mean powers of the octaves from 125 Hz to 8 kHz lie within 20 dB of that of the range, and the unit
               is rarely active: its median lies in the lowest 15 % of its range
3. hiss        the range begins at 2.5 kHz or above
4. bass        the range ends at 300 Hz or below
5. harmonics   the multiples of one pitch from 110 Hz to 1.76 kHz stand 9 dB above what lies half way between them, and
               hold half of what is weighed so
6. noise       the spectrum in the range is as flat as noise
7. else        low mids, mids or highs, by the middle of the range

Control thread only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aedsp.arrays import Floats
from aedsp.model.model import Model

LONGEST_BYTES = 32
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 18_000.0
_PITCHES = 440 * 2 ** (np.arange(-24 * 4, 24 * 4 + 1) / 48)  # 110 Hz to 1760 Hz, in quarters of a semitone
_HARMONICS = 6
_STANDS_OUT_DB = 9.0
_FLAT_DB = -6.0
_RARE = 0.15
#: Units decoded at once.
_AT_ONCE = 256


def unit_spectra(model: Model, units: Sequence[int] | None = None) -> Floats:
    """What some units (all) add over their range of activations: magnitudes (n, n_bins), not negative."""
    units = range(model.n_code) if units is None else units
    low, middle, high = _range_of_activations(model)
    parts = []
    for first in range(0, len(units), _AT_ONCE):
        some = np.asarray(units[first : first + _AT_ONCE])
        levels = []
        for end in (low, high):
            codes = np.tile(middle.astype(np.float32), (len(some), 1))
            codes[np.arange(len(some)), some] = end[some]
            levels.append(model.decode(codes))
        parts.append(np.abs(levels[1] - levels[0]))
    return np.concatenate(parts)


def label_units(model: Model, units: Sequence[int] | None = None) -> tuple[str, ...]:
    """A label for each of some units (all) of the code, by the rules above."""
    units = range(model.n_code) if units is None else units
    low, middle, high = _range_of_activations(model)
    rare = (middle - low) < _RARE * (high - low)
    hz, names = model.front_end.centres_hz(), []
    for first in range(0, len(units), _AT_ONCE):
        some = units[first : first + _AT_ONCE]
        found = zip(some, unit_spectra(model, some), strict=True)
        names += [label(spectrum, hz, bool(rare[unit])) for unit, spectrum in found]
    return tuple(names)


def label(spectrum: Floats, hz: Floats, rare: bool) -> str:
    """The label of one spectrum of magnitudes at `hz`; rare: the unit is rarely active."""
    power = np.square(spectrum, dtype=np.float64)
    power[(hz < _LOWEST_HZ) | (hz > _HIGHEST_HZ)] = 0
    if power.sum() < 1e-14:
        return "silent"
    low, high = _band(power, hz)
    inside = (hz >= low) & (hz <= high)
    flatness = 10 * np.log10(np.exp(np.mean(np.log(power[inside] + 1e-20))) / np.mean(power[inside] + 1e-20))
    span = _span(low, high)
    if rare and _is_even(power, hz, float(power[inside].mean())):
        return f"attack {span}"
    if low >= 2500:
        return f"hiss {span}"
    if high <= 300:
        return f"bass {span}"
    if pitch := _pitch(spectrum, power * np.sqrt(hz), hz, high):
        return f"{_note(pitch)} harmonics"
    if flatness > _FLAT_DB:
        return f"noise {span}"
    middle = np.sqrt(low * high)
    return f"{'low mids' if middle < 500 else 'mids' if middle < 2500 else 'highs'} {span}"


def _range_of_activations(model: Model) -> tuple[Floats, Floats, Floats]:
    """The lowest, the median and the highest activation of each unit over training; 0, 0 and 1 if not known."""
    statistics = model.code_statistics
    if statistics is None:
        return np.zeros(model.n_code), np.zeros(model.n_code), np.ones(model.n_code)
    percentiles = np.asarray(statistics.percentiles, np.float64)
    return percentiles[0], percentiles[len(percentiles) // 2], percentiles[-1]


def _band(power: Floats, hz: Floats) -> tuple[float, float]:
    """The third octaves from the 10th to the 90th percentile of power times the root of frequency, in Hz."""
    share = np.cumsum(power * np.sqrt(hz))
    low, high = (hz[np.searchsorted(share, q * share[-1])] for q in (0.1, 0.9))
    down, up = np.floor(3 * np.log2(low / 1000)), np.ceil(3 * np.log2(high / 1000))
    return 1000 * 2 ** (down / 3), min(1000 * 2 ** (max(up, down + 1) / 3), float(hz[-1]))


def _is_even(power: Floats, hz: Floats, level: float) -> bool:
    """Whether the mean powers of all octaves from 125 Hz to 8 kHz lie within 20 dB of `level`, and of each other."""
    octaves = [power[(hz >= a) & (hz < 2 * a)] for a in 125 * 2.0 ** np.arange(6)]
    means = [float(octave.mean()) for octave in octaves if len(octave)]
    return max(*means, level) < 100 * min(means)


def _pitch(spectrum: Floats, weight: Floats, hz: Floats, high: float) -> float | None:
    """The pitch whose multiples stand out of a spectrum and hold half of the weight, in Hz; None if there is none."""
    best, found = _STANDS_OUT_DB, None
    spacing = np.median(np.diff(hz[hz > 0][:8]))
    level = 20 * np.log10(np.asarray(spectrum, np.float64) + 1e-3 * spectrum.max() + 1e-12)
    for pitch in _PITCHES[5 * spacing < _PITCHES]:
        n = int(min(_HARMONICS, max(high, 2 * pitch) // pitch))
        multiples = pitch * np.arange(1, n + 1)
        between = pitch * (np.arange(n + 1) + 0.5)
        stands = np.interp(multiples, hz, level).mean() - np.interp(between, hz, level).mean()
        near = np.abs(hz - pitch * np.clip(np.round(hz / pitch), 1, n)) <= 1.5 * spacing
        if stands > best and weight[near].sum() > weight.sum() / 2:
            best, found = stands, float(pitch)
    return found


def _note(hz: float) -> str:
    """The name of the nearest note, A4 being 440 Hz."""
    number = round(69 + 12 * np.log2(hz / 440))
    return f"{_NOTES[number % 12]}{number // 12 - 1}"


def _span(low: float, high: float) -> str:
    """A range as text, rounded to two digits, e.g. 60-200 Hz or 6-14 kHz."""
    low, high = (float(f"{value:.2g}") for value in (low, high))
    if high >= 1000 and low >= 1000:
        return f"{low / 1000:g}-{high / 1000:g} kHz"
    return f"{low:g}-{f'{high / 1000:g}k' if high >= 1000 else f'{high:g}'} Hz"
