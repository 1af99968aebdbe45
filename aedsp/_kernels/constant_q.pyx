"""Bins of an FFT to constant-Q bands, and back.

Formula      forward c_b = √(Σ_k analysis_bk m_k²); inverse m_k = Σ_b synthesis_bk c_b
Shapes       magnitude: n_bins; band: n_bands; each band covers a run of bins
Aliasing     none
Alignment    any
Scaling      in the weights (`aedsp.model.constant_q`): a full-scale sine is 1.0 in its band, and 1.0 again in its bin
Allocation   none; scratch of n_bins in the state, so one thread at a time
Sizes        any
"""

from libc.string cimport memset

import numpy as np

from aedsp._kernels._cpu cimport kernels, padded

cdef extern from "<math.h>" nogil:
    float sqrtf(float)


cdef void constant_q_forward(const BandSet *q, const float *magnitude, float *band) noexcept nogil:
    cdef Py_ssize_t k, b
    for k in range(q.n_bins):
        q.power[k] = magnitude[k] * magnitude[k]
    for b in range(q.n_bands):
        band[b] = sqrtf(kernels.dot(q.analysis + q.offset[b], q.power + q.first[b], q.count[b]))


cdef void constant_q_inverse(const BandSet *q, const float *band, float *magnitude) noexcept nogil:
    cdef Py_ssize_t i, b
    cdef const float *weight
    cdef float *target
    memset(magnitude, 0, q.n_bins * sizeof(float))
    for b in range(q.n_bands):
        weight, target = q.synthesis + q.offset[b], magnitude + q.first[b]
        for i in range(q.count[b]):
            target[i] += weight[i] * band[b]


cdef class Bands:
    """Python wrapper; owns one set of bands.

    Parameters
    ----------
    n_bins : int
    bands : sequence of (first bin, analysis weights, synthesis weights)
    """

    def __cinit__(self, Py_ssize_t n_bins, bands):
        cdef Py_ssize_t b, n = len(bands), total = sum(padded(len(analysis)) for _, analysis, _ in bands)
        cdef BandSet *q = &self.set
        cdef Py_ssize_t[:, ::1] places = np.zeros((3, max(n, 1)), np.intp)
        cdef float[::1] weights = np.zeros(2 * total + n_bins + padded(1), np.float32)   # padded with zero weights
        at = 0
        for b, (first, analysis, synthesis) in enumerate(bands):
            count = len(analysis)
            if len(synthesis) != count or first < 0 or first + count > n_bins:
                raise ValueError(f"band {b} has bins {first} to {first + count}; expected a run within {n_bins} bins")
            places[0, b], places[1, b], places[2, b] = first, count, at
            np.asarray(weights)[at : at + count] = analysis
            np.asarray(weights)[total + at : total + at + count] = synthesis
            at += padded(count)
        self.places, self.weights = np.asarray(places).reshape(-1), weights
        q.n_bins, q.n_bands = n_bins, n
        q.first, q.count, q.offset = &places[0, 0], &places[1, 0], &places[2, 0]
        q.analysis = &weights[0]
        q.synthesis, q.power = q.analysis + total, q.analysis + 2 * total

    def forward(self, const float[::1] magnitude not None):
        """Bands (n_bands,) of a spectrum (n_bins,)."""
        cdef float[::1] out = np.zeros(max(self.set.n_bands, 1), np.float32)
        if magnitude.shape[0] != self.set.n_bins:
            raise ValueError(f"magnitude has {magnitude.shape[0]} bins; expected {self.set.n_bins}")
        with nogil:
            constant_q_forward(&self.set, &magnitude[0], &out[0])
        return np.asarray(out)[: self.set.n_bands]

    def inverse(self, const float[::1] band not None):
        """Spectrum (n_bins,) of bands (n_bands,)."""
        cdef float[::1] out = np.zeros(self.set.n_bins, np.float32)
        if band.shape[0] != self.set.n_bands:
            raise ValueError(f"band has {band.shape[0]} values; expected {self.set.n_bands}")
        with nogil:
            constant_q_inverse(&self.set, &band[0], &out[0])
        return np.asarray(out)
