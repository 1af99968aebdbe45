ctypedef struct Ring:
    char *data
    Py_ssize_t item_bytes
    long long capacity      # items
    long long written       # atomic: items ever written; only the producer changes it
    char apart[64]          # keeps the two sides on separate cache lines
    long long taken         # atomic: items ever taken; only the consumer changes it

cdef Ring *ring_new(long long capacity, Py_ssize_t item_bytes) noexcept nogil
cdef void ring_free(Ring *ring) noexcept nogil
cdef long long ring_readable(Ring *ring) noexcept nogil
cdef long long ring_write(Ring *ring, const void *items, long long n) noexcept nogil
cdef long long ring_read(Ring *ring, void *items, long long n) noexcept nogil
cdef void ring_skip(Ring *ring, long long position) noexcept nogil


cdef class ItemRing:
    cdef Ring *ring
