"""Overlap-add of a whole sequence of windows at once."""

import numpy as np


def add_all(frames, window, hop):
    """Σ_m window(n - mH) frame_m(n - mH), over all frames: length (len(frames) - 1) * hop + len(window)."""
    out = np.zeros((len(frames) - 1) * hop + len(window))
    for m, frame in enumerate(frames):
        out[m * hop : m * hop + len(window)] += window * np.asarray(frame[: len(window)], np.float64)
    return out
