cdef void window_apply(const float *frame, const float *window, float *out, Py_ssize_t window_length,
                       Py_ssize_t fft_length) noexcept nogil
