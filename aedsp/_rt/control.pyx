"""The triple buffer that carries control values to the audio thread; meters use it in the other direction.

Three slots: the writer fills `back` and swaps it with `middle`; the reader swaps `front` with `middle` when that is fresh.
Each side owns one slot at any time, so neither waits and no read is half-written; the latest publication wins. Several
writers must take turns (`aedsp.engine.controls.Controls` holds an ordinary lock).
"""

import numpy as np

cdef extern from "atomics.h":
    long long atomic_swap(long long *p, long long v) noexcept nogil
    long long atomic_read(long long *p) noexcept nogil

cdef enum:
    FRESH = 4


cdef void triple_start(TripleBuffer *turn) noexcept nogil:
    turn.front, turn.middle, turn.back = 0, 1, 2


cdef void triple_publish(TripleBuffer *turn) noexcept nogil:
    """Writer: publish slot `back` and take another. Wait-free."""
    turn.back = atomic_swap(&turn.middle, turn.back | FRESH) & ~FRESH


cdef bint triple_take(TripleBuffer *turn) noexcept nogil:
    """Reader: make the newest slot `front`; returns whether it is new. Wait-free."""
    if atomic_read(&turn.middle) & FRESH:
        turn.front = atomic_swap(&turn.middle, turn.front) & ~FRESH
        return True
    return False


cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil:
    """Audio side: the newest snapshot, valid until the next call. Wait-free."""
    triple_take(&slots.turn)
    return &slots.slot[slots.turn.front]


cdef class ControlBuffer:
    """The control side of the triple buffer.

    Parameters
    ----------
    n_units : int
        Units of the code. The first snapshot leaves them unchanged.
    """

    def __cinit__(self, Py_ssize_t n_units):
        cdef float[:, :, ::1] memory = np.ones((3, 3, n_units), np.float32)
        cdef int i
        np.asarray(memory)[:, 1], np.asarray(memory)[:, 2] = np.nan, 0
        self.memory = memory
        self.n_units = n_units
        for i in range(3):
            self.slots.slot[i].factor = &memory[i, 0, 0]
            self.slots.slot[i].override = &memory[i, 1, 0]
            self.slots.slot[i].target = &memory[i, 2, 0]
            self.slots.slot[i].target_amount = self.slots.slot[i].detail = 0
            self.slots.slot[i].mix = self.slots.slot[i].volume = 1
            self.slots.slot[i].original = self.slots.slot[i].frozen = False
        triple_start(&self.slots.turn)

    def publish(self, const float[::1] factor not None, const float[::1] override not None, bint original,
                long long version=0, bint frozen=False, const float[::1] target=None, float target_amount=0,
                float detail=0, float mix=1, float volume=1):
        """Publish all values at once; the arrays are (n_units,). One writer at a time. version: publication count."""
        cdef Py_ssize_t j
        if factor.shape[0] != self.n_units or override.shape[0] != self.n_units:
            raise ValueError(f"factor, override have {factor.shape[0]}, {override.shape[0]} values; expected {self.n_units}")
        if target is not None and target.shape[0] != self.n_units:
            raise ValueError(f"target has {target.shape[0]} values; expected {self.n_units}")
        cdef ControlSnapshot *snapshot = &self.slots.slot[self.slots.turn.back]
        for j in range(self.n_units):
            snapshot.factor[j] = factor[j]
            snapshot.override[j] = override[j]
            snapshot.target[j] = target[j] if target is not None else 0
        snapshot.target_amount, snapshot.detail, snapshot.mix, snapshot.volume = target_amount, detail, mix, volume
        snapshot.original, snapshot.frozen = original, frozen
        snapshot.version = version
        triple_publish(&self.slots.turn)

    def watch(self, long long n_reads):
        """For tests: read like the audio thread, without the GIL. Writers set all factors and overrides to one value.

        Returns (new snapshots, snapshots with mixed values).
        """
        cdef long long i, seen = 0, mixed = 0, version = -1
        cdef Py_ssize_t j
        cdef const ControlSnapshot *snapshot
        cdef float first
        cdef bint same
        with nogil:
            for i in range(n_reads):
                snapshot = control_latest(&self.slots)
                seen += snapshot.version != version
                version = snapshot.version
                first = snapshot.factor[0]
                same = True
                for j in range(self.n_units):
                    same = same and snapshot.factor[j] == first and snapshot.override[j] == first
                mixed += not same
        return seen, mixed

    def latest(self):
        """The audio side's current values: (factor, override, original). For tests; one reader at a time."""
        cdef const ControlSnapshot *snapshot = control_latest(&self.slots)
        n = self.n_units
        return np.array(<float[:n]> snapshot.factor), np.array(<float[:n]> snapshot.override), bool(snapshot.original)
