# Values of the controls, in one block of floats: CONTROLS_PER_UNIT rows of n_units, then one value for each amount.
cdef enum:
    CONTROL_GAIN, CONTROL_SCALE, CONTROL_MUTED, CONTROL_SIGN, CONTROL_OVERRIDE, CONTROL_TARGET, CONTROL_OFFSET,
    CONTROLS_PER_UNIT
    CONTROL_TARGET_AMOUNT = CONTROLS_PER_UNIT
    CONTROL_DETAIL, CONTROL_MIX, CONTROL_VOLUME_DB, CONTROL_ORIGINAL, CONTROL_FROZEN,
    N_CONTROLS

ctypedef struct ControlSnapshot:    # what the hop uses: the values' effect
    float *factor       # n_units: gain · scale · sign · (not muted)
    float *override     # n_units: NaN = no override
    float *target       # n_units: where the code is taken by target_amount, offsets included
    float target_amount, detail, mix    # 0 to 1
    float volume        # factor
    bint original       # monitor the original
    bint frozen         # hold the spectrum
    long long version   # publication count

ctypedef struct ControlValues:
    float *value        # see above
    long long version
    long long folded    # scheduled changes whose values are in `value` already

ctypedef struct Applied:            # scheduled changes that were applied, on the audio side and on its way back
    float *value        # like ControlValues; where `stamp` is not 0
    long long *stamp    # number of the change that set each value last, from 1; 0: none
    long long n         # changes applied so far

ctypedef struct TripleBuffer:
    long long middle    # atomic: index of the slot in transit, plus FRESH while unread
    long long front     # the reader's slot
    long long back      # the writer's slot

ctypedef struct ControlSlots:
    Py_ssize_t n_units
    ControlValues slot[3]
    TripleBuffer turn
    ControlSnapshot now           # audio side
    Applied applied               # audio side
    bint unpublished              # audio side: `applied` has changed since `control_return`
    Applied returned[3]
    TripleBuffer back

cdef void triple_start(TripleBuffer *turn) noexcept nogil
cdef void triple_publish(TripleBuffer *turn) noexcept nogil
cdef bint triple_take(TripleBuffer *turn) noexcept nogil
cdef const ControlSnapshot *control_latest(ControlSlots *slots) noexcept nogil
cdef void control_apply(ControlSlots *slots, int control, Py_ssize_t unit, float value, long long number) noexcept nogil
cdef long long control_stamp(const ControlSlots *slots, int control, Py_ssize_t unit, float *value) noexcept nogil
cdef void control_settle(ControlSlots *slots) noexcept nogil
cdef void control_carry(const ControlSlots *old, ControlSlots *new) noexcept nogil
cdef void control_return(ControlSlots *slots) noexcept nogil


cdef class ControlBuffer:
    cdef ControlSlots slots
    cdef readonly Py_ssize_t n_units
    cdef object memory, stamps
