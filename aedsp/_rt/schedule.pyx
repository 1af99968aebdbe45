"""Changes of controls at a frame of the input: from two single-producer rings, sorted by frame, due at a hop.

A change is due at the hop whose new input frames contain its frame: all rates are rational, so this is exact and
independent of blocks. Changes of one frame keep their order of arrival. Audio side, but for the writing into the rings.
"""

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free
from aedsp._rt.ring cimport Ring, ring_free, ring_new, ring_read, ring_readable, ring_skip


cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil


cdef Schedule *schedule_new(HopEnd first, HopEnd step, long long denominator, long long capacity) noexcept nogil:
    """first: the end of the first hop; step: from one end to the next. NULL if out of memory."""
    cdef Schedule *s = <Schedule *> aedsp_alloc(sizeof(Schedule))
    if s is NULL:
        return NULL
    s.first, s.step, s.denominator, s.capacity = first, step, denominator, capacity
    s.asked[FROM_PYTHON] = ring_new(capacity, sizeof(Change))
    s.asked[FROM_C] = ring_new(capacity, sizeof(Change))
    s.heap = <Change *> aedsp_alloc(2 * capacity * sizeof(Change))
    if s.asked[FROM_PYTHON] is NULL or s.asked[FROM_C] is NULL or s.heap is NULL:
        schedule_free(s)
        return NULL
    schedule_clear(s)
    return s


cdef void schedule_free(Schedule *s) noexcept nogil:
    if s is not NULL:
        ring_free(s.asked[FROM_PYTHON])
        ring_free(s.asked[FROM_C])
        aedsp_free(s.heap)
        aedsp_free(s)


cdef inline bint _before(const Change *a, const Change *b) noexcept nogil:
    return a.frame < b.frame or (a.frame == b.frame and a.order < b.order)


cdef void _push(Schedule *s, const Change *change) noexcept nogil:
    cdef Py_ssize_t i = s.n, parent
    s.n += 1
    while i > 0:
        parent = (i - 1) // 2
        if not _before(change, &s.heap[parent]):
            break
        s.heap[i] = s.heap[parent]
        i = parent
    s.heap[i] = change[0]


cdef void _pop(Schedule *s, Change *change) noexcept nogil:
    """The earliest change; there is one."""
    cdef Py_ssize_t i = 0, child = 1
    cdef Change last
    change[0] = s.heap[0]
    s.n -= 1
    last = s.heap[s.n]
    while child < s.n:
        if child + 1 < s.n and _before(&s.heap[child + 1], &s.heap[child]):
            child += 1
        if not _before(&s.heap[child], &last):
            break
        s.heap[i] = s.heap[child]
        i, child = child, 2 * child + 1
    s.heap[i] = last


cdef bint _ends_after(const Schedule *s, const HopEnd *end, long long frame) noexcept nogil:
    return frame < end.whole or (frame == end.whole and end.part > 0)


cdef bint schedule_due(const Schedule *s) noexcept nogil:
    """Whether a change belongs to the next hop, or to an earlier one."""
    return s.n > 0 and _ends_after(s, &s.end, s.heap[0].frame)


cdef void _leave(Schedule *s, const Change *change) noexcept nogil:
    cdef int source = change.order & 1
    s.n_of[source] -= 1
    s.done += source == FROM_PYTHON


cdef bint schedule_pop(Schedule *s, Change *change) noexcept nogil:
    """Take the next change that is due; False: there is none."""
    if not schedule_due(s):
        return False
    _pop(s, change)
    _leave(s, change)
    s.n_applied += 1
    return True


cdef void _drop(Schedule *s, long long position) noexcept nogil:
    """Drop what is sorted in, and Python's changes before a position of its ring."""
    cdef Ring *asked = s.asked[FROM_PYTHON]
    s.done += s.n_of[FROM_PYTHON] + max(0, position - asked.taken)
    ring_skip(asked, position)
    s.n = s.n_of[FROM_PYTHON] = s.n_of[FROM_C] = 0


cdef void schedule_drop(Schedule *s) noexcept nogil:
    """Control side, the producer of Python's changes: drop all that wait; effective at the next `schedule_take`."""
    atomic_write(&s.drop_to, s.asked[FROM_PYTHON].written + 1)


cdef void schedule_take(Schedule *s) noexcept nogil:
    """Sort in what was asked for. From each producer as many as it may have waiting, so neither crowds out the other.

    Changes whose hop has begun are due at once, in their order of arrival.
    """
    cdef Change change
    cdef long long drop_to = atomic_read(&s.drop_to)
    cdef int source
    if drop_to != s.dropped_to:
        _drop(s, drop_to - 1)
        s.dropped_to = drop_to
    for source in range(2):
        while s.n_of[source] < s.capacity and ring_read(s.asked[source], &change, 1):
            if change.frame != NEXT_HOP and _ends_after(s, &s.previous, change.frame):
                s.late += 1
                change.frame = NEXT_HOP
            change.order = 2 * s.arrived + source
            s.arrived += 1
            s.n_of[source] += 1
            _push(s, &change)


cdef void schedule_advance(Schedule *s) noexcept nogil:
    """The next hop has begun."""
    s.previous = s.end
    s.end.whole += s.step.whole
    s.end.part += s.step.part
    if s.end.part >= s.denominator:
        s.end.part -= s.denominator
        s.end.whole += 1


cdef void schedule_clear(Schedule *s) noexcept nogil:
    """Drop all changes; the next hop is the first."""
    _drop(s, s.asked[FROM_PYTHON].taken + ring_readable(s.asked[FROM_PYTHON]))
    ring_skip(s.asked[FROM_C], s.asked[FROM_C].taken + ring_readable(s.asked[FROM_C]))
    s.end = s.first
    s.previous.whole = s.previous.part = 0
