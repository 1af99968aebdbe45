"""Compiles a model for the hop: weights, preprocessing and bands as kernel objects. Control thread only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aedsp._kernels.constant_q import Bands
from aedsp._kernels.dense import Stack
from aedsp._kernels.preprocess import Chain
from aedsp._rt.control import ControlBuffer
from aedsp._rt.loaded import Loaded
from aedsp._rt.recent import RECENT_ROWS
from aedsp.arrays import Float32
from aedsp.model import constant_q, preprocess
from aedsp.model.layers import Layer
from aedsp.model.model import Model

#: How long the engine remembers what it has heard, for `Engine.effects`.
RECENT_S = 5.0


@dataclass(frozen=True)
class Compiled:
    """A model as kernel objects, for one engine: everything but the controls that move it."""

    precision: str
    n_bins: int
    n_context: int
    n_code: int
    stack: Stack
    chain: Chain
    bands: Bands | None
    ranks: Float32 | None
    percentiles: Float32 | None
    recent_every: int

    def loaded(self, buffer: ControlBuffer, channels: int) -> Loaded:
        """The model with its controls, ready for the hop. Once only: the kernel objects hold its state."""
        return Loaded(
            self.stack, self.chain, buffer, self.n_bins, self.n_context, self.n_code, channels, self.bands, self.ranks,
            self.percentiles, recent_every=self.recent_every,
        )  # fmt: skip


def compile_model(model: Model, precision: str) -> Compiled:
    """The model as kernel objects, its weights stored in `precision`."""
    n_bins = model.front_end.n_bins
    stack = Stack([compile_layer(layer) for layer in model.layers], precision)
    chain = Chain([compile_step(step) for step in model.preprocess], n_bins)
    bands = None
    if model.front_end.kind == "cqft":
        made = [(band.first, band.analysis, band.synthesis) for band in constant_q.bands(model.front_end)]
        bands = Bands(model.front_end.n_fft_bins, made)
    ranks = percentiles = None
    if (known := model.code_statistics) is not None:
        ranks, rising = np.unique(np.asarray(known.percentile_ranks, np.float32), return_index=True)
        percentiles = np.ascontiguousarray(np.asarray(known.percentiles)[rising], np.float32)
    n_context = model.layers[0].context_spectra
    every = round(RECENT_S / RECENT_ROWS * model.front_end.sample_rate / model.front_end.hop_length)
    return Compiled(precision, n_bins, n_context, model.n_code, stack, chain, bands, ranks, percentiles, every)


def compile_layer(layer: Layer) -> tuple[Any, ...]:
    """A layer as the tuple that `Stack` expects."""
    return (
        layer.encoder_weight,
        layer.encoder_bias,
        layer.decoder_weight,
        layer.decoder_bias,
        layer.encoder_activation,
        layer.decoder_activation,
        layer.context_spectra,
    )


def compile_step(step: preprocess.Step) -> tuple[Any, ...]:
    """A preprocessing step as the tuple that the compiled `Chain` expects."""
    if isinstance(step, preprocess.Normalize):
        return ("affine", 0.0, step.max)
    if isinstance(step, preprocess.Standardize):
        return ("affine", step.mean, step.std)
    if isinstance(step, preprocess.Log):
        return ("log", step.floor)
    if isinstance(step, preprocess.Power):
        return ("power", step.exponent)
    raise TypeError(f"preprocess step is {step!r}; expected Normalize, Standardize, Log or Power")
