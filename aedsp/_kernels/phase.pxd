ctypedef struct Phase:
    Py_ssize_t fft_length, hop_length, n_bins
    float *cosine          # of 2πn / fft_length, n = 0 .. fft_length - 1
    float *sine
    float *turn_re         # exp(2πi H k / N), n_bins
    float *turn_im
    float *start_re        # unit phasors drawn from the seed, n_bins
    float *start_im
    float *start_turns     # the same in turns
    float *bin_turns       # (H k mod N) / N: turns per hop at the bin's frequency
    float *edge_turns      # phase shift from the window's phase centre to its edge

ctypedef struct Spsi:
    float *middle          # turns at the window's centre, n_bins; state
    float *turns           # scratch
    float *logs            # scratch

cdef Phase *phase_new(Py_ssize_t fft_length, double window_centre, Py_ssize_t hop_length,
                      const double *start_turns) noexcept nogil
cdef Phase *phase_made(Py_ssize_t fft_length, double window_centre, Py_ssize_t hop_length,
                       const double[::1] start_turns) except NULL
cdef void phase_free(Phase *phase) noexcept nogil
cdef void phase_run_on(const Phase *phase, const float *magnitude, float *unit_re, float *unit_im) noexcept nogil
cdef void phase_advance(const Phase *phase, unsigned long long hop, float *unit_re, float *unit_im) noexcept nogil
cdef float phase_free_turns(const Phase *phase, unsigned long long hop, Py_ssize_t k) noexcept nogil
cdef void phase_follow(const Phase *phase, const float *unit_re, const float *unit_im, float *middle) noexcept nogil

cdef Spsi *spsi_new(const Phase *phase) noexcept nogil
cdef void spsi_free(Spsi *spsi) noexcept nogil
cdef void spsi_reset(const Phase *phase, Spsi *spsi) noexcept nogil
cdef void spsi_run(const Phase *phase, Spsi *spsi, const float *magnitude, float *unit_re, float *unit_im) noexcept nogil

cdef float PHASE_FLOOR
