from aedsp._rt.player_state cimport MOST_TAPS, PlayerState

cdef enum:
    RECORDER_OFF, RECORDER_ON, RECORDER_ARMED
    MOST_UNITS = 65536      # of a model, and so of a meter

cdef void outlets_take(PlayerState *p, const float *out, Py_ssize_t n) noexcept nogil
