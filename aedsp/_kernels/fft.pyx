"""Real FFT in float32, forward and inverse.

Formula      forward: X[k] = Σ x[n] exp(-2πi kn/N), k = 0 .. N/2; inverse: its exact inverse, scaled by 1/N
Shapes       x: N; re, im: N/2 + 1, separate (not interleaved)
Aliasing     none; inputs are not modified
Alignment    any
Scaling      none forward, 1/N inverse; the imaginary parts of DC and Nyquist are written as 0 and ignored on input
Allocation   none after `fft_new`
Sizes        N a power of two, 64 to 32768

A plan holds scratch memory: one plan per thread. The passes themselves are in `simd/fft.h`.
"""

from libc.math cimport M_PI, cos, sin

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_MOST_STAGES, FftPlan, aedsp_alloc, aedsp_free, kernels, padded


cdef int _lanes(int n) noexcept nogil:
    """The widest lanes that the transform can fill: n >= 2 lanes²."""
    cdef int lanes = kernels.lanes
    while lanes > 4 and n < 2 * lanes * lanes:
        lanes //= 2
    return lanes


cdef void _set_stages(FftPlan *plan) noexcept nogil:
    """Radix 8 as often as possible, then 4 and 2; twiddles exp(-2πi p k / left) stage by stage."""
    cdef int left = plan.rows, j = 0, m, p, k
    cdef float *w = plan.stage_twiddle
    cdef double turn
    while left > 1:
        plan.radix[j] = 2 if left == 2 else 4 if left == 4 or left == 16 else 8
        m = left // plan.radix[j]
        for p in range(m):
            for k in range(1, plan.radix[j]):
                turn = -2 * M_PI * p * k / left
                w[0] = <float> cos(turn)
                w[1] = <float> sin(turn)
                w += 2
        left = m
        j += 1
    plan.n_stages = j


cdef void _set_lane_twiddles(FftPlan *plan) noexcept nogil:
    cdef int n = plan.n, lanes = plan.lanes, rows = plan.rows, k, l, row
    cdef double turn, half
    for k in range(rows // 2 + 1):
        plan.split_twiddle[2 * k] = <float> cos(-M_PI * k / rows)
        plan.split_twiddle[2 * k + 1] = <float> sin(-M_PI * k / rows)
    for k in range(rows):
        half = 0.5 if k else 1.0
        for l in range(lanes):
            turn = -2 * M_PI * k * l / n
            row = 2 * lanes * k + l
            plan.lane_forward[row] = <float> (half * cos(turn))
            plan.lane_forward[row + lanes] = <float> (half * sin(turn))
            plan.lane_inverse[row] = <float> (cos(turn) / n)
            plan.lane_inverse[row + lanes] = <float> (-sin(turn) / n)
    for l in range(lanes):
        for k in range(lanes // 2):
            turn = -M_PI * l * (1 + 2 * k) / lanes
            plan.middle_forward[l * lanes + k] = <float> cos(turn)
            plan.middle_forward[l * lanes + lanes // 2 + k] = <float> sin(turn)
            plan.middle_inverse[k * lanes + l] = <float> (2 * cos(turn) / n)
            plan.middle_inverse[(lanes // 2 + k) * lanes + l] = <float> (2 * sin(turn) / n)


cdef FftPlan *fft_new(int n) noexcept nogil:
    """A plan for n points; NULL if out of memory. The caller checks n."""
    cdef FftPlan *plan = <FftPlan *> aedsp_alloc(sizeof(FftPlan))
    if plan is NULL:
        return NULL
    plan.n = n
    plan.lanes = _lanes(n)
    plan.rows = n // (2 * plan.lanes)
    plan.scale = <float> (1.0 / n)
    cdef Py_ssize_t square = padded(plan.lanes * plan.lanes), rows = padded(plan.rows + 2)
    cdef float *memory = <float *> aedsp_alloc((5 * n + 4 * rows + rows + 2 * square) * sizeof(float))
    if memory is NULL:
        aedsp_free(plan)
        return NULL
    cdef int i
    for i in range(3):
        plan.scratch[i] = memory + i * n
    plan.lane_forward = memory + 3 * n
    plan.lane_inverse = memory + 4 * n
    plan.stage_twiddle = memory + 5 * n
    plan.split_twiddle = plan.stage_twiddle + 4 * rows
    plan.middle_forward = plan.split_twiddle + rows
    plan.middle_inverse = plan.middle_forward + square
    _set_stages(plan)
    _set_lane_twiddles(plan)
    return plan


cdef void fft_free(FftPlan *plan) noexcept nogil:
    if plan is not NULL:
        aedsp_free(plan.scratch[0])
        aedsp_free(plan)


cdef void fft_forward(const FftPlan *plan, const float *x, float *re, float *im) noexcept nogil:
    kernels.fft_forward(plan, x, re, im)


cdef void fft_inverse(const FftPlan *plan, const float *re, const float *im, float *x) noexcept nogil:
    kernels.fft_inverse(plan, re, im, x)


cdef class Fft:
    """Python wrapper: one plan, with checks.

    Parameters
    ----------
    n : int
        Power of two from 64 to 32768.
    """

    cdef FftPlan *plan

    def __cinit__(self, int n):
        if n < 64 or n > 32768 or n & (n - 1):
            raise ValueError(f"FFT length is {n}; expected a power of two from 64 to 32768")
        self.plan = fft_new(n)
        if self.plan is NULL:
            raise MemoryError

    def __dealloc__(self):
        fft_free(self.plan)

    def forward(self, const float[::1] x not None, float[::1] re=None, float[::1] im=None):
        """Spectrum of x (n,) as two float32 arrays (n // 2 + 1,), written to `re` and `im` if given."""
        cdef int n = self.plan.n
        re = np.empty(n // 2 + 1, np.float32) if re is None else re
        im = np.empty(n // 2 + 1, np.float32) if im is None else im
        self._check(x, re, im)
        with nogil:
            fft_forward(self.plan, &x[0], &re[0], &im[0])
        return np.asarray(re), np.asarray(im)

    def inverse(self, const float[::1] re not None, const float[::1] im not None, float[::1] x=None):
        """Signal (n,) of a spectrum (n // 2 + 1,), written to `x` if given."""
        x = np.empty(self.plan.n, np.float32) if x is None else x
        self._check(x, re, im)
        with nogil:
            fft_inverse(self.plan, &re[0], &im[0], &x[0])
        return np.asarray(x)

    def addresses(self):
        """(address of fft_forward, of fft_inverse, of the plan), for a compiled caller."""
        return <size_t> &fft_forward, <size_t> &fft_inverse, <size_t> self.plan

    cdef int _check(self, const float[::1] x, const float[::1] re, const float[::1] im) except -1:
        cdef int n = self.plan.n
        if x.shape[0] != n or re.shape[0] != n // 2 + 1 or im.shape[0] != n // 2 + 1:
            raise ValueError(
                f"x, re, im have {x.shape[0]}, {re.shape[0]}, {im.shape[0]} values; expected {n}, {n // 2 + 1}, {n // 2 + 1}"
            )
        return 0
