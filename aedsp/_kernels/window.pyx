"""Analysis window and zero-padding.

Formula      out[n] = window[n] frame[n] for n < window_length, 0 from there to fft_length
Shapes       frame, window: window_length; out: fft_length
Aliasing     none
Alignment    any
Scaling      none
Allocation   none
Sizes        1 <= window_length <= fft_length

Windows and their canonical duals are float64 tables of `aedsp.FrontEnd`, rounded once to float32.
"""

from libc.string cimport memset

import numpy as np

from aedsp._kernels._cpu cimport kernels


cdef void window_apply(const float *frame, const float *window, float *out, Py_ssize_t window_length,
                       Py_ssize_t fft_length) noexcept nogil:
    kernels.multiply(frame, window, out, window_length)
    memset(out + window_length, 0, (fft_length - window_length) * sizeof(float))


def apply(const float[::1] frame not None, const float[::1] window not None, Py_ssize_t fft_length):
    """`frame` (window_length,) times `window`, followed by zeros: float32 (fft_length,)."""
    cdef Py_ssize_t n = window.shape[0]
    if frame.shape[0] != n or not 1 <= n <= fft_length:
        raise ValueError(f"frame has {frame.shape[0]} samples, window {n}; expected equal lengths, 1 to {fft_length}")
    cdef float[::1] out = np.empty(fft_length, np.float32)
    with nogil:
        window_apply(&frame[0], &window[0], &out[0], n, fft_length)
    return np.asarray(out)
