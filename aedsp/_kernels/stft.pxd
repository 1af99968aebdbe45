from aedsp._kernels._cpu cimport FftPlan

ctypedef struct Stft:
    FftPlan *plan
    Py_ssize_t fft_length, window_length, reach_length, hop_length, n_bins    # reach: the heard end of the window
    float magnitude_scale    # 2 / Σ window
    float *analysis          # window_length
    float *synthesis         # reach_length
    float *frame             # scratch, fft_length

cdef Stft *stft_new(int fft_length, Py_ssize_t window_length, Py_ssize_t reach_length, Py_ssize_t hop_length,
                    const double *analysis, const double *synthesis) noexcept nogil
cdef void stft_free(Stft *stft) noexcept nogil
cdef void stft_forward(Stft *stft, const float *frame, float *re, float *im) noexcept nogil
cdef void stft_inverse(Stft *stft, const float *re, const float *im, float *sum, float *out) noexcept nogil
cdef void stft_remember(const Stft *stft, const float *out, float *past) noexcept nogil
