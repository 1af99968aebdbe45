"""Phase synthesis: state and method for one channel's decoded spectra when the input's phases are not used."""

from aedsp._kernels._cpu cimport padded
from aedsp._kernels.pghi cimport pghi_free, pghi_new, pghi_reset, pghi_run
from aedsp._kernels.phase cimport phase_advance, spsi_free, spsi_new, spsi_reset, spsi_run


cdef bint phase_synthesis_begin(PhaseSynthesis *s, const Phase *phase, float *units, double gamma, bint look_ahead) noexcept nogil:
    """units: memory for two spectra. gamma: of the window, in samples²; 0: no pghi. False if out of memory."""
    s.unit_re, s.unit_im = units, units + padded(phase.n_bins)
    s.spsi = spsi_new(phase)
    s.pghi = pghi_new(phase, gamma, look_ahead) if gamma > 0 else NULL
    return s.spsi is not NULL and (s.pghi is not NULL or not gamma > 0)


cdef void phase_synthesis_free(PhaseSynthesis *s) noexcept nogil:
    spsi_free(s.spsi)
    pghi_free(s.pghi)


cdef void phase_synthesis_reset(PhaseSynthesis *s, const Phase *phase) noexcept nogil:
    spsi_reset(phase, s.spsi)
    if s.pghi is not NULL:
        pghi_reset(s.pghi)


cdef const float *phase_synthesis_run(PhaseSynthesis *s, const Phase *phase, PhaseMode mode, const float *magnitude,
                              unsigned long long hop) noexcept nogil:
    """Phasors of the spectrum for hop number `hop`; returns its magnitudes, one hop older with look-ahead."""
    if mode == PHASE_PGHI:
        return pghi_run(s.pghi, magnitude, hop - s.pghi.look_ahead, s.unit_re, s.unit_im)
    if mode == PHASE_SPSI:
        spsi_run(phase, s.spsi, magnitude, s.unit_re, s.unit_im)
    else:
        phase_advance(phase, hop, s.unit_re, s.unit_im)
    return magnitude
