"""Eq. 1 and 2 of the paper, and the player's hand between them, in float64."""

import numpy as np


def activate(x, name):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    return {"linear": lambda v: v, "relu": lambda v: np.maximum(v, 0), "tanh": np.tanh}[name](x)


def encode(layer, x):
    """y = s(W x + b_hid). layer: the tuple that `Stack` takes."""
    return activate(layer[0].astype(np.float64) @ x + layer[1], layer[4])


def decode(layer, y):
    """z = s(W' y + b_vis), the newest spectrum of it."""
    weight = layer[0].T if layer[2] is None else layer[2]
    z = activate(weight.astype(np.float64) @ y + layer[3], layer[5])
    return z[len(z) - len(z) // layer[6] :]


def scale(code, factor, override):
    return np.where(np.isnan(override), np.where(factor == 0, 0, code * factor), override)
