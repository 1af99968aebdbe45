"""One hop: window, spectrum, code, the player's hand, spectrum, window; and the changes that take effect at it.

`EngineState` stands in `hop.pxd`; the frames around the hop are `engine.pyx`, which may have several hops in flight, so
that the model's weights are read once for all of them. With DRIVE_HELD, or while frames that were
missing are still in the window, nothing is analysed: the last code is held and every phase runs on.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove

from aedsp._kernels._cpu cimport kernels
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_advance, phase_run_on
from aedsp._kernels.resample cimport resampler_room
from aedsp._kernels.stft cimport stft_forward, stft_inverse
from aedsp._rt.control cimport control_latest
from aedsp._rt.loaded cimport LoadedModel, loaded_drive, loaded_feed, loaded_run, loaded_spectrum
from aedsp._rt.ring cimport ring_read, ring_readable, ring_write

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil


cdef void _analyse(EngineState *e, Py_ssize_t c, Py_ssize_t slot, Drive drive) noexcept nogil:
    """Channel c's newest window to magnitude, phases, and what the encoder sees."""
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t n_bins = e.stft.n_bins
    cdef float *unit_re = ch.unit_re + slot * e.bin_stride
    cdef float *unit_im = ch.unit_im + slot * e.bin_stride
    cdef float *magnitude = ch.magnitude + slot * e.bin_stride
    if e.hop_ns:
        memcpy(ch.turn_re, unit_re, n_bins * sizeof(float))
        memcpy(ch.turn_im, unit_im, n_bins * sizeof(float))
        ch.holding = False
    if slot != e.slot:
        memcpy(unit_re, ch.unit_re + e.slot * e.bin_stride, n_bins * sizeof(float))
        memcpy(unit_im, ch.unit_im + e.slot * e.bin_stride, n_bins * sizeof(float))
    stft_forward(e.stft, ch.frame, ch.re, ch.im)
    if kernels.polar(ch.re, ch.im, e.stft.magnitude_scale, PHASE_FLOOR, magnitude, unit_re, unit_im, n_bins):
        phase_run_on(e.phase, magnitude, unit_re, unit_im)
    if drive == DRIVE_CONSTANT:
        loaded_drive(e.loaded, slot * e.n_channels + c)
    else:
        loaded_feed(e.loaded, slot * e.n_channels + c, e.slot * e.n_channels + c, magnitude)


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


cdef void hop_begin(EngineState *e, Py_ssize_t slot, Drive drive) noexcept nogil:
    """The newest window of every channel into flight, as hop number `slot` of those that are."""
    cdef Py_ssize_t c, hop_length = e.stft.hop_length, rest = e.stft.window_length - hop_length
    e.began = clock_ns() if e.hop_ns else 0
    e.held = drive == DRIVE_HELD or (drive == DRIVE_INPUT and e.hop < e.hold_until)
    for c in range(e.n_channels):
        if e.held:
            _hold(e, c)
        else:
            _analyse(e, c, slot, drive)
        memmove(e.channels[c].frame, e.channels[c].frame + hop_length, rest * sizeof(float))
    e.slot = slot


cdef void hop_pass(EngineState *e, Py_ssize_t first, int n_frames, Drive drive) noexcept nogil:
    """Frames from `first` on through the model."""
    cdef bint encodes = drive != DRIVE_CONSTANT and not (e.held and e.loaded.primed)
    loaded_run(e.loaded, first, n_frames, e.controls, encodes, not e.controls.original)


cdef void hop_synthesise(EngineState *e, Py_ssize_t frame, int which, Drive drive) noexcept nogil:
    """A frame, number `which` of the last pass, to hop_length finished samples of its channel. Channel 0 first."""
    cdef Py_ssize_t c = frame % e.n_channels, at = frame // e.n_channels * e.bin_stride
    cdef bint original = e.controls.original
    cdef bint advance = not original and (
        e.phase_mode == PHASE_ADVANCE or (e.phase_mode == PHASE_AUTO and drive == DRIVE_CONSTANT))
    cdef float scale = 1 / e.stft.magnitude_scale
    cdef Channel *ch = &e.channels[c]
    cdef float *z = ch.magnitude + at
    if not original:
        z = loaded_spectrum(e.loaded, which)
    if advance:
        if c == 0:
            phase_advance(e.phase, e.hop, e.advance_re, e.advance_im)
        kernels.turn(z, e.advance_re, e.advance_im, scale, ch.re, ch.im, e.stft.n_bins)
    elif e.held or not original:
        kernels.turn(z, ch.unit_re + at, ch.unit_im + at, scale, ch.re, ch.im, e.stft.n_bins)
    if c == 0 and e.hop_ns:
        memcpy(e.heard, z, e.stft.n_bins * sizeof(float))
    stft_inverse(e.stft, ch.re, ch.im, ch.sum, resampler_room(ch.outward, e.stft.hop_length))


cdef void hop_end(EngineState *e) noexcept nogil:
    """Every channel of the oldest hop in flight has sounded."""
    e.loaded.primed = True
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
