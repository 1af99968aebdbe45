"""Phases from magnitudes by real-time phase gradient heap integration: `pghi`, and `pghi1` with look-ahead.

Formula      s = ln(max(magnitude, 1e-9)), γ the window's, C its phase centre, N the FFT, H the hop;
             turns per hop: H k / N + H N / (4π γ) (s[k + 1] - s[k - 1]);
             turns per bin: - γ / (4π H N) (s[m + 1] - s[m - 1]), without look-ahead
             - γ / (4π H N) (3 s[m] - 4 s[m - 1] + s[m - 2]); integrated by the trapezoidal rule (`heap.pyx`);
             plus - k C / N for the window's edge. Bins that are not reached take the phase of `advance`
Shapes       magnitude, unit_re, unit_im: n_bins, padded to a multiple of AEDSP_PAD
Aliasing     none
Alignment    any
Scaling      any magnitudes
Allocation   none after `pghi_new`
Sizes        those of `aedsp.FrontEnd`

Průša & Søndergaard, "Real-time spectrogram inversion using phase gradient heap integration" (DAFx 2016).
"""

from libc.math cimport M_PI
from libc.string cimport memcpy, memset

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.heap cimport heap_free, heap_integrate, heap_new
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_free, phase_free_turns, phase_made

#: γ / L² of the Gaussian closest to each window of length L; the rectangular window has none. No Gaussian is close to an
#: asymmetric window: its γ is the one that measures best for S from L/8 to L (`benchmarks/phases.py`).
GAMMA = {"hann": 0.25645, "hamming": 0.29794, "blackman": 0.17954, "asymmetric": 0.33}


cdef Pghi *pghi_new(const Phase *phase, double gamma, bint look_ahead) noexcept nogil:
    """gamma: in samples². NULL if out of memory."""
    cdef Pghi *pghi = <Pghi *> aedsp_alloc(sizeof(Pghi))
    if pghi is NULL:
        return NULL
    cdef Py_ssize_t i, stride = padded(phase.n_bins)
    cdef double hop = phase.hop_length, n = phase.fft_length
    pghi.phase, pghi.look_ahead, pghi.stride = phase, look_ahead, stride
    pghi.hop_slope, pghi.bin_slope = <float> (hop * n / (4 * M_PI * gamma)), <float> (-gamma / (4 * M_PI * hop * n))
    pghi.heap = heap_new(phase.n_bins)
    cdef float *memory = <float *> aedsp_alloc(12 * stride * sizeof(float))
    pghi.memory = memory
    if pghi.heap is NULL or memory is NULL:
        pghi_free(pghi)
        return NULL
    for i in range(3):
        pghi.magnitude[i] = memory + i * stride
        pghi.logs[i] = memory + (3 + i) * stride
    pghi.middle, pghi.per_hop, pghi.turns = memory + 6 * stride, memory + 7 * stride, memory + 8 * stride
    pghi.hop_turns, pghi.hop_step, pghi.bin_step = memory + 9 * stride, memory + 10 * stride, memory + 11 * stride
    pghi_reset(pghi)
    return pghi


cdef void pghi_free(Pghi *pghi) noexcept nogil:
    if pghi is not NULL:
        aedsp_free(pghi.memory)
        heap_free(pghi.heap)
        aedsp_free(pghi)


cdef void pghi_reset(Pghi *pghi) noexcept nogil:
    """Reset to the state after silence."""
    cdef Py_ssize_t i, k
    for i in range(3):
        memset(pghi.magnitude[i], 0, pghi.stride * sizeof(float))
        kernels.logarithm(pghi.magnitude[i], PHASE_FLOOR, pghi.logs[i], pghi.stride)
    for k in range(pghi.phase.n_bins):
        pghi.middle[k] = pghi.phase.start_turns[k]
        pghi.per_hop[k] = pghi.phase.bin_turns[k]


cdef void _gradients(Pghi *pghi, const float *now, const float *newer, const float *older, const float *oldest) noexcept nogil:
    """Turns from the previous hop, and from bin to bin. newer NULL: no look-ahead."""
    cdef Py_ssize_t k, n = pghi.phase.n_bins
    for k in range(n):
        if newer is not NULL:
            pghi.bin_step[k] = pghi.bin_slope * (newer[k] - older[k])
        else:
            pghi.bin_step[k] = pghi.bin_slope * (3 * now[k] - 4 * older[k] + oldest[k])
    for k in range(n - 1):
        pghi.bin_step[k] = 0.5 * (pghi.bin_step[k] + pghi.bin_step[k + 1])
    pghi.hop_turns[0] = pghi.phase.bin_turns[0]
    pghi.hop_turns[n - 1] = pghi.phase.bin_turns[n - 1]
    for k in range(1, n - 1):
        pghi.hop_turns[k] = pghi.phase.bin_turns[k] + pghi.hop_slope * (now[k + 1] - now[k - 1])
    for k in range(n):
        pghi.hop_step[k] = 0.5 * (pghi.per_hop[k] + pghi.hop_turns[k])


cdef void _integrate(Pghi *pghi, const float *now, const float *before, unsigned long long hop) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(pghi.phase.n_bins):
        pghi.turns[k] = phase_free_turns(pghi.phase, hop, k)
    heap_integrate(pghi.heap, now, before, pghi.middle, pghi.hop_step, pghi.bin_step, PHASE_FLOOR, pghi.turns)


cdef const float *pghi_run(Pghi *pghi, const float *magnitude, unsigned long long hop, float *unit_re,
                           float *unit_im) noexcept nogil:
    """Phases of hop number `hop`; returns its magnitudes: those given, or with look-ahead the previous ones."""
    cdef Py_ssize_t k, n = pghi.phase.n_bins
    cdef float *oldest = pghi.magnitude[2]
    cdef float *oldest_logs = pghi.logs[2]
    cdef const float *now = oldest
    pghi.magnitude[2], pghi.magnitude[1], pghi.magnitude[0] = pghi.magnitude[1], pghi.magnitude[0], oldest
    pghi.logs[2], pghi.logs[1], pghi.logs[0] = pghi.logs[1], pghi.logs[0], oldest_logs
    memcpy(pghi.magnitude[0], magnitude, n * sizeof(float))
    kernels.logarithm(pghi.magnitude[0], PHASE_FLOOR, pghi.logs[0], pghi.stride)
    if pghi.look_ahead:
        now = pghi.magnitude[1]
        _gradients(pghi, pghi.logs[1], pghi.logs[0], pghi.logs[2], NULL)
        _integrate(pghi, now, pghi.magnitude[2], hop)
    else:
        _gradients(pghi, pghi.logs[0], NULL, pghi.logs[1], pghi.logs[2])
        _integrate(pghi, now, pghi.magnitude[1], hop)
    memcpy(pghi.middle, pghi.turns, n * sizeof(float))
    memcpy(pghi.per_hop, pghi.hop_turns, n * sizeof(float))
    for k in range(n):
        pghi.turns[k] += pghi.phase.edge_turns[k]
    kernels.phasors(pghi.turns, unit_re, unit_im, pghi.stride)
    return now


cdef class Integration:
    """Python wrapper.

    Parameters
    ----------
    fft_length, window_length, hop_length : int
    start_turns : float64 (fft_length // 2 + 1,)
        Phases of unreached bins, in turns at hop 0.
    window : "hann", "hamming", "blackman" or "asymmetric"
    look_ahead : bool
        Return each spectrum's phases one call later.
    window_centre : float, optional
        The window's phase centre, in frames. None: half its length.
    """

    cdef Phase *phase
    cdef Pghi *pghi
    cdef unsigned long long hop

    def __cinit__(self, Py_ssize_t fft_length, Py_ssize_t window_length, Py_ssize_t hop_length,
                  const double[::1] start_turns not None, window="hann", bint look_ahead=False, window_centre=None):
        if window not in GAMMA:
            raise ValueError(f"window is {window!r}; phase gradients are known for {', '.join(GAMMA)}")
        cdef double centre = window_length / 2 if window_centre is None else window_centre
        self.phase = phase_made(fft_length, centre, hop_length, start_turns)
        self.pghi = pghi_new(self.phase, GAMMA[window] * window_length ** 2, look_ahead)
        if self.pghi is NULL:
            raise MemoryError

    def __dealloc__(self):
        pghi_free(self.pghi)
        phase_free(self.phase)

    def run(self, const float[::1] magnitude not None):
        """Unit phasors of the hop with these magnitudes (n_bins,), or with look-ahead of the previous hop."""
        cdef Py_ssize_t n = self.phase.n_bins
        if magnitude.shape[0] != n:
            raise ValueError(f"magnitude has {magnitude.shape[0]} bins; expected {n}")
        cdef float[:, ::1] room = np.zeros((2, self.pghi.stride), np.float32)
        with nogil:
            pghi_run(self.pghi, &magnitude[0], self.hop - self.pghi.look_ahead, &room[0, 0], &room[1, 0])
        self.hop += 1
        return np.array(room[0, :n]), np.array(room[1, :n])
