"""Polyphase resampling between any two rates.

Formula      out[m] = Σ_j h(p - j) x[j] at the position p = m step / denominator, h a Kaiser-windowed sinc
Shapes       x: any length; out: as many samples as the input allows
Aliasing     none
Alignment    any
Scaling      unity gain in the passband: within ±0.1 dB to 0.9 of the lower Nyquist frequency, below -90 dB from 1.0 on
Allocation   none after `*_new`
Sizes        any positive rates, exact as rational numbers; equal rates pass samples unchanged

Positions are integers (whole part, and fraction in `denominator`ths), so no rate drifts. Every sample depends only on
its own position, so output is bit-identical for any partition of the input. Ratios with more than 4096 phases (fewer
when downsampling) interpolate linearly between the taps of that many; the error is below -140 dB.
"""

from libc.string cimport memcpy, memmove, memset

from fractions import Fraction

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded

MOST_PHASES = 4096
PASSBAND, ATTENUATION_DB = 0.9, 100.0


def design(rate_in, rate_out):
    """Taps of the filter, float64 (n_phases + 1, n_taps), for the ratio of two rates; (1, 1) for equal rates.

    The row of phase f holds h(f + n_taps/2 - 1 - j) for input sample j of the window. Kaiser (1974).
    """
    ratio = Fraction(rate_out) / Fraction(rate_in)
    if ratio == 1:
        return np.ones((2, 1))
    lower = float(min(ratio, 1))                                 # lower Nyquist frequency / input Nyquist frequency
    width = (1 - PASSBAND) * lower * np.pi
    n_taps = 2 * int(np.ceil((ATTENUATION_DB - 7.95) / (2.285 * width) / 2 + 1))
    n_phases = min(ratio.numerator, max(64, int(MOST_PHASES * lower)))       # longer filters are smoother
    cutoff = lower * (1 + PASSBAND) / 2
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    offset = np.arange(n_phases + 1)[:, None] / n_phases + n_taps // 2 - 1 - np.arange(n_taps)[None, :]
    shape = np.i0(beta * np.sqrt(np.maximum(0, 1 - (offset / (n_taps / 2)) ** 2))) / np.i0(beta)
    taps = cutoff * np.sinc(cutoff * offset) * shape
    return taps / taps.sum(axis=1, keepdims=True)


cdef ResampleFilter *filter_new(const double *taps, Py_ssize_t n_phases, Py_ssize_t n_taps) noexcept nogil:
    """taps: (n_phases + 1, n_taps). NULL if out of memory."""
    cdef ResampleFilter *f = <ResampleFilter *> aedsp_alloc(sizeof(ResampleFilter))
    if f is NULL:
        return NULL
    cdef Py_ssize_t i, j
    f.n_taps, f.half, f.n_phases, f.stride = n_taps, n_taps // 2, n_phases, padded(n_taps)
    f.taps = <float *> aedsp_alloc((n_phases + 1) * f.stride * sizeof(float))
    if f.taps is NULL:
        aedsp_free(f)
        return NULL
    for i in range(n_phases + 1):
        for j in range(n_taps):
            f.taps[i * f.stride + j] = <float> taps[i * n_taps + j]
    return f


cdef void filter_free(ResampleFilter *f) noexcept nogil:
    if f is not NULL:
        aedsp_free(f.taps)
        aedsp_free(f)


cdef Resampler *resampler_new(const ResampleFilter *f, long long step, long long denominator, Py_ssize_t n_zeros,
                              long long start_part, Py_ssize_t most_pushed) noexcept nogil:
    """One channel. n_zeros: silence before the first sample; start_part: the first position's fraction of a sample, in
    `denominator`ths; most_pushed: maximum samples between two calls of `resample`. NULL if out of memory."""
    cdef Resampler *r = <Resampler *> aedsp_alloc(sizeof(Resampler))
    if r is NULL:
        return NULL
    r.filter, r.step, r.denominator, r.n_start, r.start_part = f, step, denominator, n_zeros, start_part
    r.capacity = 2 * (n_zeros + f.n_taps + most_pushed + step // denominator + 2)
    r.history = <float *> aedsp_alloc(padded(r.capacity) * sizeof(float))
    if r.history is NULL:
        aedsp_free(r)
        return NULL
    resampler_reset(r)
    return r


cdef void resampler_free(Resampler *r) noexcept nogil:
    if r is not NULL:
        aedsp_free(r.history)
        aedsp_free(r)


cdef void resampler_reset(Resampler *r) noexcept nogil:
    memset(r.history, 0, r.capacity * sizeof(float))
    r.n = r.n_start
    r.whole, r.part = 0, r.start_part


cdef void resampler_copy(Resampler *r, const Resampler *other) noexcept nogil:
    """Copy the state of `other`, which has the same parameters."""
    memcpy(r.history, other.history, r.capacity * sizeof(float))
    r.n, r.whole, r.part = other.n, other.whole, other.part


cdef float *resampler_room(Resampler *r, Py_ssize_t n) noexcept nogil:
    """Address for the next n samples, which count as pushed. Drops old history if necessary."""
    cdef Py_ssize_t past = <Py_ssize_t> r.whole
    if r.n + n > r.capacity:
        if past > r.n:
            past = r.n
        memmove(r.history, r.history + past, (r.n - past) * sizeof(float))
        r.n -= past
        r.whole -= past
    r.n += n
    return r.history + r.n - n


cdef inline float _filtered(const ResampleFilter *f, const float *x, long long part, long long denominator) noexcept nogil:
    """Σ_j h(p - j) x[j], with the taps of phase `part`, or interpolated between two phases."""
    cdef const float *taps
    cdef Py_ssize_t row
    cdef double position
    cdef float low
    if f.n_phases == denominator:
        return kernels.dot(x, f.taps + part * f.stride, f.stride)
    position = <double> part * f.n_phases / denominator
    row = min(<Py_ssize_t> position, f.n_phases - 1)      # the quotient may round up to n_phases
    taps = f.taps + row * f.stride
    low = kernels.dot(x, taps, f.stride)
    return low + <float> (position - row) * (kernels.dot(x, taps + f.stride, f.stride) - low)


cdef Py_ssize_t resample(Resampler *r, float *out, Py_ssize_t out_stride, Py_ssize_t most) noexcept nogil:
    """Write up to `most` samples, `out_stride` floats apart; returns how many the history allowed."""
    cdef const ResampleFilter *f = r.filter
    cdef const float *same
    cdef Py_ssize_t m = 0, whole = <Py_ssize_t> (r.step // r.denominator)
    cdef long long part = r.step % r.denominator
    if f.n_taps == 1:
        most = min(most, r.n - <Py_ssize_t> r.whole)
        same = r.history + r.whole
        if out_stride == 1:
            memcpy(out, same, most * sizeof(float))
        else:
            for m in range(most):
                out[m * out_stride] = same[m]
        r.whole += most
        return most
    while m < most and r.whole + f.n_taps <= r.n:
        out[m * out_stride] = _filtered(f, r.history + r.whole, r.part, r.denominator)
        m += 1
        r.whole += whole
        r.part += part
        if r.part >= r.denominator:
            r.part -= r.denominator
            r.whole += 1
    return m


cdef class Filter:
    """Python wrapper: the filter between two rates, and resampling of a whole signal.

    Parameters
    ----------
    rate_in, rate_out : float
        Hz, taken as exact.
    """

    def __cinit__(self, rate_in, rate_out):
        cdef double[:, ::1] taps = design(rate_in, rate_out)
        self.rate_in, self.rate_out = Fraction(rate_in), Fraction(rate_out)
        self.filter = filter_new(&taps[0, 0], taps.shape[0] - 1, taps.shape[1])
        if self.filter is NULL:
            raise MemoryError

    def __dealloc__(self):
        filter_free(self.filter)

    @property
    def half(self):
        """Input samples that the filter needs beyond the position of an output sample."""
        return self.filter.half

    def resample(self, const float[::1] x not None, Py_ssize_t block=4096):
        """x at the other rate, float32: sample m is at time m / rate_out; the ends are padded with silence."""
        step = self.rate_in / self.rate_out
        cdef Py_ssize_t n = int(x.shape[0] / step), done = 0, at = 0, take, got
        cdef Py_ssize_t lead = max(0, self.filter.half - 1)
        cdef Resampler *r = resampler_new(self.filter, step.numerator, step.denominator, lead, 0, block)
        if r is NULL:
            raise MemoryError
        cdef float[::1] out = np.zeros(n + 1, np.float32)
        cdef float *room
        with nogil:
            while done < n:
                take = min(block, max(0, x.shape[0] - at))
                room = resampler_room(r, take if take > 0 else block)
                if take > 0:
                    memcpy(room, &x[at], take * sizeof(float))
                else:
                    memset(room, 0, block * sizeof(float))
                at += take
                got = resample(r, &out[done], 1, n - done)
                done += got
        resampler_free(r)
        return np.asarray(out)[:n]
