from aedsp._kernels.pghi cimport Pghi
from aedsp._kernels.phase cimport Phase, Spsi

ctypedef enum PhaseMode:
    PHASE_SOURCE     # those of the input
    PHASE_ADVANCE    # every bin at its own frequency
    PHASE_SPSI       # every peak at its frequency
    PHASE_PGHI       # by the gradients of the magnitudes

ctypedef struct Vocoder:      # of one channel
    Spsi *spsi
    Pghi *pghi                # NULL where the engine never uses it
    float *unit_re            # the phasors of the newest hop, n_bins
    float *unit_im

cdef bint vocoder_begin(Vocoder *v, const Phase *phase, float *units, double gamma, bint look_ahead) noexcept nogil
cdef void vocoder_free(Vocoder *v) noexcept nogil
cdef void vocoder_reset(Vocoder *v, const Phase *phase) noexcept nogil
cdef const float *vocoder_run(Vocoder *v, const Phase *phase, PhaseMode mode, const float *magnitude,
                              unsigned long long hop) noexcept nogil
