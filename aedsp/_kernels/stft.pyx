"""Short-time Fourier transform of one window, and its inverse.

Formula      forward: X = rfft(window · frame, zero-padded); inverse: overlap-add of synthesis · irfft(X), one hop out
Shapes       frame: window_length; re, im: fft_length / 2 + 1; sum: reach_length; out: hop_length. The synthesis window
             is 0 but for its last reach_length frames
Aliasing     none
Alignment    any
Scaling      the spectrum is unscaled; `magnitude_scale` = 2 / Σ window makes a full-scale sine 1.0
Allocation   none after `stft_new`
Sizes        those of `aedsp.FrontEnd`

Holds scratch memory: one Stft per thread.
"""

from libc.string cimport memcpy, memmove

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.fft cimport fft_forward, fft_free, fft_inverse, fft_new
from aedsp._kernels.overlap_add cimport overlap_add
from aedsp._kernels.window cimport window_apply


cdef Stft *stft_new(int fft_length, Py_ssize_t window_length, Py_ssize_t reach_length, Py_ssize_t hop_length,
                    const double *analysis, const double *synthesis) noexcept nogil:
    """NULL if out of memory. Lengths and windows (window_length) come from a checked FrontEnd."""
    cdef Stft *stft = <Stft *> aedsp_alloc(sizeof(Stft))
    if stft is NULL:
        return NULL
    cdef Py_ssize_t i, n = padded(window_length)
    cdef double total = 0
    stft.plan = fft_new(fft_length)
    stft.analysis = <float *> aedsp_alloc((2 * n + fft_length) * sizeof(float))
    if stft.plan is NULL or stft.analysis is NULL:
        stft_free(stft)
        return NULL
    stft.synthesis = stft.analysis + n
    stft.frame = stft.synthesis + n
    stft.fft_length = fft_length
    stft.window_length = window_length
    stft.reach_length = reach_length
    stft.hop_length = hop_length
    stft.n_bins = fft_length // 2 + 1
    for i in range(window_length):
        stft.analysis[i] = <float> analysis[i]
        total += analysis[i]
    for i in range(reach_length):
        stft.synthesis[i] = <float> synthesis[window_length - reach_length + i]
    stft.magnitude_scale = <float> (2 / total)
    return stft


cdef void stft_free(Stft *stft) noexcept nogil:
    if stft is not NULL:
        fft_free(stft.plan)
        aedsp_free(stft.analysis)
        aedsp_free(stft)


cdef void stft_forward(Stft *stft, const float *frame, float *re, float *im) noexcept nogil:
    window_apply(frame, stft.analysis, stft.frame, stft.window_length, stft.fft_length)
    fft_forward(stft.plan, stft.frame, re, im)


cdef void stft_inverse(Stft *stft, const float *re, const float *im, float *sum, float *out) noexcept nogil:
    fft_inverse(stft.plan, re, im, stft.frame)
    overlap_add(stft.frame + stft.window_length - stft.reach_length, stft.synthesis, sum, out, stft.reach_length, stft.hop_length)


cdef void stft_remember(const Stft *stft, const float *out, float *past) noexcept nogil:
    """Add a finished hop to the output (window_length - reach_length) before `sum`."""
    cdef Py_ssize_t n = stft.window_length - stft.reach_length, new = min(n, stft.hop_length)
    memmove(past, past + new, (n - new) * sizeof(float))
    memcpy(past + n - new, out + stft.hop_length - new, new * sizeof(float))


cdef class Transform:
    """Python wrapper.

    Parameters
    ----------
    fft_length, hop_length : int
    analysis, synthesis : float64 (window_length,)
        Window and synthesis window, from `aedsp.FrontEnd`.
    reach_length : int, optional
        Frames at the end of `synthesis` that are not 0. None: all.
    """

    cdef Stft *stft
    cdef float[::1] sum

    def __cinit__(self, int fft_length, Py_ssize_t hop_length, const double[::1] analysis not None,
                  const double[::1] synthesis not None, reach_length=None):
        cdef Py_ssize_t window_length = analysis.shape[0]
        cdef Py_ssize_t reach = window_length if reach_length is None else reach_length
        if not 1 <= hop_length <= reach <= window_length <= fft_length or synthesis.shape[0] != window_length:
            raise ValueError(
                f"hop, windows, FFT are {hop_length}, {window_length} and {synthesis.shape[0]}, {fft_length} long; "
                "expected hop <= windows of equal length <= FFT"
            )
        if fft_length < 64 or fft_length > 32768 or fft_length & (fft_length - 1):
            raise ValueError(f"FFT length is {fft_length}; expected a power of two from 64 to 32768")
        self.stft = stft_new(fft_length, window_length, reach, hop_length, &analysis[0], &synthesis[0])
        if self.stft is NULL:
            raise MemoryError
        self.sum = np.zeros(reach, np.float32)

    def __dealloc__(self):
        stft_free(self.stft)

    def forward(self, const float[::1] frame not None):
        """Spectrum of one window of samples (window_length,) as two float32 arrays (n_bins,)."""
        if frame.shape[0] != self.stft.window_length:
            raise ValueError(f"frame has {frame.shape[0]} samples; expected {self.stft.window_length}")
        cdef float[::1] re = np.empty(self.stft.n_bins, np.float32), im = np.empty(self.stft.n_bins, np.float32)
        with nogil:
            stft_forward(self.stft, &frame[0], &re[0], &im[0])
        return np.asarray(re), np.asarray(im)

    def inverse(self, const float[::1] re not None, const float[::1] im not None):
        """Add one spectrum (n_bins,) to the running sum; returns the finished hop (hop_length,)."""
        if re.shape[0] != self.stft.n_bins or im.shape[0] != self.stft.n_bins:
            raise ValueError(f"re, im have {re.shape[0]}, {im.shape[0]} bins; expected {self.stft.n_bins}")
        cdef float[::1] out = np.empty(self.stft.hop_length, np.float32)
        with nogil:
            stft_inverse(self.stft, &re[0], &im[0], &self.sum[0], &out[0])
        return np.asarray(out)

    def magnitudes(self, const float[::1] audio not None):
        """Magnitude spectra of all whole windows in `audio`: float32 (n_spectra, n_bins), full-scale sine 1.0."""
        cdef Stft *stft = self.stft
        cdef Py_ssize_t i, n = 0
        if audio.shape[0] >= stft.window_length:
            n = (audio.shape[0] - stft.window_length) // stft.hop_length + 1
        cdef float[:, ::1] out = np.empty((n, stft.n_bins), np.float32)
        cdef float[:, ::1] scratch = np.zeros((4, stft.n_bins), np.float32)
        if n == 0:
            return np.asarray(out)
        with nogil:
            for i in range(n):
                stft_forward(stft, &audio[i * stft.hop_length], &scratch[0, 0], &scratch[1, 0])
                kernels.polar(&scratch[0, 0], &scratch[1, 0], stft.magnitude_scale, 0, &out[i, 0], &scratch[2, 0],
                              &scratch[3, 0], stft.n_bins)
        return np.asarray(out)
