"""Blends a decoded spectrum with the original: its detail (magnitudes) and the mix of both (spectra).

Formula      detail d: z = (1 - d) z + d x r, r = min((z + 1e-4) / (z0 + 1e-4), 8)
             mix w: X = (1 - w) X0 + w scale m unit
Shapes       decoded z, neutral z0, original x, magnitude m, unit, spectra X0 and X: n_bins
Aliasing     detail: in place on `decoded`; mix: `re` and `im` may be the original's
Alignment    any
Scaling      z, z0, x: magnitudes at or above 0, a full-scale sine 1.0; `scale` from magnitudes to the unscaled spectrum
Allocation   none
Sizes        any

z is decoded with the player's controls, z0 with neutral ones, x was analysed: at d = 1 the controls shape the original
instead of replacing it, and where z = z0 they leave it unchanged.
"""

import numpy as np

from aedsp._kernels._cpu cimport kernels


cdef void blend_detail(const float *neutral, const float *original, float detail, float *decoded, Py_ssize_t n_bins) noexcept nogil:
    kernels.detail(neutral, original, detail, decoded, n_bins)


cdef void blend_mix(const float *magnitude, const float *unit_re, const float *unit_im, float scale, float mix,
                    const float *original_re, const float *original_im, float *re, float *im,
                    Py_ssize_t n_bins) noexcept nogil:
    kernels.mix(magnitude, unit_re, unit_im, scale, mix, original_re, original_im, re, im, n_bins)


def detailed(const float[::1] decoded not None, const float[::1] neutral not None, const float[::1] original not None,
             float detail):
    """Magnitudes (n_bins,) with detail 0 to 1."""
    cdef Py_ssize_t n = decoded.shape[0]
    if neutral.shape[0] != n or original.shape[0] != n:
        raise ValueError(f"decoded, neutral, original have {n}, {neutral.shape[0]}, {original.shape[0]} bins; expected equal numbers")
    cdef float[::1] out = np.array(decoded, np.float32)
    if n:
        with nogil:
            blend_detail(&neutral[0], &original[0], detail, &out[0], n)
    return np.asarray(out)


def mixed(const float[::1] magnitude not None, const float[::1] unit_re not None, const float[::1] unit_im not None,
          float scale, float mix, const float[::1] original_re not None, const float[::1] original_im not None):
    """Spectrum as two float32 arrays (n_bins,): the original, and magnitude times scale times unit."""
    cdef Py_ssize_t n = magnitude.shape[0]
    if not unit_re.shape[0] == unit_im.shape[0] == original_re.shape[0] == original_im.shape[0] == n:
        raise ValueError(f"all arrays must have {n} bins, like magnitude")
    cdef float[:, ::1] out = np.empty((2, n), np.float32)
    if n:
        with nogil:
            blend_mix(&magnitude[0], &unit_re[0], &unit_im[0], scale, mix, &original_re[0], &original_im[0], &out[0, 0],
                      &out[1, 0], n)
    return np.asarray(out[0]), np.asarray(out[1])
