"""Preprocessing chains, their inverses, and the final clamp of every decoded spectrum.

Formula      the steps of `aedsp.model.preprocess`: affine (normalize, standardize), log10 with a floor, power; in order, in place,
             and their inverses in reverse order; clamp: non-finite to 0, then to [0, 16]
Shapes       x: n_bins; offset, scale, spread: n_bins
Aliasing     in place
Alignment    any
Scaling      none
Allocation   none
Sizes        any
"""

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_LOUDEST, kernels

cdef extern from "<math.h>" nogil:
    float log10f(float)
    float powf(float, float)
    float sqrtf(float)

cdef inline void _power(float *x, Py_ssize_t n, float exponent) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        x[i] = x[i] if x[i] > 0 else 0
    if exponent == 0.5:
        for i in range(n):
            x[i] = sqrtf(x[i])
    elif exponent == 0.25:
        for i in range(n):
            x[i] = sqrtf(sqrtf(x[i]))
    elif exponent == 4:
        for i in range(n):
            x[i] = x[i] * x[i] * (x[i] * x[i])
    elif exponent == 2:
        for i in range(n):
            x[i] = x[i] * x[i]
    elif exponent != 1:
        for i in range(n):
            x[i] = powf(x[i], exponent)


cdef void preprocess_apply(const Step *steps, Py_ssize_t n_steps, float *x, Py_ssize_t n_bins) noexcept nogil:
    cdef Py_ssize_t s, i
    cdef const Step *step
    for s in range(n_steps):
        step = &steps[s]
        if step.kind == STEP_AFFINE:
            for i in range(n_bins):
                x[i] = (x[i] - step.offset[i]) * step.scale[i]
        elif step.kind == STEP_LOG:
            for i in range(n_bins):
                x[i] = log10f(x[i] if x[i] > step.parameter else step.parameter)
        else:
            _power(x, n_bins, step.parameter)


cdef void preprocess_invert(const Step *steps, Py_ssize_t n_steps, float *x, Py_ssize_t n_bins) noexcept nogil:
    cdef Py_ssize_t s, i
    cdef const Step *step
    for s in range(n_steps - 1, -1, -1):
        step = &steps[s]
        if step.kind == STEP_AFFINE:
            for i in range(n_bins):
                x[i] = x[i] * step.spread[i] + step.offset[i]
        elif step.kind == STEP_LOG:
            for i in range(n_bins):
                x[i] = powf(10, x[i])
        else:
            _power(x, n_bins, 1 / step.parameter)


cdef void magnitude_clamp(float *x, Py_ssize_t n_bins) noexcept nogil:
    kernels.clamp(x, AEDSP_LOUDEST, n_bins)


cdef class Chain:
    """Python wrapper: a compiled chain; owns the memory that its steps point to.

    Parameters
    ----------
    steps : sequence of tuples
        ("affine", offset, spread) for ``(x - offset) / spread``, each one value or (n_bins,); ("log", floor);
        ("power", exponent).
    n_bins : int
    """

    def __cinit__(self, steps, Py_ssize_t n_bins):
        self.n_bins = n_bins
        self.n_steps = len(steps)
        self.tables = np.zeros((max(1, self.n_steps), 3, n_bins), np.float32)
        self.memory = np.zeros(max(1, self.n_steps) * sizeof(Step), np.uint8)
        self.steps = <Step *> &self.memory[0]
        table = np.asarray(self.tables)
        cdef Py_ssize_t i
        for i, (kind, *numbers) in enumerate(steps):
            if kind == "affine":
                self.steps[i].kind = STEP_AFFINE
                table[i, 0], table[i, 2] = numbers
                table[i, 1] = 1.0 / np.asarray(numbers[1], np.float64)
                self.steps[i].offset = &self.tables[i, 0, 0]
                self.steps[i].scale = &self.tables[i, 1, 0]
                self.steps[i].spread = &self.tables[i, 2, 0]
            else:
                self.steps[i].kind = {"log": STEP_LOG, "power": STEP_POWER}[kind]
                self.steps[i].parameter = numbers[0]

    def apply(self, const float[::1] x not None):
        """Preprocessed copy of the magnitudes x (n_bins,)."""
        return self._through(x, True)

    def invert(self, const float[::1] x not None):
        """Magnitudes of preprocessed x (n_bins,), clamped to [0, 16]."""
        return self._through(x, False)

    cdef _through(self, const float[::1] x, bint forward):
        if x.shape[0] != self.n_bins:
            raise ValueError(f"x has {x.shape[0]} bins; expected {self.n_bins}")
        cdef float[::1] out = np.array(x, np.float32)
        with nogil:
            if forward:
                preprocess_apply(self.steps, self.n_steps, &out[0], self.n_bins)
            else:
                preprocess_invert(self.steps, self.n_steps, &out[0], self.n_bins)
                magnitude_clamp(&out[0], self.n_bins)
        return np.asarray(out)
