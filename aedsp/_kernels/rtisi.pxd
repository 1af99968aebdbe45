from aedsp._kernels.stft cimport Stft

ctypedef struct Rtisi:
    Stft *stft               # borrowed
    float *level             # 1 / gain of each sample after the spectra so far, window_length
    float *frame             # scratch, window_length
    float *magnitude         # scratch, n_bins
    float *re
    float *im

cdef Rtisi *rtisi_new(Stft *stft) noexcept nogil
cdef void rtisi_free(Rtisi *rtisi) noexcept nogil
cdef void rtisi_run(Rtisi *rtisi, const float *magnitude, const float *past, const float *sum, int n, float *unit_re,
                    float *unit_im) noexcept nogil
