"""The phases of one channel's decoded spectra where those of the input are not taken: which method, and its state."""

from aedsp._kernels._cpu cimport padded
from aedsp._kernels.pghi cimport pghi_free, pghi_new, pghi_reset, pghi_run
from aedsp._kernels.phase cimport phase_advance, spsi_free, spsi_new, spsi_reset, spsi_run


cdef bint vocoder_begin(Vocoder *v, const Phase *phase, float *units, double gamma, bint look_ahead) noexcept nogil:
    """units: room for two spectra. gamma: of the window, in samples²; 0: no pghi. False where there is no memory."""
    v.unit_re, v.unit_im = units, units + padded(phase.n_bins)
    v.spsi = spsi_new(phase)
    v.pghi = pghi_new(phase, gamma, look_ahead) if gamma > 0 else NULL
    return v.spsi is not NULL and (v.pghi is not NULL or not gamma > 0)


cdef void vocoder_free(Vocoder *v) noexcept nogil:
    spsi_free(v.spsi)
    pghi_free(v.pghi)


cdef void vocoder_reset(Vocoder *v, const Phase *phase) noexcept nogil:
    spsi_reset(phase, v.spsi)
    if v.pghi is not NULL:
        pghi_reset(v.pghi)


cdef const float *vocoder_run(Vocoder *v, const Phase *phase, PhaseMode mode, const float *magnitude,
                              unsigned long long hop) noexcept nogil:
    """The phasors of the spectrum that sounds at hop number `hop`; returns its magnitudes, with look-ahead older ones."""
    if mode == PHASE_PGHI:
        return pghi_run(v.pghi, magnitude, hop - v.pghi.look_ahead, v.unit_re, v.unit_im)
    if mode == PHASE_SPSI:
        spsi_run(phase, v.spsi, magnitude, v.unit_re, v.unit_im)
    else:
        phase_advance(phase, hop, v.unit_re, v.unit_im)
    return magnitude
