"""The triple buffer that carries control values to the audio thread; meters use it in the other direction.

Three slots: the writer fills `back` and swaps it with `middle`; the reader swaps `front` with `middle` when that is fresh.
Each side owns one slot at any time, so neither waits and no read is half-written; the latest publication wins. Several
writers must take turns (`aedsp.engine.controls.Controls` holds an ordinary lock).

A slot holds the values as the player set them; the audio side computes their effect (`ControlSnapshot`) once for each
publication. Scheduled changes (`schedule`) are applied here too, between publications. They return to the control side
by a second triple buffer. Until the control side has folded one into its own values (`folded`), every publication would
undo it; the audio side applies it again.
"""

from libc.math cimport NAN, pow
from libc.string cimport memcpy

import numpy as np

cdef extern from "atomics.h":
    long long atomic_swap(long long *p, long long v) noexcept nogil
    long long atomic_read(long long *p) noexcept nogil

cdef enum:
    FRESH = 4
cdef double SILENCE_DB = -60
cdef float MOST = 3.4028234663852886e38      # of float32


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


cdef inline float _clipped(float x) noexcept nogil:
    return min(MOST, max(-MOST, x))


cdef inline Py_ssize_t _n_values(Py_ssize_t n_units) noexcept nogil:
    return CONTROLS_PER_UNIT * n_units + N_CONTROLS - CONTROLS_PER_UNIT


cdef inline Py_ssize_t _index(Py_ssize_t n_units, int control, Py_ssize_t unit) noexcept nogil:
    """Where a value stands; unit counts for controls per unit only."""
    if control < CONTROLS_PER_UNIT:
        return control * n_units + unit
    return CONTROLS_PER_UNIT * (n_units - 1) + control


cdef void _effect(const float *v, Py_ssize_t n, ControlSnapshot *now) noexcept nogil:
    """Factor, override (NaN: none; a mute wins) and target of each unit, and the amount of the target.

    ``((1 - a) y + a target + offset) factor``: the hop knows no offsets. They become part of the target; without one,
    of a target with the amount a half, which costs a factor of two, so that nothing is rounded.
    """
    cdef const float *gain = v + CONTROL_GAIN * n
    cdef const float *scale = v + CONTROL_SCALE * n
    cdef const float *muted = v + CONTROL_MUTED * n
    cdef const float *sign = v + CONTROL_SIGN * n
    cdef const float *override = v + CONTROL_OVERRIDE * n
    cdef const float *target = v + CONTROL_TARGET * n
    cdef const float *offset = v + CONTROL_OFFSET * n
    cdef float amount = v[_index(n, CONTROL_TARGET_AMOUNT, 0)]
    cdef bint is_offset = False
    cdef Py_ssize_t j
    for j in range(n):
        is_offset = is_offset or offset[j] != 0
        now.factor[j] = _clipped(gain[j] * scale[j]) * sign[j] * <float> (muted[j] == 0)
        now.override[j] = override[j] if muted[j] == 0 else NAN
        now.target[j] = target[j]
    now.target_amount = amount
    if not is_offset:
        return
    for j in range(n):
        now.target[j] = _clipped(target[j] + offset[j] / amount) if amount else offset[j]
        if not amount:
            now.factor[j] = _clipped(2 * now.factor[j])
    if not amount:
        now.target_amount = 0.5


cdef void control_settle(ControlSlots *slots) noexcept nogil:
    """Audio side: compute what the values come to."""
    cdef const ControlValues *values = &slots.slot[slots.turn.front]
    cdef const float *amounts = values.value + CONTROLS_PER_UNIT * (slots.n_units - 1)
    cdef ControlSnapshot *now = &slots.now
    _effect(values.value, slots.n_units, now)
    cdef double volume_db = amounts[CONTROL_VOLUME_DB]
    now.detail, now.mix = amounts[CONTROL_DETAIL], amounts[CONTROL_MIX]
    now.volume = <float> pow(10, volume_db / 20) if volume_db > SILENCE_DB else 0
    now.original, now.frozen, now.version = amounts[CONTROL_ORIGINAL] != 0, amounts[CONTROL_FROZEN] != 0, values.version


cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil:
    """Audio side: the newest values' effect, valid until the next call. Wait-free."""
    cdef ControlValues *values
    cdef Py_ssize_t i
    if triple_take(&slots.turn):
        values = &slots.slot[slots.turn.front]
        if slots.applied.n > values.folded:
            for i in range(_n_values(slots.n_units)):
                if slots.applied.stamp[i] > values.folded:
                    values.value[i] = slots.applied.value[i]
        control_settle(slots)
    return &slots.now


cdef void _set(ControlSlots *slots, Py_ssize_t i, float value, long long number) noexcept nogil:
    slots.slot[slots.turn.front].value[i] = slots.applied.value[i] = value
    slots.applied.stamp[i] = number
    slots.unpublished = True


cdef void control_apply(ControlSlots *slots, int control, Py_ssize_t unit, float value, long long number) noexcept nogil:
    """Audio side: apply change `number` of the schedule; `control_settle` after the last. Ignores units it lacks."""
    slots.applied.n = number
    if control >= CONTROLS_PER_UNIT or unit < slots.n_units:
        _set(slots, _index(slots.n_units, control, unit), value, number)


cdef long long control_stamp(const ControlSlots *slots, int control, Py_ssize_t unit, float *value) noexcept nogil:
    """Audio side: number of the scheduled change that set a value last, 0 for none; and that value."""
    cdef Py_ssize_t i = _index(slots.n_units, control, unit)
    value[0] = slots.applied.value[i]
    return slots.applied.stamp[i]


cdef void control_carry(const ControlSlots *old, ControlSlots *new) noexcept nogil:
    """Audio side: apply to a new model's controls the changes that are not folded into them yet."""
    cdef long long folded = new.slot[new.turn.front].folded
    cdef Py_ssize_t unit, i
    cdef int control
    new.applied.n = old.applied.n
    if old.applied.n <= folded:
        return
    for control in range(N_CONTROLS):
        for unit in range(min(old.n_units, new.n_units) if control < CONTROLS_PER_UNIT else 1):
            i = _index(old.n_units, control, unit)
            if old.applied.stamp[i] > folded:
                _set(new, _index(new.n_units, control, unit), old.applied.value[i], old.applied.stamp[i])
    control_settle(new)


cdef void control_return(ControlSlots *slots) noexcept nogil:
    """Audio side: publish the applied changes to the control side. Wait-free."""
    cdef Applied *back = &slots.returned[slots.back.back]
    cdef Py_ssize_t n = _n_values(slots.n_units)
    if not slots.unpublished:
        return
    memcpy(back.value, slots.applied.value, n * sizeof(float))
    memcpy(back.stamp, slots.applied.stamp, n * sizeof(long long))
    back.n = slots.applied.n
    triple_publish(&slots.back)
    slots.unpublished = False


cdef class ControlBuffer:
    """The control side of the triple buffers.

    Parameters
    ----------
    n_units : int
        Units of the code. The first values are neutral.
    """

    def __cinit__(self, Py_ssize_t n_units):
        cdef Py_ssize_t n = _n_values(n_units)
        cdef float[:, ::1] memory = np.zeros((7, n), np.float32)
        cdef float[:, ::1] now = np.zeros((3, n_units), np.float32)
        cdef long long[:, ::1] stamps = np.zeros((4, n), np.int64)
        cdef ControlSlots *slots = &self.slots
        cdef int i
        cdef Py_ssize_t j
        self.memory, self.stamps, self.n_units, slots.n_units = (memory, now), stamps, n_units, n_units
        for i in range(3):
            slots.slot[i].value = &memory[i, 0]
            slots.returned[i].value, slots.returned[i].stamp = &memory[3 + i, 0], &stamps[i, 0]
            for j in range(n_units):
                for control in (CONTROL_GAIN, CONTROL_SCALE, CONTROL_SIGN):
                    memory[i, _index(n_units, control, j)] = 1
                memory[i, _index(n_units, CONTROL_OVERRIDE, j)] = NAN
            memory[i, _index(n_units, CONTROL_MIX, 0)] = 1
        slots.applied.value, slots.applied.stamp = &memory[6, 0], &stamps[3, 0]
        slots.now.factor, slots.now.override, slots.now.target = &now[0, 0], &now[1, 0], &now[2, 0]
        triple_start(&slots.turn)
        triple_start(&slots.back)
        control_settle(slots)

    def publish(self, const float[:, ::1] units not None, const float[::1] amounts not None, long long version=0,
                long long folded=0):
        """Publish all values at once, in the order of `CONTROLS`. One writer at a time.

        units : (7, n_units); amounts : (6,); version : publication count; folded : scheduled changes in the values.
        """
        cdef Py_ssize_t n = CONTROLS_PER_UNIT * self.n_units
        if units.shape[0] != CONTROLS_PER_UNIT or units.shape[1] != self.n_units:
            raise ValueError(f"units are {units.shape[0]} x {units.shape[1]}; expected {CONTROLS_PER_UNIT} x {self.n_units}")
        if amounts.shape[0] != N_CONTROLS - CONTROLS_PER_UNIT:
            raise ValueError(f"there are {amounts.shape[0]} amounts; expected {N_CONTROLS - CONTROLS_PER_UNIT}")
        cdef ControlValues *values = &self.slots.slot[self.slots.turn.back]
        memcpy(values.value, &units[0, 0], n * sizeof(float))
        memcpy(values.value + n, &amounts[0], amounts.shape[0] * sizeof(float))
        values.version, values.folded = version, folded
        triple_publish(&self.slots.turn)

    def returned(self):
        """What the audio side has applied since the last call, None if nothing: (units, amounts, stamps of both, n).

        One reader at a time.
        """
        cdef Applied *back
        cdef Py_ssize_t n = _n_values(self.n_units), n_units = CONTROLS_PER_UNIT * self.n_units
        if not triple_take(&self.slots.back):
            return None
        back = &self.slots.returned[self.slots.back.front]
        value, stamp = np.array(<float[:n]> back.value), np.array(<long long[:n]> back.stamp)
        by_unit = (CONTROLS_PER_UNIT, self.n_units)
        return value[:n_units].reshape(by_unit), value[n_units:], stamp[:n_units].reshape(by_unit), stamp[n_units:], back.n

    def watch(self, long long n_reads):
        """For tests: read like the audio thread, without the GIL. Writers set all gains and overrides to one value.

        Returns (new publications, publications with mixed values).
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
        """The audio side's current effect: (factor, override, original). For tests; one reader at a time."""
        cdef const ControlSnapshot *snapshot = control_latest(&self.slots)
        n = self.n_units
        return np.array(<float[:n]> snapshot.factor), np.array(<float[:n]> snapshot.override), bool(snapshot.original)


def effective(const float[:, ::1] units not None, float target_amount):
    """Factor, override, target, each float32 (n_units,), and the amount of the target, as the hop uses them.

    units : (7, n_units), in the order of `CONTROLS`.
    """
    cdef Py_ssize_t n = units.shape[1]
    cdef float[:, ::1] now = np.empty((3, n), np.float32)
    cdef float[::1] values = np.append(units, np.full(N_CONTROLS - CONTROLS_PER_UNIT, target_amount, np.float32))
    cdef ControlSnapshot snapshot
    if units.shape[0] != CONTROLS_PER_UNIT or n == 0:
        raise ValueError(f"units are {units.shape[0]} x {n}; expected {CONTROLS_PER_UNIT} x n")
    snapshot.factor, snapshot.override, snapshot.target = &now[0, 0], &now[1, 0], &now[2, 0]
    _effect(&values[0], n, &snapshot)
    found = np.asarray(now)
    return found[0], found[1], found[2], snapshot.target_amount


#: Names of the controls by their numbers: those per unit, then the amounts.
CONTROLS = (
    "gain", "scale", "muted", "sign", "override", "target", "offset",
    "target_amount", "detail", "mix", "volume_db", "original", "frozen",
)
