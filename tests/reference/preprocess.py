"""Preprocessing steps and their inverses, on plain tuples like those of the kernel."""

import numpy as np


def apply(steps, x):
    x = np.asarray(x, np.float64)
    for kind, *p in steps:
        if kind == "affine":
            x = (x - p[0]) / p[1]
        elif kind == "log":
            x = np.log10(np.maximum(x, p[0]))
        else:
            x = np.maximum(x, 0) ** p[0]
    return x


def invert(steps, x):
    x = np.asarray(x, np.float64)
    for kind, *p in reversed(steps):
        if kind == "affine":
            x = x * p[1] + p[0]
        elif kind == "log":
            x = 10.0**x
        else:
            x = np.maximum(x, 0) ** (1 / p[0])
    return x


def clamp(x):
    """Non-finite to 0, then to [0, 16]."""
    return np.clip(np.where(np.isfinite(x), x, 0), 0, 16)
