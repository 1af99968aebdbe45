cdef void overlap_add(const float *frame, const float *window, float *sum, float *out, Py_ssize_t window_length,
                      Py_ssize_t hop_length) noexcept nogil
