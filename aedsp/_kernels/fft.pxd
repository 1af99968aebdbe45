from aedsp._kernels._cpu cimport FftPlan

cdef FftPlan *fft_new(int n) noexcept nogil
cdef void fft_free(FftPlan *plan) noexcept nogil
cdef void fft_forward(const FftPlan *plan, const float *x, float *re, float *im) noexcept nogil
cdef void fft_inverse(const FftPlan *plan, const float *re, const float *im, float *x) noexcept nogil
