"""Phases of the output spectrum, as unit phasors: `source`, `advance` and `spsi`.

Formula      source: unit = X / |X|; where the magnitude is below 1e-9, the previous unit · exp(2πi H k / N) (`phase_run_on`)
             advance: start · exp(2πi ((m H k) mod N) / N) at hop m, in integers, without drift (`phase_advance`)
             spsi: a peak at bin k + p, p from the parabola through three logarithms, advances by H (k + p) / N turns
             per hop, with the bins from trough to trough; plus - k C / N for the window's edge, C being the window's
             phase centre, `FrontEnd.window_centre` (`spsi_run`)
Shapes       magnitude, unit_re, unit_im: n_bins = N/2 + 1; for spsi padded to a multiple of AEDSP_PAD
Aliasing     none
Alignment    any
Scaling      |unit| = 1 to rounding; `phase_run_on` renormalises by one Newton step per hop
Allocation   none after `phase_new`, `spsi_new`
Sizes        those of `aedsp.FrontEnd`

`Kernels.polar` computes X / |X|. References: Sarroff & Casey (2014), section 4.2 (channel vocoder); Beauregard,
Harish & Wyse (2015), single-pass spectrogram inversion.
"""

from libc.math cimport M_PI, atan2f, cos, fmod, rintf, sin
from libc.string cimport memcpy

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded

PHASE_FLOOR = 1e-9


cdef Phase *phase_new(Py_ssize_t fft_length, double window_centre, Py_ssize_t hop_length,
                      const double *start_turns) noexcept nogil:
    """window_centre: phase centre, in frames. start_turns: n_bins start phases, as fractions of a turn. NULL if out of memory."""
    cdef Phase *phase = <Phase *> aedsp_alloc(sizeof(Phase))
    if phase is NULL:
        return NULL
    cdef Py_ssize_t i, bins = padded(fft_length // 2 + 1)
    phase.cosine = <float *> aedsp_alloc((2 * fft_length + 7 * bins) * sizeof(float))
    if phase.cosine is NULL:
        aedsp_free(phase)
        return NULL
    phase.sine = phase.cosine + fft_length
    phase.start_re = phase.sine + fft_length
    phase.start_im = phase.start_re + bins
    phase.turn_re = phase.start_im + bins
    phase.turn_im = phase.turn_re + bins
    phase.start_turns = phase.turn_im + bins
    phase.bin_turns = phase.start_turns + bins
    phase.edge_turns = phase.bin_turns + bins
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
        phase.start_turns[i] = <float> start_turns[i]
        phase.bin_turns[i] = <float> (<double> (hop_length * i & (fft_length - 1)) / fft_length)
        phase.edge_turns[i] = <float> (-fmod(window_centre * i, fft_length) / fft_length)
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


cdef float phase_free_turns(const Phase *phase, unsigned long long hop, Py_ssize_t k) noexcept nogil:
    """The turns of `advance` at bin k of hop number `hop`."""
    cdef unsigned long long at = hop * <unsigned long long> (phase.hop_length * k) & <unsigned long long> (phase.fft_length - 1)
    return phase.start_turns[k] + <float> (<double> at / phase.fft_length)


cdef void phase_follow(const Phase *phase, const float *unit_re, const float *unit_im, float *middle) noexcept nogil:
    """Phases at the window's edge to turns at its centre."""
    cdef Py_ssize_t k
    for k in range(phase.n_bins):
        middle[k] = atan2f(unit_im[k], unit_re[k]) * <float> (0.5 / M_PI) - phase.edge_turns[k]


cdef Spsi *spsi_new(const Phase *phase) noexcept nogil:
    """NULL if out of memory."""
    cdef Py_ssize_t bins = padded(phase.n_bins)
    cdef Spsi *spsi = <Spsi *> aedsp_alloc(sizeof(Spsi))
    if spsi is NULL:
        return NULL
    spsi.middle = <float *> aedsp_alloc(3 * bins * sizeof(float))
    if spsi.middle is NULL:
        aedsp_free(spsi)
        return NULL
    spsi.turns = spsi.middle + bins
    spsi.logs = spsi.turns + bins
    spsi_reset(phase, spsi)
    return spsi


cdef void spsi_free(Spsi *spsi) noexcept nogil:
    if spsi is not NULL:
        aedsp_free(spsi.middle)
        aedsp_free(spsi)


cdef void spsi_reset(const Phase *phase, Spsi *spsi) noexcept nogil:
    memcpy(spsi.middle, phase.start_turns, phase.n_bins * sizeof(float))


cdef inline void _turn_region(const Phase *phase, Spsi *spsi, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t top) noexcept nogil:
    """Advance the bins `first` to `stop` with their peak."""
    cdef float a = spsi.logs[top - 1], b = spsi.logs[top], c = spsi.logs[top + 1], bend = a - 2 * b + c, offset = 0
    cdef Py_ssize_t k
    if bend < 0:
        offset = max(<float> -0.5, min(<float> 0.5, (a - c) / (2 * bend)))
    cdef float turns = spsi.middle[top] + phase.bin_turns[top] + offset * phase.hop_length / phase.fft_length
    turns -= rintf(turns)
    for k in range(first, stop):
        spsi.middle[k] = turns


cdef void spsi_run(const Phase *phase, Spsi *spsi, const float *magnitude, float *unit_re, float *unit_im) noexcept nogil:
    cdef Py_ssize_t k, n = phase.n_bins, first = 0, top = -1, low = 0
    kernels.logarithm(magnitude, PHASE_FLOOR, spsi.logs, padded(n))
    for k in range(1, n - 1):
        if magnitude[k] > magnitude[k - 1] and magnitude[k] >= magnitude[k + 1]:
            if top >= 0:
                _turn_region(phase, spsi, first, low + 1, top)
                first = low + 1
            top = low = k
        elif magnitude[k] < magnitude[low]:
            low = k
    if top >= 0:
        _turn_region(phase, spsi, first, n, top)
    else:
        for k in range(n):
            spsi.middle[k] += phase.bin_turns[k]
            spsi.middle[k] -= rintf(spsi.middle[k])
    for k in range(n):
        spsi.turns[k] = spsi.middle[k] + phase.edge_turns[k]
    kernels.phasors(spsi.turns, unit_re, unit_im, padded(n))


cdef Phase *phase_made(Py_ssize_t fft_length, double window_centre, Py_ssize_t hop_length,
                       const double[::1] start_turns) except NULL:
    """`phase_new` for the Python wrappers, with checks."""
    if fft_length < 64 or fft_length & (fft_length - 1) or start_turns.shape[0] != fft_length // 2 + 1:
        raise ValueError(
            f"fft_length is {fft_length} with {start_turns.shape[0]} start phases; "
            "expected a power of two from 64, and one phase per bin"
        )
    cdef Phase *phase = phase_new(fft_length, window_centre, hop_length, &start_turns[0])
    if phase is NULL:
        raise MemoryError
    return phase


cdef class Phases:
    """Python wrapper.

    Parameters
    ----------
    fft_length, window_length, hop_length : int
    start_turns : float64 (fft_length // 2 + 1,)
        Start phases of `advance` and `spsi`, in turns.
    window_centre : float, optional
        The window's phase centre, in frames. None: half its length.
    """

    cdef Phase *phase
    cdef Spsi *spsi_state

    def __cinit__(self, Py_ssize_t fft_length, Py_ssize_t window_length, Py_ssize_t hop_length,
                  const double[::1] start_turns not None, window_centre=None):
        cdef double centre = window_length / 2 if window_centre is None else window_centre
        self.phase = phase_made(fft_length, centre, hop_length, start_turns)
        self.spsi_state = spsi_new(self.phase)
        if self.spsi_state is NULL:
            raise MemoryError

    def __dealloc__(self):
        spsi_free(self.spsi_state)
        phase_free(self.phase)

    def source(self, const float[::1] re not None, const float[::1] im not None, float scale, float[::1] unit_re not None,
               float[::1] unit_im not None):
        """Magnitudes (n_bins,) of a spectrum; updates the unit phasors in place."""
        cdef Py_ssize_t n = self.phase.n_bins
        if not re.shape[0] == im.shape[0] == unit_re.shape[0] == unit_im.shape[0] == n:
            raise ValueError(f"re, im, unit_re, unit_im must all have {n} bins")
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

    def spsi(self, const float[::1] magnitude not None):
        """Unit phasors of the next hop, from its magnitudes (n_bins,): two float32 arrays (n_bins,)."""
        cdef Py_ssize_t n = self.phase.n_bins
        if magnitude.shape[0] != n:
            raise ValueError(f"magnitude has {magnitude.shape[0]} bins; expected {n}")
        cdef float[:, ::1] room = np.zeros((3, padded(n)), np.float32)
        room[0, :n] = magnitude
        with nogil:
            spsi_run(self.phase, self.spsi_state, &room[0, 0], &room[1, 0], &room[2, 0])
        return np.array(room[1, :n]), np.array(room[2, :n])


def logarithms(const float[::1] x not None, float floor):
    """ln(max(x, floor)): float32 (n,)."""
    cdef Py_ssize_t n = x.shape[0]
    cdef float[:, ::1] room = np.zeros((2, padded(n) + 1), np.float32)
    room[0, :n] = x
    kernels.logarithm(&room[0, 0], floor, &room[1, 0], padded(n))
    return np.array(room[1, :n])


def phasors(const float[::1] turns not None):
    """exp(2πi turns): two float32 arrays (n,)."""
    cdef Py_ssize_t n = turns.shape[0]
    cdef float[:, ::1] room = np.zeros((3, padded(n) + 1), np.float32)
    room[0, :n] = turns
    kernels.phasors(&room[0, 0], &room[1, 0], &room[2, 0], padded(n))
    return np.array(room[1, :n]), np.array(room[2, :n])


def angles(const float[::1] re not None, const float[::1] im not None):
    """Turns of re + i im, -0.5 .. 0.5: float32 (n,)."""
    cdef Py_ssize_t n = re.shape[0]
    if im.shape[0] != n:
        raise ValueError(f"re, im have {n}, {im.shape[0]} values; expected equal lengths")
    cdef float[:, ::1] room = np.zeros((3, padded(n) + 1), np.float32)
    room[0, :n] = re
    room[1, :n] = im
    kernels.angles(&room[0, 0], &room[1, 0], &room[2, 0], padded(n))
    return np.array(room[2, :n])
