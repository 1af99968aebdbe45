"""Refines phases to fit the output so far: real-time iterative spectrogram inversion (RTISI).

Formula      n times: y = (past, sum + synthesis · irfft(magnitude · unit)) / Σ_j window[n + jH] synthesis[n + jH], j = 0, 1, …;
             unit = X / |X|, X = rfft(window · y)
Shapes       magnitude, unit_re, unit_im: n_bins; past: window_length - reach_length, the output before `sum`;
             sum: reach_length, the overlap-add before this hop
Aliasing     none
Alignment    any
Scaling      magnitudes scaled by `Stft.magnitude_scale`; |unit| = 1
Allocation   none after `rtisi_new`; two FFTs per iteration
Sizes        those of `aedsp.FrontEnd`

Uses only past hops, so it adds no latency. A bin whose result is 0 keeps its phase. Zhu, Beauregard & Wyse, "Real-time
signal estimation from modified short-time Fourier transform magnitude spectra" (2007).
"""

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.fft cimport fft_inverse
from aedsp._kernels.phase cimport PHASE_FLOOR
from aedsp._kernels.stft cimport stft_forward, stft_free, stft_inverse, stft_new, stft_remember


cdef Rtisi *rtisi_new(Stft *stft) noexcept nogil:
    """NULL if out of memory."""
    cdef Rtisi *rtisi = <Rtisi *> aedsp_alloc(sizeof(Rtisi))
    if rtisi is NULL:
        return NULL
    cdef Py_ssize_t i, j, length = padded(stft.window_length), bins = padded(stft.n_bins)
    cdef Py_ssize_t finished = stft.window_length - stft.reach_length
    cdef double left
    rtisi.stft = stft
    rtisi.level = <float *> aedsp_alloc((2 * length + 3 * bins) * sizeof(float))
    if rtisi.level is NULL:
        aedsp_free(rtisi)
        return NULL
    rtisi.frame = rtisi.level + length
    rtisi.magnitude = rtisi.frame + length
    rtisi.re = rtisi.magnitude + bins
    rtisi.im = rtisi.re + bins
    for i in range(stft.window_length):
        left = 0
        j = i
        while j < stft.window_length:
            if j >= finished:
                left += <double> stft.analysis[j] * stft.synthesis[j - finished]
            j += stft.hop_length
        rtisi.level[i] = <float> (1 / (left + 1e-6))
    return rtisi


cdef void rtisi_free(Rtisi *rtisi) noexcept nogil:
    if rtisi is not NULL:
        aedsp_free(rtisi.level)
        aedsp_free(rtisi)


cdef void rtisi_run(Rtisi *rtisi, const float *magnitude, const float *past, const float *sum, int n, float *unit_re,
                    float *unit_im) noexcept nogil:
    cdef Stft *stft = rtisi.stft
    cdef Py_ssize_t i, finished = stft.window_length - stft.reach_length
    cdef int turn
    for turn in range(n):
        kernels.turn(magnitude, unit_re, unit_im, 1 / stft.magnitude_scale, rtisi.re, rtisi.im, stft.n_bins)
        fft_inverse(stft.plan, rtisi.re, rtisi.im, stft.frame)
        for i in range(finished):
            rtisi.frame[i] = past[i] * rtisi.level[i]
        for i in range(stft.reach_length):
            rtisi.frame[finished + i] = (sum[i] + stft.synthesis[i] * stft.frame[finished + i]) * rtisi.level[finished + i]
        stft_forward(stft, rtisi.frame, rtisi.re, rtisi.im)
        kernels.polar(rtisi.re, rtisi.im, stft.magnitude_scale, PHASE_FLOOR, rtisi.magnitude, unit_re, unit_im, stft.n_bins)


cdef class Refinement:
    """Python wrapper, with its own overlap-add.

    Parameters
    ----------
    fft_length, hop_length : int
    analysis, synthesis : float64 (window_length,)
    reach_length : int, optional
        Frames at the end of `synthesis` that are not 0. None: all.
    """

    cdef Stft *stft
    cdef Rtisi *rtisi
    cdef float[::1] past, sum

    def __cinit__(self, int fft_length, Py_ssize_t hop_length, const double[::1] analysis not None,
                  const double[::1] synthesis not None, reach_length=None):
        cdef Py_ssize_t reach = analysis.shape[0] if reach_length is None else reach_length
        if fft_length < 64 or fft_length & (fft_length - 1) or not 1 <= hop_length <= reach <= analysis.shape[0] <= fft_length:
            raise ValueError(
                f"FFT, hop, window are {fft_length}, {hop_length}, {analysis.shape[0]} long; "
                "expected a power of two from 64 for the FFT and 1 <= hop <= window <= FFT"
            )
        if synthesis.shape[0] != analysis.shape[0]:
            raise ValueError(f"windows are {analysis.shape[0]} and {synthesis.shape[0]} long; expected equal lengths")
        self.stft = stft_new(fft_length, analysis.shape[0], reach, hop_length, &analysis[0], &synthesis[0])
        if self.stft is NULL:
            raise MemoryError
        self.rtisi = rtisi_new(self.stft)
        if self.rtisi is NULL:
            raise MemoryError
        self.sum = np.zeros(reach, np.float32)
        self.past = np.zeros(max(1, analysis.shape[0] - reach), np.float32)

    def __dealloc__(self):
        rtisi_free(self.rtisi)
        stft_free(self.stft)

    def run(self, const float[::1] magnitude not None, float[::1] unit_re not None, float[::1] unit_im not None, int n):
        """Refine the unit phasors (n_bins,) in place, n times; returns the finished hop, float32 (hop_length,)."""
        cdef Stft *stft = self.stft
        if not magnitude.shape[0] == unit_re.shape[0] == unit_im.shape[0] == stft.n_bins:
            raise ValueError(f"magnitude, unit_re, unit_im must all have {stft.n_bins} bins")
        cdef float[::1] out = np.empty(stft.hop_length, np.float32)
        with nogil:
            rtisi_run(self.rtisi, &magnitude[0], &self.past[0], &self.sum[0], n, &unit_re[0], &unit_im[0])
            kernels.turn(&magnitude[0], &unit_re[0], &unit_im[0], 1 / stft.magnitude_scale, self.rtisi.re, self.rtisi.im, stft.n_bins)
            stft_inverse(stft, self.rtisi.re, self.rtisi.im, &self.sum[0], &out[0])
            stft_remember(stft, &out[0], &self.past[0])
        return np.asarray(out)
