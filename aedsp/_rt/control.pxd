ctypedef struct ControlSnapshot:
    float *factor       # n_units: gain · scale · sign · (not muted)
    float *override     # n_units: nan where there is none
    bint original       # monitor the original

ctypedef struct ControlSlots:
    ControlSnapshot slot[3]
    long middle         # atomic: index of the slot between the two sides, plus FRESH while it is unread
    long front          # the audio side's slot
    long back           # the control side's slot

cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil


cdef class ControlBuffer:
    cdef ControlSlots slots
    cdef readonly Py_ssize_t n_units
    cdef object memory
