ctypedef struct ResampleFilter:
    Py_ssize_t n_taps          # 1: the two rates are equal
    Py_ssize_t half            # samples needed after the position: n_taps // 2
    Py_ssize_t n_phases
    Py_ssize_t stride          # floats between consecutive phases
    float *taps                # (n_phases + 1) rows

ctypedef struct Resampler:
    const ResampleFilter *filter
    long long step, denominator        # input samples per output sample: step / denominator
    long long start_whole, start_part  # the first position in the history, for a reset
    long long whole, part              # the next position: whole + part / denominator
    Py_ssize_t n_start                 # zeros before the first sample
    Py_ssize_t capacity, n             # history: capacity, filled
    float *history

cdef ResampleFilter *filter_new(const double *taps, Py_ssize_t n_phases, Py_ssize_t n_taps) noexcept nogil
cdef void filter_free(ResampleFilter *f) noexcept nogil
cdef Resampler *resampler_new(const ResampleFilter *f, long long step, long long denominator, Py_ssize_t n_zeros,
                              long long start_part, Py_ssize_t most_pushed) noexcept nogil
cdef void resampler_free(Resampler *r) noexcept nogil
cdef void resampler_reset(Resampler *r) noexcept nogil
cdef void resampler_copy(Resampler *r, const Resampler *other) noexcept nogil
cdef float *resampler_room(Resampler *r, Py_ssize_t n) noexcept nogil
cdef Py_ssize_t resample(Resampler *r, float *out, Py_ssize_t out_stride, Py_ssize_t most) noexcept nogil


cdef class Filter:
    cdef ResampleFilter *filter
    cdef readonly object rate_in
    cdef readonly object rate_out
