ctypedef struct ControlSnapshot:
    float *factor       # n_units: gain · scale · sign · (not muted)
    float *override     # n_units: NaN = no override
    float *target       # n_units: where the code is taken by target_amount
    float target_amount, detail, mix    # 0 to 1
    float volume        # factor
    bint original       # monitor the original
    bint frozen         # hold the spectrum
    long long version   # publication count

ctypedef struct TripleBuffer:
    long long middle    # atomic: index of the slot in transit, plus FRESH while unread
    long long front     # the reader's slot
    long long back      # the writer's slot

ctypedef struct ControlSlots:
    ControlSnapshot slot[3]
    TripleBuffer turn

cdef void triple_start(TripleBuffer *turn) noexcept nogil
cdef void triple_publish(TripleBuffer *turn) noexcept nogil
cdef bint triple_take(TripleBuffer *turn) noexcept nogil
cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil


cdef class ControlBuffer:
    cdef ControlSlots slots
    cdef readonly Py_ssize_t n_units
    cdef object memory
