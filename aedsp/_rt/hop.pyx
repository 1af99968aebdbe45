"""One hop: window, spectrum, code, gains and overrides, spectrum, window; and pending changes.

`EngineState` is in `engine_state.pxd`. `engine.pyx` handles the frames around the hop; it may have several hops in
flight, so that one read of the model's weights serves them all. There is no analysis with INPUT_MISSING, while missing
frames are still in the window, or while the spectrum is frozen: the last code is held and every phase advances.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove

from aedsp._kernels._cpu cimport kernels
from aedsp._kernels.blend cimport blend_detail, blend_mix
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_follow, phase_run_on
from aedsp._kernels.resample cimport resampler_room
from aedsp._kernels.rtisi cimport rtisi_run
from aedsp._kernels.stft cimport stft_forward, stft_inverse, stft_remember
from aedsp._kernels.volume cimport volume_jump, volume_move
from aedsp._rt.control cimport (
    CONTROLS_PER_UNIT, N_CONTROLS, ControlSlots, control_apply, control_carry, control_latest, control_settle, control_stamp,
)
from aedsp._rt.drive cimport DRIVE_HOLD, DriveRequest, drive_change, drive_code, drive_level
from aedsp._rt.loaded cimport LoadedModel, loaded_code, loaded_feed, loaded_run, loaded_settle, loaded_spectrum
from aedsp._rt.engine_state cimport (
    EVENT_CONTROLS, EVENT_DRIVE, EVENT_SCHEDULED, EVENT_SWAP, INPUT_AUDIO, INPUT_MISSING, INPUT_NONE, Channel, EngineState, Event, EventKind, InputKind,
)
from aedsp._rt.recent cimport recent_note
from aedsp._rt.schedule cimport Change, schedule_pop, schedule_take
from aedsp._rt.ring cimport ring_read, ring_readable, ring_write
from aedsp._rt.phase_synthesis cimport (
    PHASE_ADVANCE, PHASE_SOURCE, PHASE_SPSI, PhaseMode, PhaseSynthesis, phase_synthesis_run,
)

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil


cdef float SIDELOBE = 0.84     # -1.5 dB


cdef void _analyse(EngineState *e, Py_ssize_t c, Py_ssize_t slot, InputKind input) noexcept nogil:
    """Channel c's newest window to magnitudes, phases and encoder input."""
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t n_bins = e.stft.n_bins
    cdef float *unit_re = ch.unit_re + slot * e.flight.bin_stride
    cdef float *unit_im = ch.unit_im + slot * e.flight.bin_stride
    cdef float *magnitude = ch.magnitude + slot * e.flight.bin_stride
    cdef Py_ssize_t spectrum = slot * e.n_channels + c, previous = e.flight.slot * e.n_channels + c
    if e.clock.hop_ns:
        memcpy(ch.turn_re, unit_re, n_bins * sizeof(float))
        memcpy(ch.turn_im, unit_im, n_bins * sizeof(float))
        ch.concealing = False
    if slot != e.flight.slot:
        memcpy(unit_re, ch.unit_re + e.flight.slot * e.flight.bin_stride, n_bins * sizeof(float))
        memcpy(unit_im, ch.unit_im + e.flight.slot * e.flight.bin_stride, n_bins * sizeof(float))
    cdef float *spare = e.cross
    if e.crossed:
        stft_forward(e.stft, ch.cross_window, ch.re, ch.im)
        if kernels.polar(ch.re, ch.im, e.stft.magnitude_scale, PHASE_FLOOR, spare, unit_re, unit_im, n_bins):
            phase_run_on(e.phase, spare, unit_re, unit_im)
        unit_re, unit_im = spare + e.flight.bin_stride, spare + 2 * e.flight.bin_stride
    stft_forward(e.stft, ch.window, ch.re, ch.im)
    if kernels.polar(ch.re, ch.im, e.stft.magnitude_scale, PHASE_FLOOR, magnitude, unit_re, unit_im, n_bins) and not e.crossed:
        phase_run_on(e.phase, magnitude, unit_re, unit_im)
    if input == INPUT_NONE:
        drive_code(&e.driver, e.loaded, e.hop + slot, loaded_code(e.loaded, previous), loaded_code(e.loaded, spectrum))
    else:
        loaded_feed(e.loaded, spectrum, previous, magnitude)


cdef void _share_rotation(EngineState *e, Channel *ch) noexcept nogil:
    """Give each bin the rotation of the bin that reaches it loudest, at SIDELOBE per bin.

    The sidelobes of asymmetric windows fall slowly; in them a bin's own rotation is not quite its partial's, and a tone
    would fade as its bins drift apart.
    """
    cdef Py_ssize_t k, n = e.stft.n_bins
    cdef float *reach = e.mixed_re
    memcpy(reach, ch.magnitude, n * sizeof(float))
    for k in range(1, n):
        if reach[k - 1] * SIDELOBE > reach[k]:
            reach[k] = reach[k - 1] * SIDELOBE
            ch.turn_re[k], ch.turn_im[k] = ch.turn_re[k - 1], ch.turn_im[k - 1]
    for k in range(n - 2, -1, -1):
        if reach[k + 1] * SIDELOBE > reach[k]:
            reach[k] = reach[k + 1] * SIDELOBE
            ch.turn_re[k], ch.turn_im[k] = ch.turn_re[k + 1], ch.turn_im[k + 1]


cdef void _conceal(EngineState *e, Py_ssize_t c) noexcept nogil:
    """Channel c without its input: hold magnitudes and code; advance each phase as between the last two hops.

    Advancing each bin at its own frequency would repeat the windowed signal, window included: a buzz. The measured
    rotation is the partial's, the same in all the bins it reaches into, so a steady tone continues unchanged. Live
    only, with one hop in flight.
    """
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t k
    cdef float re, im
    if not ch.concealing:
        ch.concealing = True
        for k in range(e.stft.n_bins):
            re = ch.unit_re[k] * ch.turn_re[k] + ch.unit_im[k] * ch.turn_im[k]
            im = ch.unit_im[k] * ch.turn_re[k] - ch.unit_re[k] * ch.turn_im[k]
            ch.turn_re[k], ch.turn_im[k] = re, im
        if e.stft.reach_length < e.stft.window_length:
            _share_rotation(e, ch)
    kernels.run_on(ch.magnitude, INFINITY, ch.turn_re, ch.turn_im, ch.unit_re, ch.unit_im, e.stft.n_bins)
    if not e.loaded.primed:
        loaded_feed(e.loaded, c, c, ch.magnitude)


cdef void _freeze(EngineState *e, Py_ssize_t c) noexcept nogil:
    """Hold channel c's magnitudes and code from now on; its peaks advance from their current phases.

    All bins of a peak advance together, so the frozen sound beats no more than the source did. One hop in flight.
    """
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t at = e.flight.slot * e.flight.bin_stride, bytes = e.stft.n_bins * sizeof(float)
    if e.flight.slot:
        memcpy(ch.magnitude, ch.magnitude + at, bytes)
        memcpy(ch.unit_re, ch.unit_re + at, bytes)
        memcpy(ch.unit_im, ch.unit_im + at, bytes)
        loaded_settle(e.loaded, c, e.flight.slot * e.n_channels + c)
    e.frozen_from_source = e.source_phases
    if e.source_phases:
        phase_follow(e.phase, ch.unit_re, ch.unit_im, ch.synthesis.spsi.middle)


cdef void hop_begin(EngineState *e, Py_ssize_t slot, InputKind input) noexcept nogil:
    """Start a hop: analyse every channel's newest window into slot `slot` of those in flight."""
    cdef Py_ssize_t c, hop_length = e.stft.hop_length, rest = e.stft.window_length - hop_length
    cdef bint frozen = e.controls.frozen or (input == INPUT_NONE and e.driver.kind == DRIVE_HOLD)
    e.clock.began = clock_ns() if e.clock.hop_ns else 0
    e.sustained = frozen or input == INPUT_MISSING or (input == INPUT_AUDIO and e.hop < e.concealment.until)
    if not e.sustained:
        e.analysed = input == INPUT_AUDIO
    for c in range(e.n_channels):
        if frozen:
            if not e.frozen:
                _freeze(e, c)
            if not e.loaded.primed:
                loaded_feed(e.loaded, c, c, e.channels[c].magnitude)
        elif e.sustained:
            _conceal(e, c)
        else:
            _analyse(e, c, slot, input)
        memmove(e.channels[c].window, e.channels[c].window + hop_length, rest * sizeof(float))
        if e.crossed:
            memmove(e.channels[c].cross_window, e.channels[c].cross_window + hop_length, rest * sizeof(float))
    if input == INPUT_NONE and e.driver.row + 1 < e.driver.n_rows:
        e.driver.row += 1
    e.flight.slot, e.frozen = slot, frozen


cdef bint hop_is_detailed(const EngineState *e) noexcept nogil:
    """Whether detail acts: the code was made from an analysed spectrum, which may be held."""
    return e.controls.detail > 0 and e.analysed and not e.controls.original


cdef bint _is_mixed(const EngineState *e, InputKind input) noexcept nogil:
    """Whether the original is mixed in: there is an input, or its last spectrum is frozen."""
    return e.controls.mix < 1 and e.analysed and not e.controls.original and (input != INPUT_NONE or e.controls.frozen)


cdef bint hop_is_alone(const EngineState *e, InputKind input) noexcept nogil:
    """Whether the hop needs its own analysed spectrum, so that it must be finished before the next is analysed."""
    return e.controls.original or e.frozen or _is_mixed(e, input)


cdef void hop_pass(EngineState *e, Py_ssize_t first, int n_spectra, InputKind input) noexcept nogil:
    """Run spectra from `first` on through the model."""
    cdef bint encodes = (input != INPUT_NONE or e.frozen) and not (e.sustained and e.loaded.primed)
    cdef bint decodes = not e.controls.original or e.phases.look_ahead
    loaded_run(e.loaded, first, n_spectra, e.controls, encodes, decodes, hop_is_detailed(e))


cdef PhaseMode _phase_mode(const EngineState *e, InputKind input) noexcept nogil:
    cdef PhaseMode mode = e.phases.without if input == INPUT_NONE else e.phases.with_input
    return PHASE_SPSI if e.frozen and (mode == PHASE_SOURCE or e.frozen_from_source) else mode


cdef PhaseSynthesis *_synthesis(EngineState *e, Py_ssize_t c, PhaseMode mode) noexcept nogil:
    """The phase synthesis of channel c; all channels share that of "advance", unless each is refined separately."""
    return &e.channels[0 if mode == PHASE_ADVANCE and not e.phases.refine else c].synthesis


cdef const float *_decoded(EngineState *e, Py_ssize_t c, int which, const float *analysed, InputKind input) noexcept nogil:
    """Channel c's current output magnitudes; their phases are in its `_synthesis`, unless they are the source's."""
    cdef float *z = loaded_spectrum(e.loaded, which, False)
    cdef float level = drive_level(&e.driver, e.loaded) if input == INPUT_NONE else 1
    cdef PhaseMode mode = _phase_mode(e, input)
    cdef Py_ssize_t k
    if level != 1:
        for k in range(e.stft.n_bins):
            z[k] *= level
    if hop_is_detailed(e):
        blend_detail(loaded_spectrum(e.loaded, which, True), analysed, e.controls.detail, z, e.stft.n_bins)
    cdef PhaseSynthesis *synthesis = _synthesis(e, c, mode)
    if mode == PHASE_SOURCE or synthesis != &e.channels[c].synthesis:
        return z
    return phase_synthesis_run(synthesis, e.phase, mode, z, e.hop)


cdef void _refine(EngineState *e, Channel *ch, const float *z, const float **unit_re, const float **unit_im) noexcept nogil:
    if unit_re[0] != ch.synthesis.unit_re:
        memcpy(ch.synthesis.unit_re, unit_re[0], e.stft.n_bins * sizeof(float))
        memcpy(ch.synthesis.unit_im, unit_im[0], e.stft.n_bins * sizeof(float))
        unit_re[0], unit_im[0] = ch.synthesis.unit_re, ch.synthesis.unit_im
    rtisi_run(e.rtisi, z, ch.past, ch.sum, e.phases.refine, ch.synthesis.unit_re, ch.synthesis.unit_im)


cdef void _mix(EngineState *e, Channel *ch, Py_ssize_t at, const float *z, const float *unit_re, const float *unit_im) noexcept nogil:
    """Mix magnitudes z with their phasors and the original's spectrum, `at` in the channel's memory, into `e.mixed_re`.

    The original is the analysed spectrum; concealing, the held one as it advances; frozen, the held magnitudes with the
    phases of the resynthesis.
    """
    cdef float scale = 1 / e.stft.magnitude_scale
    if e.frozen:
        kernels.turn(ch.magnitude + at, unit_re, unit_im, scale, ch.re, ch.im, e.stft.n_bins)
    elif e.sustained:
        kernels.turn(ch.magnitude + at, ch.unit_re + at, ch.unit_im + at, scale, ch.re, ch.im, e.stft.n_bins)
    blend_mix(z, unit_re, unit_im, scale, e.controls.mix, ch.re, ch.im, e.mixed_re, e.mixed_im, e.stft.n_bins)


cdef void hop_synthesise(EngineState *e, Py_ssize_t spectrum, int which, InputKind input) noexcept nogil:
    """Spectrum `which` of the last pass to hop_length finished frames of its channel. Call for channel 0 first."""
    cdef Py_ssize_t c = spectrum % e.n_channels, at = spectrum // e.n_channels * e.flight.bin_stride
    cdef bint original = e.controls.original
    cdef PhaseMode mode = _phase_mode(e, input)
    cdef Channel *ch = &e.channels[c]
    cdef const float *analysed = ch.magnitude + at
    cdef const float *z = analysed
    cdef const float *decoded = z
    cdef const float *unit_re = ch.unit_re + at
    cdef const float *unit_im = ch.unit_im + at
    recent_note(&e.loaded.recent, c, e.analysed, analysed, loaded_code(e.loaded, spectrum))
    if e.phases.look_ahead:                                     # delay the input's own spectrum like the decoded one
        ch.re, ch.late_re = ch.late_re, ch.re
        ch.im, ch.late_im = ch.late_im, ch.im
    if not original or e.phases.look_ahead:
        decoded = _decoded(e, c, which, z, input)
    if not original:
        z = decoded
        if mode != PHASE_SOURCE:
            unit_re, unit_im = _synthesis(e, c, mode).unit_re, _synthesis(e, c, mode).unit_im
    elif e.frozen:
        z = phase_synthesis_run(&ch.synthesis, e.phase, PHASE_SPSI, z, e.hop)
        unit_re, unit_im = ch.synthesis.unit_re, ch.synthesis.unit_im
    if not original and e.phases.refine:
        _refine(e, ch, z, &unit_re, &unit_im)
    cdef float *re = ch.re
    cdef float *im = ch.im
    if _is_mixed(e, input):
        _mix(e, ch, at, z, unit_re, unit_im)
        re, im = e.mixed_re, e.mixed_im
    elif e.sustained or not original:
        kernels.turn(z, unit_re, unit_im, 1 / e.stft.magnitude_scale, re, im, e.stft.n_bins)
    if c == 0 and e.clock.hop_ns:
        memcpy(e.heard, z, e.stft.n_bins * sizeof(float))
    cdef float *out = resampler_room(ch.outward, e.stft.hop_length)
    stft_inverse(e.stft, re, im, ch.sum, out)
    if e.phases.refine:
        stft_remember(e.stft, out, ch.past)


cdef void hop_end(EngineState *e, InputKind input) noexcept nogil:
    """The oldest hop in flight is finished in every channel."""
    e.loaded.primed = True
    e.driver.hops = e.driver.hops + 1 if input == INPUT_NONE else 0
    e.source_phases = input != INPUT_NONE and (e.phases.with_input == PHASE_SOURCE or e.controls.original) and not e.frozen
    e.hop += 1
    e.counters.hops += 1
    e.counters.sustained_hops += e.sustained
    if e.clock.hop_ns and clock_ns() - e.clock.began > e.clock.hop_ns:
        e.counters.late_hops += 1


cdef void hop_note(EngineState *e, EventKind kind, long long at, long long value) noexcept nogil:
    """Log a change, if there is a log; at: the hop, or what `EventKind` specifies instead."""
    cdef Event event
    if e.log.ring is not NULL:
        event.kind, event.frame, event.hop, event.value = kind, e.log.frame, at, value
        e.counters.lost_events += 1 - ring_write(e.log.ring, &event, 1)


cdef void hop_adopt(EngineState *e, LoadedModel *model) noexcept nogil:
    """Another model from the next hop on; the changes that were applied so far hold for its controls too."""
    e.controls = control_latest(model.controls)
    control_carry(e.loaded.controls, model.controls)
    e.loaded = model
    atomic_write(&e.n_units, model.n_code)


cdef long long hop_pack_change(const Change *change) noexcept nogil:
    """Control, unit (below 2^24) and value of a change in one number, for the log."""
    cdef unsigned int bits
    memcpy(&bits, &change.value, sizeof(bits))
    return <long long> change.control << 56 | <long long> change.unit << 32 | bits


cdef void hop_take_scheduled(EngineState *e) noexcept nogil:
    """Apply the scheduled changes of the next hop. No hop is in flight."""
    cdef Change change
    while schedule_pop(e.schedule, &change):
        control_apply(e.loaded.controls, change.control, change.unit, change.value, e.schedule.n_applied)
        hop_note(e, EVENT_SCHEDULED, e.hop, hop_pack_change(&change))
    control_settle(e.loaded.controls)
    volume_move(&e.volume, e.controls.volume)


cdef void _note_reapplied(EngineState *e) noexcept nogil:
    """Log the scheduled changes that the newest publication does not know: they hold on after it."""
    cdef const ControlSlots *slots = e.loaded.controls
    cdef long long folded = slots.slot[slots.turn.front].folded
    cdef Change change
    cdef Py_ssize_t n_units
    if e.log.ring is NULL or slots.applied.n <= folded:
        return
    for change.control in range(N_CONTROLS):
        n_units = slots.n_units if change.control < CONTROLS_PER_UNIT else 1
        for change.unit in range(n_units):
            if control_stamp(slots, change.control, change.unit, &change.value) > folded:
                hop_note(e, EVENT_SCHEDULED, e.hop, hop_pack_change(&change))


cdef void hop_take_changes(EngineState *e) noexcept nogil:
    """Take the newest model, drive and controls for the next hop."""
    cdef LoadedModel *model
    cdef LoadedModel *old
    cdef DriveRequest request
    e.changes_due = False
    while ring_readable(e.incoming) and ring_readable(e.retired) < e.retired.capacity:
        ring_read(e.incoming, &model, 1)
        old = e.loaded
        hop_adopt(e, model)
        ring_write(e.retired, &old, 1)                           # from now on the control side may free it
        hop_note(e, EVENT_SWAP, e.hop, <long long> <size_t> model)
    while ring_read(e.drives, &request, 1):
        drive_change(&e.driver, &request)
        hop_note(e, EVENT_DRIVE, e.hop, 0)
    e.controls = control_latest(e.loaded.controls)
    schedule_take(e.schedule)
    if e.volume_jumps:
        volume_jump(&e.volume, e.controls.volume)
        e.volume_jumps = False
    volume_move(&e.volume, e.controls.volume)
    if e.controls.version != e.log.version:
        e.log.version = e.controls.version
        hop_note(e, EVENT_CONTROLS, e.hop, e.log.version)
        _note_reapplied(e)
