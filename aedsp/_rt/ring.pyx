"""Single-producer single-consumer ring of fixed-size items, between the audio thread and one other thread.

Positions count items since the ring was created and never wrap in practice (2^63); an item is at position mod capacity.
Each side changes only its own position, after copying the items, so neither waits and no read is half-written. A write
without enough free space writes what fits and returns the count; the producer counts the losses.
"""

from libc.string cimport memcpy

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil


cdef Ring *ring_new(long long capacity, Py_ssize_t item_bytes) noexcept nogil:
    """NULL if out of memory."""
    cdef Ring *ring = <Ring *> aedsp_alloc(sizeof(Ring))
    if ring is NULL:
        return NULL
    ring.data = <char *> aedsp_alloc(capacity * item_bytes)
    if ring.data is NULL:
        aedsp_free(ring)
        return NULL
    ring.capacity, ring.item_bytes = capacity, item_bytes
    return ring


cdef void ring_free(Ring *ring) noexcept nogil:
    if ring is not NULL:
        aedsp_free(ring.data)
        aedsp_free(ring)


cdef long long ring_readable(Ring *ring) noexcept nogil:
    """Items that the consumer can take now."""
    return atomic_read(&ring.written) - atomic_read(&ring.taken)


cdef long long ring_write(Ring *ring, const void *items, long long n) noexcept nogil:
    """Producer: copy in as many of n items as fit; returns how many."""
    cdef long long room = ring.capacity - (ring.written - atomic_read(&ring.taken)), at, first
    n = min(n, room)
    at = ring.written % ring.capacity
    first = min(n, ring.capacity - at)
    memcpy(ring.data + at * ring.item_bytes, items, first * ring.item_bytes)
    memcpy(ring.data, <const char *> items + first * ring.item_bytes, (n - first) * ring.item_bytes)
    atomic_write(&ring.written, ring.written + n)
    return n


cdef long long ring_read(Ring *ring, void *items, long long n) noexcept nogil:
    """Consumer: copy out up to n items; returns how many."""
    cdef long long at, first
    n = min(n, atomic_read(&ring.written) - ring.taken)
    at = ring.taken % ring.capacity
    first = min(n, ring.capacity - at)
    memcpy(items, ring.data + at * ring.item_bytes, first * ring.item_bytes)
    memcpy(<char *> items + first * ring.item_bytes, ring.data, (n - first) * ring.item_bytes)
    atomic_write(&ring.taken, ring.taken + n)
    return n


cdef void ring_skip(Ring *ring, long long position) noexcept nogil:
    """Consumer: drop the items before `position`."""
    if position > ring.taken:
        atomic_write(&ring.taken, min(position, atomic_read(&ring.written)))


cdef class ItemRing:
    """Python wrapper; owns the memory.

    Parameters
    ----------
    capacity : int
        Items, at least 1.
    item_bytes : int
        Bytes of one item, at least 1.
    """

    def __cinit__(self, long long capacity, Py_ssize_t item_bytes):
        if capacity < 1 or item_bytes < 1:
            raise ValueError(f"capacity, item_bytes are {capacity}, {item_bytes}; expected at least 1")
        self.ring = ring_new(capacity, item_bytes)
        if self.ring is NULL:
            raise MemoryError(f"cannot allocate a ring of {capacity * item_bytes / 1e6:.0f} MB")

    def __dealloc__(self):
        ring_free(self.ring)

    @property
    def capacity(self):
        """Items."""
        return self.ring.capacity

    @property
    def written(self):
        """Items ever written."""
        return atomic_read(&self.ring.written)

    @property
    def taken(self):
        """Items ever taken."""
        return atomic_read(&self.ring.taken)

    @property
    def readable(self):
        """Items that can be read now."""
        return ring_readable(self.ring)

    @property
    def writable(self):
        """Free space, items."""
        return self.ring.capacity - ring_readable(self.ring)

    def write(self, items not None):
        """Write an array whose bytes are whole items; returns how many fitted. One producer."""
        cdef const unsigned char[::1] raw = np.ascontiguousarray(items).reshape(-1).view(np.uint8)
        if raw.shape[0] % self.ring.item_bytes:
            raise ValueError(f"items have {raw.shape[0]} bytes; expected a multiple of {self.ring.item_bytes}")
        if raw.shape[0] == 0:
            return 0
        return ring_write(self.ring, &raw[0], raw.shape[0] // self.ring.item_bytes)

    def read(self, long long n, dtype=np.uint8):
        """Take up to n items as a new flat array of `dtype`. One consumer."""
        n = max(0, min(n, ring_readable(self.ring)))
        cdef unsigned char[::1] raw = np.empty(n * self.ring.item_bytes, np.uint8)
        if n:
            ring_read(self.ring, &raw[0], n)
        return np.asarray(raw).view(dtype)
