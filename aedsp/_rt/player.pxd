from aedsp._rt.handle cimport EngineHandle
from aedsp._rt.player_state cimport PlayerState
from aedsp._rt.ring cimport ItemRing

cdef void player_process(PlayerState *p, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil
cdef Py_ssize_t player_step(const PlayerState *p, Py_ssize_t n_frames) noexcept nogil


cdef class Player:
    cdef PlayerState state
    cdef EngineHandle engine
    cdef ItemRing log, source
    cdef object memory, last_command, time_stretcher, reading, taps
