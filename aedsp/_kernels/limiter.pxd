ctypedef struct Limiter:
    Py_ssize_t n_frames, n_channels    # of one segment
    float release, attack              # gain per frame
    float gain                         # at the end of the last segment
    float *memory
    float *gains                       # n_frames, scratch
    float *spare                       # n_frames, scratch
    unsigned long long limited_frames

cdef Limiter *limiter_new(Py_ssize_t n_frames, Py_ssize_t n_channels, double sample_rate) noexcept nogil
cdef void limiter_free(Limiter *limiter) noexcept nogil
cdef void limiter_reset(Limiter *limiter) noexcept nogil
cdef void limit(Limiter *limiter, float *audio) noexcept nogil
