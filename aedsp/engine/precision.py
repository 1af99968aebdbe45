"""Chooses the storage of the weights: float32, or float16 if the difference is inaudible. Control thread only.

The probe runs spectra of both demo clips and of pink noise at three levels through the model with original and with
rounded weights. The worst of the five results counts.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np

from aedsp import data
from aedsp._kernels import _cpu
from aedsp._kernels.dense import stored
from aedsp.arrays import Float32
from aedsp.model.analysis import Analysis
from aedsp.model.front_end import FrontEnd
from aedsp.model.layers import Layer
from aedsp.model.model import Model

Precision = Literal["float32", "float16", "int8"]

#: Largest allowed error of float16, relative to the output.
MOST_DIFFERENCE_DB = -60.0
PINK_DB = (-6.0, -30.0, -60.0)
_SPECTRA = 6


def choose(model: Model) -> Precision:
    """float16 if the processor converts it in hardware and its error is at most `MOST_DIFFERENCE_DB`.

    The error is measured once for each model, and noted with it.
    """
    if not _cpu.fast_halves():
        return "float32"
    if "float16 error in dB" not in model.notes:
        model.notes["float16 error in dB"] = difference_db(model, "float16")
    return "float16" if model.notes["float16 error in dB"] <= MOST_DIFFERENCE_DB else "float32"


def difference_db(model: Model, precision: Precision) -> float:
    """Error of the probe's magnitudes with the weights stored in `precision`, in dB re output; the worst signal."""
    kept = Model(
        front_end=model.front_end, layers=tuple(_kept(layer, precision) for layer in model.layers),
        preprocess=model.preprocess,
    )  # fmt: skip
    worst = -np.inf
    for spectra in probe(model.front_end):
        (before, _), (after, _) = model.reconstruct(spectra), kept.reconstruct(spectra)
        error, level = (float(np.square(x, dtype=np.float64).sum()) for x in (after - before, before))
        if error:
            worst = max(worst, 10 * np.log10(error / level) if level else np.inf)
    return worst


def _kept(layer: Layer, precision: Precision) -> Layer:
    """The layer with its weights rounded as stored."""

    def rounded(weight: Float32) -> Float32:
        numbers, scale = stored(np.ascontiguousarray(weight), np.dtype(precision))
        return np.asarray(numbers.astype(np.float32) * scale[:, None])

    if layer.decoder_weight is not None:  # older spectra are not heard; their weights are not stored
        older, newest = np.split(layer.decoder_weight, [layer.n_visible - layer.n_visible // layer.context_spectra])
    return Layer(
        encoder_weight=rounded(layer.encoder_weight),
        encoder_bias=layer.encoder_bias,
        decoder_weight=None if layer.decoder_weight is None else np.concatenate([older, rounded(newest.T).T]),
        decoder_bias=layer.decoder_bias,
        encoder_activation=layer.encoder_activation,
        decoder_activation=layer.decoder_activation,
        context_spectra=layer.context_spectra,
    )


@functools.lru_cache(maxsize=4)
def probe(front_end: FrontEnd) -> tuple[Float32, ...]:
    """Magnitudes (n, n_bins) of each signal. The clips are treated as if they had the model's sample rate."""
    signals = list(data.beginnings())
    n = max(front_end.window_length, *(len(x) for x in signals))
    pink = _pink_noise(n)
    signals += [np.float32(10 ** (level / 20)) * pink for level in PINK_DB]
    return tuple(_magnitudes(x, front_end) for x in signals)


def _pink_noise(n: int) -> Float32:
    """Pink noise with an RMS of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n))
    x = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), n)
    return np.asarray(x / np.sqrt(np.mean(np.square(x))), np.float32)


def _magnitudes(x: Float32, front_end: FrontEnd) -> Float32:
    length = front_end.window_length
    x = np.pad(x, (0, max(0, length - len(x))))
    starts = np.linspace(0, len(x) - length, _SPECTRA).astype(int)
    return Analysis(front_end).magnitudes(np.stack([x[start : start + length] for start in starts]))
