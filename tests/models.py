"""Small models for tests: random but well-behaved weights for any geometry."""

from __future__ import annotations

import itertools

import numpy as np

import aedsp


def front_end(**changes) -> aedsp.FrontEnd:
    return aedsp.FrontEnd(**{"fft_length": 512, "window_length": 512, "hop_length": 128, **changes})


def autoencoder(
    rng, geometry=None, n_code=16, *, tied=False, steps=(), widths=(), context=1, encoder="relu", level=0.3
) -> aedsp.Model:
    """A model with non-negative weights and small biases. level: scale of the decoder's weights."""
    geometry = geometry or front_end()
    sizes = [geometry.n_bins * context, *widths, n_code]
    layers = []
    for i, (n_visible, n_hidden) in enumerate(itertools.pairwise(sizes)):
        weight = np.abs(rng.standard_normal((n_hidden, n_visible))) / np.sqrt(n_visible * n_hidden)
        layers.append(
            aedsp.Layer(
                encoder_weight=weight,
                encoder_bias=rng.standard_normal(n_hidden) * 0.01,
                decoder_weight=None if tied else np.abs(rng.standard_normal((n_visible, n_hidden))) * level / n_hidden,
                decoder_bias=rng.standard_normal(n_visible) * 0.001,
                encoder_activation=encoder if i == 0 else "tanh",
                decoder_activation="linear" if i == 0 else "sigmoid",
                context_spectra=context if i == 0 else 1,
            )
        )
    return aedsp.Model(front_end=geometry, layers=tuple(layers), preprocess=aedsp.Chain(tuple(steps)), name="test")


def music(rng, n, rate=22_050.0):
    """A chord with attacks, plus noise of 3e-4 that makes the phase of every bin meaningful."""
    t = np.arange(n) / rate
    chord = sum(np.sin(2 * np.pi * f * t + f) / (i + 2) for i, f in enumerate((220, 277.2, 329.6, 880, 2637)))
    envelope = 0.3 * np.exp(-3 * (t % 0.35))
    return (chord * envelope + 3e-4 * rng.standard_normal(n)).astype(np.float32)


def level_db(x):
    return 20 * np.log10(np.sqrt(np.mean(np.square(x, dtype=np.float64))) + 1e-30)


def in_blocks(engine, x, sizes):
    """Process x with the engine in blocks whose sizes come from `sizes`."""
    out, at = [], 0
    while at < len(x):
        n = min(int(next(sizes)), len(x) - at)
        out.append(engine.process(x[at : at + n]))
        at += n
    return np.concatenate(out)
