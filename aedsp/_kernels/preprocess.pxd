ctypedef enum StepKind:
    STEP_AFFINE     # y = (x - offset) scale, per bin: normalize and standardize
    STEP_LOG        # y = log10(max(x, floor))
    STEP_POWER      # y = max(x, 0)^exponent

ctypedef struct Step:
    StepKind kind
    float *offset   # n_bins, affine
    float *scale    # n_bins, affine: 1 / std
    float *spread   # n_bins, affine: std
    float parameter # floor or exponent

cdef void preprocess_apply(const Step *steps, Py_ssize_t n_steps, float *x, Py_ssize_t n_bins) noexcept nogil
cdef void preprocess_invert(const Step *steps, Py_ssize_t n_steps, float *x, Py_ssize_t n_bins) noexcept nogil
cdef void magnitude_clamp(float *x, Py_ssize_t n_bins) noexcept nogil

cdef class Chain:
    cdef Step *steps
    cdef Py_ssize_t n_steps, n_bins
    cdef float[:, :, ::1] tables
    cdef unsigned char[::1] memory
    cdef _through(self, const float[::1] x, bint forward)
