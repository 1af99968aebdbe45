from aedsp._rt.core cimport Core
from aedsp._rt.feed cimport PlayerState
from aedsp._rt.ring cimport ItemRing

cdef void player_process(PlayerState *p, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil
cdef Py_ssize_t player_step(const PlayerState *p, Py_ssize_t n_frames) noexcept nogil


cdef class Player:
    cdef PlayerState state
    cdef Core core
    cdef ItemRing log, source
    cdef object memory, last_command, stretcher
