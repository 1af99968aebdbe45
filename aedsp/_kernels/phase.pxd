ctypedef struct Phase:
    Py_ssize_t fft_length, hop_length, n_bins
    float *cosine          # of 2πn / fft_length, n = 0 .. fft_length - 1
    float *sine
    float *turn_re         # exp(2πi H k / N), n_bins
    float *turn_im
    float *start_re        # unit phasors drawn from the seed, n_bins
    float *start_im

cdef Phase *phase_new(Py_ssize_t fft_length, Py_ssize_t hop_length, const double *start_turns) noexcept nogil
cdef void phase_free(Phase *phase) noexcept nogil
cdef void phase_run_on(const Phase *phase, const float *magnitude, float *unit_re, float *unit_im) noexcept nogil
cdef void phase_advance(const Phase *phase, unsigned long long hop, float *unit_re, float *unit_im) noexcept nogil

cdef float PHASE_FLOOR
