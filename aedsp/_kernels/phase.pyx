"""Phases of the spectrum that goes out, as unit phasors: `source` and `advance`.

Formula      source: unit = X / |X|; where the magnitude is below 1e-9, the previous unit · exp(2πi H k / N) (`phase_run_on`)
             advance: start · exp(2πi ((m H k) mod N) / N) at hop m, in integers, so that it never drifts (`phase_advance`)
Shapes       magnitude, unit_re, unit_im: n_bins = N/2 + 1
Aliasing     none
Alignment    any
Scaling      |unit| = 1 to rounding; `phase_run_on` keeps it there by one Newton step a hop
Allocation   none after `phase_new`
Sizes        those of `aedsp.FrontEnd`

X / |X| itself is `Kernels.polar` of the table. References: Sarroff & Casey (2014), section 4.2 (channel vocoder).
"""

from libc.math cimport M_PI, cos, sin

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded

PHASE_FLOOR = 1e-9


cdef Phase *phase_new(Py_ssize_t fft_length, Py_ssize_t hop_length, const double *start_turns) noexcept nogil:
    """start_turns: n_bins start phases, as fractions of a turn. NULL where there is no memory."""
    cdef Phase *phase = <Phase *> aedsp_alloc(sizeof(Phase))
    if phase is NULL:
        return NULL
    cdef Py_ssize_t i, bins = padded(fft_length // 2 + 1)
    phase.cosine = <float *> aedsp_alloc((2 * fft_length + 4 * bins) * sizeof(float))
    if phase.cosine is NULL:
        aedsp_free(phase)
        return NULL
    phase.sine = phase.cosine + fft_length
    phase.start_re = phase.sine + fft_length
    phase.start_im = phase.start_re + bins
    phase.turn_re = phase.start_im + bins
    phase.turn_im = phase.turn_re + bins
    phase.fft_length = fft_length
    phase.hop_length = hop_length
    phase.n_bins = fft_length // 2 + 1
    for i in range(fft_length):
        phase.cosine[i] = <float> cos(2 * M_PI * i / fft_length)
        phase.sine[i] = <float> sin(2 * M_PI * i / fft_length)
    for i in range(phase.n_bins):
        phase.turn_re[i] = phase.cosine[hop_length * i & (fft_length - 1)]
        phase.turn_im[i] = phase.sine[hop_length * i & (fft_length - 1)]
        phase.start_re[i] = <float> cos(2 * M_PI * start_turns[i])
        phase.start_im[i] = <float> sin(2 * M_PI * start_turns[i])
    return phase


cdef void phase_free(Phase *phase) noexcept nogil:
    if phase is not NULL:
        aedsp_free(phase.cosine)
        aedsp_free(phase)


cdef void phase_run_on(const Phase *phase, const float *magnitude, float *unit_re, float *unit_im) noexcept nogil:
    kernels.run_on(magnitude, PHASE_FLOOR, phase.turn_re, phase.turn_im, unit_re, unit_im, phase.n_bins)


cdef void phase_advance(const Phase *phase, unsigned long long hop, float *unit_re, float *unit_im) noexcept nogil:
    cdef Py_ssize_t k, mask = phase.fft_length - 1, at, step = <Py_ssize_t> (hop * <unsigned long long> phase.hop_length) & mask
    for k in range(phase.n_bins):
        at = step * k & mask
        unit_re[k] = phase.start_re[k] * phase.cosine[at] - phase.start_im[k] * phase.sine[at]
        unit_im[k] = phase.start_re[k] * phase.sine[at] + phase.start_im[k] * phase.cosine[at]


cdef class Phases:
    """The door for Python.

    Parameters
    ----------
    fft_length, hop_length : int
    start_turns : float64 (fft_length // 2 + 1,)
        Start phases of `advance`, in turns.
    """

    cdef Phase *phase

    def __cinit__(self, Py_ssize_t fft_length, Py_ssize_t hop_length, const double[::1] start_turns not None):
        if fft_length < 64 or fft_length & (fft_length - 1) or start_turns.shape[0] != fft_length // 2 + 1:
            raise ValueError(
                f"fft_length is {fft_length} with {start_turns.shape[0]} start phases; expected a power of two and one a bin"
            )
        self.phase = phase_new(fft_length, hop_length, &start_turns[0])
        if self.phase is NULL:
            raise MemoryError

    def __dealloc__(self):
        phase_free(self.phase)

    def source(self, const float[::1] re not None, const float[::1] im not None, float scale, float[::1] unit_re not None,
               float[::1] unit_im not None):
        """Magnitudes (n_bins,) of a spectrum; the unit phasors are brought up to date in place."""
        cdef Py_ssize_t n = self.phase.n_bins
        if not re.shape[0] == im.shape[0] == unit_re.shape[0] == unit_im.shape[0] == n:
            raise ValueError(f"re, im, unit_re, unit_im are not all of {n} bins")
        cdef float[::1] magnitude = np.empty(n, np.float32)
        with nogil:
            if kernels.polar(&re[0], &im[0], scale, PHASE_FLOOR, &magnitude[0], &unit_re[0], &unit_im[0], n):
                phase_run_on(self.phase, &magnitude[0], &unit_re[0], &unit_im[0])
        return np.asarray(magnitude)

    def advance(self, unsigned long long hop):
        """Unit phasors of hop number `hop`: two float32 arrays (n_bins,)."""
        cdef float[::1] re = np.empty(self.phase.n_bins, np.float32), im = np.empty(self.phase.n_bins, np.float32)
        with nogil:
            phase_advance(self.phase, hop, &re[0], &im[0])
        return np.asarray(re), np.asarray(im)
