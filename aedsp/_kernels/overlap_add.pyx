"""Windowed overlap-add of one hop.

Formula      sum[n] += window[n] frame[n]; out = sum[: hop]; then sum shifts down by one hop, filled with zeros
Shapes       frame: >= window_length; window, sum: window_length; out: hop_length
Aliasing     none
Alignment    any
Scaling      in the window (the canonical dual of the analysis window gives perfect reconstruction)
Allocation   none
Sizes        1 <= hop_length <= window_length
"""

import numpy as np

from aedsp._kernels._cpu cimport kernels


cdef void overlap_add(const float *frame, const float *window, float *sum, float *out, Py_ssize_t window_length,
                      Py_ssize_t hop_length) noexcept nogil:
    kernels.overlap_add(frame, window, sum, out, window_length, hop_length)


def add(const float[::1] frame not None, const float[::1] window not None, float[::1] sum not None, Py_ssize_t hop_length):
    """Add one frame to `sum` (in place) and return the finished hop, float32 (hop_length,)."""
    cdef Py_ssize_t n = window.shape[0]
    if frame.shape[0] < n or sum.shape[0] != n or not 1 <= hop_length <= n:
        raise ValueError(
            f"frame, window, sum, hop are {frame.shape[0]}, {n}, {sum.shape[0]}, {hop_length} long; "
            "expected frame >= window = sum >= hop >= 1"
        )
    cdef float[::1] out = np.empty(hop_length, np.float32)
    with nogil:
        overlap_add(&frame[0], &window[0], &sum[0], &out[0], n, hop_length)
    return np.asarray(out)
