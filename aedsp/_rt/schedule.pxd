from aedsp._rt.ring cimport Ring

ctypedef struct Change:
    long long frame     # input frame since the engine was cleared; NEXT_HOP: as soon as possible
    long long order     # among changes of one frame: as they arrived
    int control         # Control
    int unit
    float value

ctypedef struct HopEnd:         # of the next hop, in input frames: whole + part / denominator, exact
    long long whole, part

ctypedef struct Schedule:
    Ring *asked[2]              # Change: from Python and from C, one producer each
    Change *heap                # the earliest first
    Py_ssize_t n
    Py_ssize_t n_of[2]          # from each producer
    long long capacity          # changes of one producer that wait
    long long drop_to, dropped_to   # atomic: position in the ring of Python up to which changes are to be dropped; done
    long long late              # changes whose hop had begun when they came
    long long arrived, done     # changes that came; changes from Python that were applied or dropped
    long long n_applied         # of all
    long long denominator
    HopEnd first, step, end, previous

cdef extern from "limits.h":
    const long long NEXT_HOP "LLONG_MIN"

cdef enum:
    FROM_PYTHON = 0
    FROM_C = 1
    SCHEDULE_CAPACITY = 1 << 14     # at least

cdef Schedule *schedule_new(HopEnd first, HopEnd step, long long denominator, long long capacity) noexcept nogil
cdef void schedule_free(Schedule *s) noexcept nogil
cdef void schedule_clear(Schedule *s) noexcept nogil
cdef void schedule_take(Schedule *s) noexcept nogil
cdef bint schedule_due(const Schedule *s) noexcept nogil
cdef bint schedule_pop(Schedule *s, Change *change) noexcept nogil
cdef void schedule_drop(Schedule *s) noexcept nogil
cdef void schedule_advance(Schedule *s) noexcept nogil
