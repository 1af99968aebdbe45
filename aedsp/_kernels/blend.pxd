cdef void blend_detail(const float *neutral, const float *original, float detail, float *decoded, Py_ssize_t n_bins) noexcept nogil
cdef void blend_mix(const float *magnitude, const float *unit_re, const float *unit_im, float scale, float mix,
                    const float *original_re, const float *original_im, float *re, float *im,
                    Py_ssize_t n_bins) noexcept nogil
