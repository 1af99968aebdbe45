"""Eq. 1 and 2 of the paper, with unit gains between them, in float64."""

import numpy as np


def activate(x, name):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    return {"linear": lambda v: v, "relu": lambda v: np.maximum(v, 0), "tanh": np.tanh}[name](x)


def stored(weight, precision):
    """The weights (rows, n) as stored: each row's numbers times its scale, in float64."""
    weight = weight.astype(np.float64)
    largest = np.abs(weight).max(axis=1, keepdims=True)
    largest[largest == 0] = 1
    if precision == "float16":  # a row's largest between 2^14 and 2^15
        scale = 2.0 ** (np.floor(np.log2(largest)) - 14)
        return (weight / scale).astype(np.float16).astype(np.float64) * scale
    if precision == "int8":
        scale = (largest.astype(np.float32) / np.float32(127)).astype(np.float64)
        return np.rint((weight.astype(np.float32) / scale.astype(np.float32)).astype(np.float64)) * scale
    return weight


def kept(layer, precision):
    """The layer with its weights as stored."""
    encoder, bias, decoder, *rest = layer
    decoder = None if decoder is None else stored(decoder.T, precision).T
    return (stored(encoder, precision), bias, decoder, *rest)


def encode(layer, x):
    """y = s(W x + b_hid). layer: the tuple that `Stack` takes."""
    return activate(layer[0].astype(np.float64) @ x + layer[1], layer[4])


def decode(layer, y):
    """z = s(W' y + b_vis), its newest spectrum."""
    weight = layer[0].T if layer[2] is None else layer[2]
    z = activate(weight.astype(np.float64) @ y + layer[3], layer[5])
    return z[len(z) - len(z) // layer[6] :]


def scale(code, factor, override):
    return np.where(np.isnan(override), np.where(factor == 0, 0, code * factor), override)
