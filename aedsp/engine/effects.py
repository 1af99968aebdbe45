"""What each unit changes: 10 log10(Σ|out without it - out|² / Σ|out|²), measured on audio or estimated from spectra.

`measured` runs the engine once for each unit, muted. `estimated` decodes the spectra of the last seconds without each
unit and compares magnitudes: nearly the same order, 0 to 3 dB higher (the overlap of the windows averages changes that
it does not see), fast enough while the music plays. Control thread only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Bools, Float32, Float64
from aedsp.engine.arguments import as_audio
from aedsp.engine.controls import Controls
from aedsp.engine.state import State, effective
from aedsp.engine.through import BLOCK_FRAMES, Processor, through
from aedsp.model import constant_q
from aedsp.model.front_end import LOUDEST
from aedsp.model.layers import activate
from aedsp.model.model import Model

#: Reported where a unit changes nothing.
NOTHING_DB = -300.0
#: As in `_kernels/blend`.
DETAIL_FLOOR, DETAIL_MOST = np.float32(1e-4), np.float32(8)
_WORKERS = 2


class Twin(Processor, Protocol):
    """What `measured` needs of an engine."""

    @property
    def controls(self) -> Controls: ...
    def reset(self) -> None: ...


def audio(x_or_path: npt.ArrayLike | str | os.PathLike[str], sample_rate: float, channels: int) -> Float32:
    """Audio for an engine; a file is resampled and mixed to its rate and channels."""
    if not isinstance(x_or_path, (str, os.PathLike)):
        return as_audio("x", x_or_path, channels, None)
    from aedsp.audio.reader import Reader

    with Reader(x_or_path, sample_rate, channels) as reader:
        return np.concatenate(list(reader.blocks()))


def measured(twin: Callable[[], Twin], x: Float32, n_units: int) -> Float64:
    """The effect of each unit in dB, (n_units,).

    twin: makes an engine with the controls to measure; called from several threads.
    """
    from concurrent.futures import ThreadPoolExecutor  # not needed to play

    whole = list(_without(twin(), None, x))

    def change(unit: int) -> float:
        return sum(_energy(a - b) for a, b in zip(_without(twin(), unit, x), whole, strict=True))

    with ThreadPoolExecutor(_WORKERS) as pool:
        return decibels(np.array(list(pool.map(change, range(n_units)))), sum(map(_energy, whole)))


def _without(engine: Twin, unit: int | None, x: Float32) -> Iterator[Float32]:
    """The output in blocks without a unit, latency removed, with its tail."""
    if unit is not None:
        engine.controls.muted[unit] = True
    engine.reset()
    frames = x.reshape(len(x), engine.channels)
    yield from through(engine, (frames[at : at + BLOCK_FRAMES] for at in range(0, len(x), BLOCK_FRAMES)))


def estimated(
    model: Model, analysed: Bools, magnitudes: Float32, codes: Float32, state: State, units: Sequence[int]
) -> Float64:
    """The effect of some units on spectra, in dB, (len(units),).

    analysed : (n,), whether each code was made from its magnitudes; else detail and mix do not act.
    magnitudes : (n, n_fft_bins); codes : (n, n_code), before gains; state : the controls. While models are swapped
    these may belong to two of them: then nothing is known.
    """
    if not codes.shape[1] == model.n_code == len(state.values["gain"]) > max(units, default=0):
        return np.full(len(units), NOTHING_DB)
    d, w = state.amounts["detail"], state.amounts["mix"]
    factor, override, target, a = effective(state.values, state.amounts["target_amount"])
    bent = ((1 - a) * codes + a * target) * factor
    bent = np.where(np.isnan(override), bent, override)
    innermost = model.layers[-1]
    weight = innermost.encoder_weight if innermost.decoder_weight is None else innermost.decoder_weight.T
    before = bent @ weight + innermost.decoder_bias
    d = np.float32(d) * analysed[:, None]
    w = np.where(analysed[:, None], np.float32(w), np.float32(1))
    neutral = _magnitudes(model, codes @ weight + innermost.decoder_bias) + DETAIL_FLOOR if d.any() else None

    def out(decoded: Float32) -> Float32:
        z = _magnitudes(model, decoded)
        if neutral is not None:
            z = (1 - d) * z + d * magnitudes * np.minimum((z + DETAIL_FLOOR) / neutral, DETAIL_MOST)
        return np.asarray(w * z)

    whole = out(before)
    energy = _energy(whole + (1 - w) * magnitudes)
    change = np.zeros(len(units))
    for i, unit in enumerate(units):
        if bent[:, unit].any():
            change[i] = _energy(out(before - bent[:, unit, None] * weight[unit]) - whole)
    return decibels(change, energy)


def decibels(change: Float64, whole: float) -> Float64:
    """Ratios of energies in dB; `NOTHING_DB` for none, and where nothing is heard."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10 * np.log10(change / whole)
    return np.where(np.isfinite(level), np.maximum(level, NOTHING_DB), NOTHING_DB)


def _energy(x: Float32) -> float:
    return float(np.square(x, dtype=np.float64).sum())


def _magnitudes(model: Model, decoded: Float32) -> Float32:
    """Magnitudes (n, n_fft_bins) from the innermost decoder's output before its activation."""
    y = activate(decoded, model.layers[-1].decoder_activation)
    for layer in reversed(model.layers[:-1]):
        y = layer.decode(y)
    z = model.preprocess.invert(y[:, -model.front_end.n_bins :])
    z = np.clip(np.where(np.isfinite(z), z, 0), 0, LOUDEST)
    return constant_q.to_bins(np.asarray(z, np.float32), model.front_end)
