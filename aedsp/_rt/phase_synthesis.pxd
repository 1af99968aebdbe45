from aedsp._kernels.pghi cimport Pghi
from aedsp._kernels.phase cimport Phase, Spsi

ctypedef enum PhaseMode:
    PHASE_SOURCE     # the input's phases
    PHASE_ADVANCE    # every bin at its own frequency
    PHASE_SPSI       # every peak at its frequency
    PHASE_PGHI       # from the gradients of the magnitudes

ctypedef struct PhaseSynthesis:      # of one channel
    Spsi *spsi
    Pghi *pghi                # NULL: not used by this engine
    float *unit_re            # phasors of the newest hop, n_bins
    float *unit_im

cdef bint phase_synthesis_begin(PhaseSynthesis *s, const Phase *phase, float *units, double gamma, bint look_ahead) noexcept nogil
cdef void phase_synthesis_free(PhaseSynthesis *s) noexcept nogil
cdef void phase_synthesis_reset(PhaseSynthesis *s, const Phase *phase) noexcept nogil
cdef const float *phase_synthesis_run(PhaseSynthesis *s, const Phase *phase, PhaseMode mode, const float *magnitude,
                              unsigned long long hop) noexcept nogil
