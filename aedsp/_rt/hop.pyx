"""One hop: window, spectrum, code, the player's hand, spectrum, window; and the changes that take effect at it.

`EngineState` stands in `hop.pxd`; the frames around the hop are `engine.pyx`. With DRIVE_HELD, or while frames that were
missing are still in the window, nothing is analysed: the last code is held and every phase runs on.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove

from aedsp._kernels._cpu cimport kernels
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_advance, phase_run_on
from aedsp._kernels.resample cimport resampler_room
from aedsp._kernels.stft cimport stft_forward, stft_inverse
from aedsp._rt.control cimport control_latest
from aedsp._rt.loaded cimport LoadedModel, loaded_decode, loaded_drive, loaded_encode
from aedsp._rt.ring cimport ring_read, ring_readable, ring_write

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil


cdef void _analyse(EngineState *e, Py_ssize_t c, Drive drive) noexcept nogil:
    """Channel c's newest window to magnitude, phases and code."""
    cdef Channel *ch = &e.channels[c]
    cdef Py_ssize_t n_bins = e.stft.n_bins
    if e.hop_ns:
        memcpy(ch.turn_re, ch.unit_re, n_bins * sizeof(float))
        memcpy(ch.turn_im, ch.unit_im, n_bins * sizeof(float))
        ch.holding = False
    stft_forward(e.stft, ch.frame, e.re, e.im)
    if kernels.polar(e.re, e.im, e.stft.magnitude_scale, PHASE_FLOOR, ch.magnitude, ch.unit_re, ch.unit_im, n_bins):
        phase_run_on(e.phase, ch.magnitude, ch.unit_re, ch.unit_im)
    if drive == DRIVE_CONSTANT:
        loaded_drive(e.loaded, c)
    else:
        loaded_encode(e.loaded, c, ch.magnitude)


cdef void _hold(EngineState *e, Py_ssize_t c) noexcept nogil:
    """Channel c goes on without its input: magnitude and code stay, every phase runs on as it did between the last two hops.

    A turn by the bin's own frequency would repeat the windowed frame, window and all: a buzz. The measured turn is that of
    the partial, the same for all the bins it reaches into, so that a steady tone goes on unchanged.
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
        loaded_encode(e.loaded, c, ch.magnitude)


cdef void hop_run(EngineState *e, Drive drive) noexcept nogil:
    """One hop of every channel: window to code, the player's hand, spectrum, hop_length finished samples."""
    cdef Py_ssize_t c, hop_length = e.stft.hop_length, rest = e.stft.window_length - hop_length
    cdef bint held = drive == DRIVE_HELD or (drive == DRIVE_INPUT and e.hop < e.hold_until)
    cdef bint advance = e.phase_mode == PHASE_ADVANCE or (e.phase_mode == PHASE_AUTO and drive == DRIVE_CONSTANT)
    cdef long long began = clock_ns() if e.hop_ns else 0
    cdef float scale = 1 / e.stft.magnitude_scale
    cdef Channel *ch
    cdef float *z
    if advance:
        phase_advance(e.phase, e.hop, e.advance_re, e.advance_im)
    for c in range(e.n_channels):
        ch = &e.channels[c]
        if held:
            _hold(e, c)
        else:
            _analyse(e, c, drive)
        z = ch.magnitude
        if not e.controls.original:
            z = loaded_decode(e.loaded, c, e.controls)
        if advance and not e.controls.original:
            kernels.turn(z, e.advance_re, e.advance_im, scale, e.re, e.im, e.stft.n_bins)
        elif held or not e.controls.original:
            kernels.turn(z, ch.unit_re, ch.unit_im, scale, e.re, e.im, e.stft.n_bins)
        if c == 0 and e.hop_ns:
            memcpy(e.heard, z, e.stft.n_bins * sizeof(float))
        stft_inverse(e.stft, e.re, e.im, ch.sum, resampler_room(ch.outward, hop_length))
        memmove(ch.frame, ch.frame + hop_length, rest * sizeof(float))
    e.loaded.primed = True
    e.hop += 1
    e.hops += 1
    e.held_hops += held
    if e.hop_ns and clock_ns() - began > e.hop_ns:
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
