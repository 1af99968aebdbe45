"""The triple buffer that carries control values to the audio thread.

Three slots: the control side writes into `back` and swaps it with `middle`; the audio side swaps `front` with `middle`
when that is fresh. Each side owns one slot at any time, so neither waits and nothing is ever seen half-written; the latest
publication wins. Writers serialise among themselves (`aedsp.controls.Controls` holds an ordinary lock).
"""

import numpy as np

cdef extern from "atomics.h":
    long atomic_swap(long *p, long v) noexcept nogil
    long atomic_read(long *p) noexcept nogil

cdef enum:
    FRESH = 4


cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil:
    """Audio side: the newest snapshot, valid until the next call. Wait-free."""
    if atomic_read(&slots.middle) & FRESH:
        slots.front = atomic_swap(&slots.middle, slots.front) & ~FRESH
    return &slots.slot[slots.front]


cdef class ControlBuffer:
    """The control side's door.

    Parameters
    ----------
    n_units : int
        Units of the code. The first snapshot leaves all of them as they are.
    """

    def __cinit__(self, Py_ssize_t n_units):
        cdef float[:, :, ::1] memory = np.ones((3, 2, n_units), np.float32)
        cdef int i
        np.asarray(memory)[:, 1] = np.nan
        self.memory = memory
        self.n_units = n_units
        for i in range(3):
            self.slots.slot[i].factor = &memory[i, 0, 0]
            self.slots.slot[i].override = &memory[i, 1, 0]
            self.slots.slot[i].original = False
        self.slots.front, self.slots.middle, self.slots.back = 0, 1, 2

    def publish(self, const float[::1] factor not None, const float[::1] override not None, bint original):
        """Hand all values over at once; both arrays are (n_units,). One writer at a time."""
        cdef Py_ssize_t j
        if factor.shape[0] != self.n_units or override.shape[0] != self.n_units:
            raise ValueError(f"factor, override have {factor.shape[0]}, {override.shape[0]} values; expected {self.n_units}")
        cdef ControlSnapshot *snapshot = &self.slots.slot[self.slots.back]
        for j in range(self.n_units):
            snapshot.factor[j] = factor[j]
            snapshot.override[j] = override[j]
        snapshot.original = original
        self.slots.back = atomic_swap(&self.slots.middle, self.slots.back | FRESH) & ~FRESH

    def latest(self):
        """What the audio side would see now: (factor, override, original). For tests; one reader at a time."""
        cdef const ControlSnapshot *snapshot = control_latest(&self.slots)
        n = self.n_units
        return np.array(<float[:n]> snapshot.factor), np.array(<float[:n]> snapshot.override), bool(snapshot.original)
