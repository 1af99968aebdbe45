"""Eq. 1 to 4 of the paper, float64: the reference for `train/network` and its objectives."""

from __future__ import annotations

import numpy as np

ACTIVATIONS = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
}


def forward(x, encoder_weight, encoder_bias, decoder_weight, decoder_bias, encoder="sigmoid", decoder="linear"):
    """Codes and outputs of the spectra `x`, one at a time."""
    codes = [ACTIVATIONS[encoder](encoder_weight @ frame + encoder_bias) for frame in x]
    outputs = [ACTIVATIONS[decoder](decoder_weight @ code + decoder_bias) for code in codes]
    return np.array(codes), np.array(outputs)


def stack(x, layers, encoder="sigmoid", decoder="linear"):
    """Codes and outputs of a stack: each layer is an encoder weight, its bias, a decoder weight, its bias."""
    for w, b, _, _ in layers:
        x = ACTIVATIONS[encoder](x @ w.T + b)
    code = x
    for _, _, v, c in reversed(layers):
        x = ACTIVATIONS[decoder](x @ v.T + c)
    return code, x


def squared_error(x, z):
    """Eq. 3: summed over bins, mean over spectra."""
    return np.mean([np.sum((a - b) ** 2) for a, b in zip(x, z, strict=True)])


def cross_entropy(x, z):
    """Eq. 4: summed over bins, mean over spectra."""
    return np.mean([-np.sum(a * np.log(b) + (1 - a) * np.log(1 - b)) for a, b in zip(x, z, strict=True)])
