"""One hop: window, spectrum, code, the player's hand, spectrum, window; and the changes that take effect at it.

`EngineState` stands in `hop.pxd`; the frames around the hop are `engine.pyx`, which may have several hops in flight, so
that the model's weights are read once for all of them. With DRIVE_HELD, while frames that were missing are still in the
window, and while the player freezes the sound, nothing is analysed: the last code is held and every phase runs on.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove

from aedsp._kernels._cpu cimport kernels
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_follow, phase_run_on
from aedsp._kernels.resample cimport resampler_room
from aedsp._kernels.rtisi cimport rtisi_run
from aedsp._kernels.stft cimport stft_forward, stft_inverse
from aedsp._rt.control cimport control_latest
from aedsp._rt.drive cimport DRIVEN_HOLD, drive_code, drive_level
from aedsp._rt.loaded cimport LoadedModel, loaded_code, loaded_feed, loaded_run, loaded_settle, loaded_spectrum
from aedsp._rt.ring cimport ring_read, ring_readable, ring_write
from aedsp._rt.vocoder cimport PHASE_ADVANCE, PHASE_SOURCE, PHASE_SPSI, vocoder_run

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil


cdef void _analyse(EngineState *e, Py_ssize_t c, Py_ssize_t slot, Drive drive) noexcept nogil:
    """Channel c's newest window to magnitude, phases, and what the encoder sees."""
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t n_bins = e.stft.n_bins
    cdef float *unit_re = ch.unit_re + slot * e.bin_stride
    cdef float *unit_im = ch.unit_im + slot * e.bin_stride
    cdef float *magnitude = ch.magnitude + slot * e.bin_stride
    cdef Py_ssize_t frame = slot * e.n_channels + c, previous = e.slot * e.n_channels + c
    if e.hop_ns:
        memcpy(ch.turn_re, unit_re, n_bins * sizeof(float))
        memcpy(ch.turn_im, unit_im, n_bins * sizeof(float))
        ch.holding = False
    if slot != e.slot:
        memcpy(unit_re, ch.unit_re + e.slot * e.bin_stride, n_bins * sizeof(float))
        memcpy(unit_im, ch.unit_im + e.slot * e.bin_stride, n_bins * sizeof(float))
    cdef float *spare = e.cross
    if e.crossed:
        stft_forward(e.stft, ch.cross_frame, ch.re, ch.im)
        if kernels.polar(ch.re, ch.im, e.stft.magnitude_scale, PHASE_FLOOR, spare, unit_re, unit_im, n_bins):
            phase_run_on(e.phase, spare, unit_re, unit_im)
        unit_re, unit_im = spare + e.bin_stride, spare + 2 * e.bin_stride
    stft_forward(e.stft, ch.frame, ch.re, ch.im)
    if kernels.polar(ch.re, ch.im, e.stft.magnitude_scale, PHASE_FLOOR, magnitude, unit_re, unit_im, n_bins) and not e.crossed:
        phase_run_on(e.phase, magnitude, unit_re, unit_im)
    if drive == DRIVE_CODES:
        drive_code(&e.driver, e.loaded, e.hop + slot, loaded_code(e.loaded, previous), loaded_code(e.loaded, frame))
    else:
        loaded_feed(e.loaded, frame, previous, magnitude)


cdef void _hold(EngineState *e, Py_ssize_t c) noexcept nogil:
    """Channel c goes on without its input: magnitude and code stay, every phase runs on as it did between the last two hops.

    A turn by the bin's own frequency would repeat the windowed frame, window and all: a buzz. The measured turn is that of
    the partial, the same for all the bins it reaches into, so that a steady tone goes on unchanged. Only where sound is
    live, one hop in flight.
    """
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t k
    cdef float re, im
    if not ch.holding:
        ch.holding = True
        for k in range(e.stft.n_bins):
            re = ch.unit_re[k] * ch.turn_re[k] + ch.unit_im[k] * ch.turn_im[k]
            im = ch.unit_im[k] * ch.turn_re[k] - ch.unit_re[k] * ch.turn_im[k]
            ch.turn_re[k], ch.turn_im[k] = re, im
    kernels.run_on(ch.magnitude, INFINITY, ch.turn_re, ch.turn_im, ch.unit_re, ch.unit_im, e.stft.n_bins)
    if not e.loaded.primed:
        loaded_feed(e.loaded, c, c, ch.magnitude)


cdef void _freeze(EngineState *e, Py_ssize_t c) noexcept nogil:
    """From now on channel c's magnitudes and code stay; its peaks turn on from the phases that they have.

    All the bins of a peak turn alike, so that what is held beats no more than the sound itself did. One hop in flight.
    """
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t at = e.slot * e.bin_stride, bytes = e.stft.n_bins * sizeof(float)
    if e.slot:
        memcpy(ch.magnitude, ch.magnitude + at, bytes)
        memcpy(ch.unit_re, ch.unit_re + at, bytes)
        memcpy(ch.unit_im, ch.unit_im + at, bytes)
        loaded_settle(e.loaded, c, e.slot * e.n_channels + c)
    e.frozen_from_source = e.source_phases
    if e.source_phases:
        phase_follow(e.phase, ch.unit_re, ch.unit_im, ch.vocoder.spsi.middle)


cdef void hop_begin(EngineState *e, Py_ssize_t slot, Drive drive) noexcept nogil:
    """The newest window of every channel into flight, as hop number `slot` of those that are."""
    cdef Py_ssize_t c, hop_length = e.stft.hop_length, rest = e.stft.window_length - hop_length
    cdef bint frozen = e.controls.frozen or (drive == DRIVE_CODES and e.driver.kind == DRIVEN_HOLD)
    e.began = clock_ns() if e.hop_ns else 0
    e.held = frozen or drive == DRIVE_HELD or (drive == DRIVE_INPUT and e.hop < e.hold_until)
    for c in range(e.n_channels):
        if frozen:
            if not e.frozen:
                _freeze(e, c)
            if not e.loaded.primed:
                loaded_feed(e.loaded, c, c, e.channels[c].magnitude)
        elif e.held:
            _hold(e, c)
        else:
            _analyse(e, c, slot, drive)
        memmove(e.channels[c].frame, e.channels[c].frame + hop_length, rest * sizeof(float))
        if e.crossed:
            memmove(e.channels[c].cross_frame, e.channels[c].cross_frame + hop_length, rest * sizeof(float))
    if drive == DRIVE_CODES and e.driver.row + 1 < e.driver.n_rows:
        e.driver.row += 1
    e.slot, e.frozen = slot, frozen


cdef void hop_pass(EngineState *e, Py_ssize_t first, int n_frames, Drive drive) noexcept nogil:
    """Frames from `first` on through the model."""
    cdef bint encodes = (drive != DRIVE_CODES or e.frozen) and not (e.held and e.loaded.primed)
    loaded_run(e.loaded, first, n_frames, e.controls, encodes, not e.controls.original or e.look_ahead)


cdef PhaseMode _phase_mode(const EngineState *e, Drive drive) noexcept nogil:
    cdef PhaseMode mode = e.phase_without if drive == DRIVE_CODES else e.phase_with_input
    return PHASE_SPSI if e.frozen and (mode == PHASE_SOURCE or e.frozen_from_source) else mode


cdef Vocoder *_vocoder(EngineState *e, Py_ssize_t c, PhaseMode mode) noexcept nogil:
    """Whose phases channel c takes: those of "advance" are the same for all, unless each is refined by itself."""
    return &e.channels[0 if mode == PHASE_ADVANCE and not e.refine else c].vocoder


cdef const float *_decoded(EngineState *e, Py_ssize_t c, int which, Drive drive) noexcept nogil:
    """The magnitudes that sound now in channel c; their phases are in its `_vocoder`, but for those of the source."""
    cdef float *z = loaded_spectrum(e.loaded, which)
    cdef float level = drive_level(&e.driver, e.loaded) if drive == DRIVE_CODES else 1
    cdef PhaseMode mode = _phase_mode(e, drive)
    cdef Py_ssize_t k
    if level != 1:
        for k in range(e.stft.n_bins):
            z[k] *= level
    cdef Vocoder *vocoder = _vocoder(e, c, mode)
    if mode == PHASE_SOURCE or vocoder != &e.channels[c].vocoder:
        return z
    return vocoder_run(vocoder, e.phase, mode, z, e.hop)


cdef void _refine(EngineState *e, Channel *ch, const float *z, const float **unit_re, const float **unit_im) noexcept nogil:
    if unit_re[0] != ch.vocoder.unit_re:
        memcpy(ch.vocoder.unit_re, unit_re[0], e.stft.n_bins * sizeof(float))
        memcpy(ch.vocoder.unit_im, unit_im[0], e.stft.n_bins * sizeof(float))
        unit_re[0], unit_im[0] = ch.vocoder.unit_re, ch.vocoder.unit_im
    rtisi_run(e.rtisi, z, ch.sum, e.refine, ch.vocoder.unit_re, ch.vocoder.unit_im)


cdef void hop_synthesise(EngineState *e, Py_ssize_t frame, int which, Drive drive) noexcept nogil:
    """A frame, number `which` of the last pass, to hop_length finished samples of its channel. Channel 0 first."""
    cdef Py_ssize_t c = frame % e.n_channels, at = frame // e.n_channels * e.bin_stride
    cdef bint original = e.controls.original
    cdef PhaseMode mode = _phase_mode(e, drive)
    cdef Channel *ch = &e.channels[c]
    cdef const float *z = ch.magnitude + at
    cdef const float *decoded = z
    cdef const float *unit_re = ch.unit_re + at
    cdef const float *unit_im = ch.unit_im + at
    if e.look_ahead:                                     # the input's own spectrum waits as long as the decoded one
        ch.re, ch.late_re = ch.late_re, ch.re
        ch.im, ch.late_im = ch.late_im, ch.im
    if not original or e.look_ahead:
        decoded = _decoded(e, c, which, drive)
    if not original:
        z = decoded
        if mode != PHASE_SOURCE:
            unit_re, unit_im = _vocoder(e, c, mode).unit_re, _vocoder(e, c, mode).unit_im
    elif e.frozen:
        z = vocoder_run(&ch.vocoder, e.phase, PHASE_SPSI, z, e.hop)
        unit_re, unit_im = ch.vocoder.unit_re, ch.vocoder.unit_im
    if not original and e.refine:
        _refine(e, ch, z, &unit_re, &unit_im)
    if e.held or not original:
        kernels.turn(z, unit_re, unit_im, 1 / e.stft.magnitude_scale, ch.re, ch.im, e.stft.n_bins)
    if c == 0 and e.hop_ns:
        memcpy(e.heard, z, e.stft.n_bins * sizeof(float))
    stft_inverse(e.stft, ch.re, ch.im, ch.sum, resampler_room(ch.outward, e.stft.hop_length))


cdef void hop_end(EngineState *e, Drive drive) noexcept nogil:
    """Every channel of the oldest hop in flight has sounded."""
    e.loaded.primed = True
    e.driver.hops = e.driver.hops + 1 if drive == DRIVE_CODES else 0
    e.source_phases = drive != DRIVE_CODES and (e.phase_with_input == PHASE_SOURCE or e.controls.original) and not e.frozen
    e.hop += 1
    e.hops += 1
    e.held_hops += e.held
    if e.hop_ns and clock_ns() - e.began > e.hop_ns:
        e.late_hops += 1


cdef void hop_note(EngineState *e, EventKind kind, long long at, long long value) noexcept nogil:
    """Into the log, where somebody listens; at: the hop, or what `EventKind` says instead."""
    cdef Event event
    if e.log is not NULL:
        event.kind, event.frame, event.hop, event.value = kind, e.log_frame, at, value
        e.lost_events += 1 - ring_write(e.log, &event, 1)


cdef void hop_take_changes(EngineState *e) noexcept nogil:
    """The newest model and the newest controls, for the hop that comes now."""
    cdef LoadedModel *model
    e.changes_due = False
    while ring_readable(e.incoming) and ring_readable(e.retired) < e.retired.capacity:
        ring_read(e.incoming, &model, 1)
        ring_write(e.retired, &e.loaded, 1)
        e.loaded = model
        hop_note(e, EVENT_SWAP, e.hop, <long long> <size_t> model)
    e.controls = control_latest(e.loaded.controls)
    if e.controls.version != e.version:
        e.version = e.controls.version
        hop_note(e, EVENT_CONTROLS, e.hop, e.version)
