"""Frames in, frames out: resampling, the hops, the limiter and the output queue of one engine.

Independent of PortAudio and Python: `engine_process` takes and returns any number of interleaved frames, on one
pre-allocated state. It resamples frames from the host rate to the model rate and fills hops. Each hop is analysed,
encoded, multiplied by the gains, decoded and synthesised. The result is resampled back, limited in segments of fixed
length, and queued until pulled. Positions count samples, never blocks, so output is bit-identical for any partition of
the input. `handle` owns the memory; `aedsp.engine.engine.Engine` is the public interface.
"""

from libc.string cimport memcpy, memmove, memset

from aedsp._kernels._cpu cimport AEDSP_SPECTRA, AEDSP_LOUDEST, kernels
from aedsp._kernels.limiter cimport limit, limiter_reset
from aedsp._kernels.resample cimport Resampler, resample, resampler_reset, resampler_room
from aedsp._rt.engine_state cimport INPUT_AUDIO, INPUT_MISSING, INPUT_NONE, Channel, EngineCounters, EngineState, InputKind
from aedsp._kernels.volume cimport volume_run
from aedsp._rt.hop cimport hop_begin, hop_end, hop_is_alone, hop_is_detailed, hop_pass, hop_synthesise, hop_take_changes, hop_take_scheduled
from aedsp._rt.control cimport control_return, triple_publish
from aedsp._rt.loaded cimport loaded_code, loaded_publish, loaded_reset
from aedsp._rt.phase_synthesis cimport phase_synthesis_reset
from aedsp._rt.schedule cimport schedule_advance, schedule_clear, schedule_due

cdef extern from "denormals.h":
    unsigned long long denormals_off() noexcept nogil
    void denormals_restore(unsigned long long before) noexcept nogil


cdef inline Py_ssize_t _take(EngineState *e, Resampler *inward, const float *x, Py_ssize_t n) noexcept nogil:
    cdef float *room = resampler_room(inward, n)
    if x is NULL:
        memset(room, 0, n * sizeof(float))
        return 0
    return kernels.accept(x, e.n_channels, AEDSP_LOUDEST, room, n)


cdef void _take_in(EngineState *e, const float *x, const float *y, Py_ssize_t n) noexcept nogil:
    """n interleaved frames into the resamplers; invalid samples become 0 and are counted. x NULL: silence.

    y: the second sound that supplies the phases; NULL: x.
    """
    cdef Py_ssize_t c
    for c in range(e.n_channels):
        e.counters.refused_samples += _take(e, e.channels[c].inward, x + c if x is not NULL else NULL, n)
        if y is not NULL:
            e.counters.refused_samples += _take(e, e.channels[c].cross_inward, y + c, n)
        elif e.crossed:
            _take(e, e.channels[c].cross_inward, x + c if x is not NULL else NULL, n)


cdef bint _fill_hop(EngineState *e) noexcept nogil:
    """Model-rate samples into the windows; true once a hop is full."""
    cdef Py_ssize_t c, got = 0, hop_length = e.stft.hop_length, at = e.stft.window_length - hop_length + e.fill
    for c in range(e.n_channels):
        if e.crossed:
            resample(e.channels[c].cross_inward, e.channels[c].cross_window + at, 1, hop_length - e.fill)
        got = resample(e.channels[c].inward, e.channels[c].window + at, 1, hop_length - e.fill)
    e.fill += got
    if e.fill < hop_length:
        return False
    e.fill = 0
    return True


cdef void _finish(EngineState *e) noexcept nogil:
    """Host-rate frames out of the resamplers, through the volume into segments; full segments through the limiter into
    the queue."""
    cdef Py_ssize_t c, got = 0, n = e.n_channels, waiting
    cdef float *room
    while True:
        room = e.queue.segment + e.queue.segment_fill * n
        for c in range(n):
            got = resample(e.channels[c].outward, room + c, n, e.queue.n_segment - e.queue.segment_fill)
        volume_run(&e.volume, room, got, n)
        e.queue.segment_fill += got
        if e.queue.segment_fill < e.queue.n_segment:
            return
        e.queue.segment_fill = 0
        limit(e.limiter, e.queue.segment)
        if e.queue.end + e.queue.n_segment > e.queue.capacity:
            waiting = e.queue.end - e.queue.start
            memmove(e.queue.frames, e.queue.frames + e.queue.start * n, waiting * n * sizeof(float))
            e.queue.start, e.queue.end = 0, waiting
        memcpy(e.queue.frames + e.queue.end * n, e.queue.segment, e.queue.n_segment * n * sizeof(float))
        e.queue.end += e.queue.n_segment


cdef unsigned long long _first_clean_hop(EngineState *e) noexcept nogil:
    """The first hop whose window begins after every frame taken in so far."""
    cdef double at = (e.taken + e.concealment.reach) / e.concealment.host_frames_per_frame + e.stft.window_length - e.first_fill
    return <unsigned long long> (at / e.stft.hop_length) + 1


cdef void _write_codes(EngineState *e, Py_ssize_t spectrum) noexcept nogil:
    """Write the codes of the hop whose channel 0 is `spectrum`, if the caller wants them.

    A model of another size may have come in meanwhile: rows are cut, or filled with zeros.
    """
    cdef Py_ssize_t c, length = e.codes.n_code, n = min(length, e.loaded.n_code)
    cdef float *row
    if e.codes.n == e.codes.most:
        return
    for c in range(e.n_channels):
        row = e.codes.rows + (e.codes.n * e.n_channels + c) * length
        memcpy(row, loaded_code(e.loaded, spectrum + c), n * sizeof(float))
        memset(row + n, 0, (length - n) * sizeof(float))
    e.codes.n += 1


cdef void _sound(EngineState *e, InputKind input) noexcept nogil:
    """Run the hops in flight through the model, AEDSP_SPECTRA spectra at a time, and synthesise them."""
    cdef Py_ssize_t spectrum = 0, n = e.flight.n_waiting * e.n_channels
    cdef Py_ssize_t most = AEDSP_SPECTRA // 2 if hop_is_detailed(e) else AEDSP_SPECTRA
    cdef int which, n_spectra
    while spectrum < n:
        n_spectra = <int> min(n - spectrum, most)
        hop_pass(e, spectrum, n_spectra, input)
        for which in range(n_spectra):
            hop_synthesise(e, spectrum, which, input)
            spectrum += 1
            if spectrum % e.n_channels == 0:
                _write_codes(e, spectrum - e.n_channels)
                hop_end(e, input)
                _finish(e)
    e.flight.n_waiting = 0


cdef void _push(EngineState *e, const float *x, const float *y, Py_ssize_t n_frames, InputKind input) noexcept nogil:
    """Take n_frames interleaved frames and process every hop that they complete. x: read for INPUT_AUDIO only.

    Pull finished frames between pushes: the queue holds one block or one chunk, whichever is larger. With
    `changes_due`, the first hop takes the newest model and controls. Live, each hop is finished before the next begins;
    offline, several are in flight.
    """
    cdef Py_ssize_t done = 0, n
    cdef Py_ssize_t most = 1 if e.clock.hop_ns or e.phases.look_ahead else AEDSP_SPECTRA
    while done < n_frames:
        n = min(n_frames - done, e.chunk)
        _take_in(e, x + done * e.n_channels if input == INPUT_AUDIO else NULL,
                 y + done * e.n_channels if y is not NULL else NULL, n)
        e.taken += n
        if input == INPUT_MISSING:
            e.concealment.until = _first_clean_hop(e)
        while _fill_hop(e):
            if e.changes_due and e.flight.n_waiting == 0:
                hop_take_changes(e)
            if schedule_due(e.schedule):
                _sound(e, input)
                hop_take_scheduled(e)
            hop_begin(e, e.flight.n_waiting, input)
            schedule_advance(e.schedule)
            e.flight.n_waiting += 1
            if e.flight.n_waiting == most or hop_is_alone(e, input):
                _sound(e, input)
        done += n
    _sound(e, input)
    e.counters.frames += n_frames


cdef void engine_publish(EngineState *e) noexcept nogil:
    """Publish the newest activations and the counters to the control side. Wait-free."""
    e.counters.limited_frames = e.limiter.limited_frames
    e.counters.taken, e.counters.schedule_done, e.counters.late_changes = e.taken, e.schedule.done, e.schedule.late
    control_return(e.loaded.controls)
    e.published.slot[e.published.turn.back] = e.counters
    triple_publish(&e.published.turn)
    loaded_publish(e.loaded, e.flight.slot * e.n_channels)


cdef void engine_push(EngineState *e, const float *x, Py_ssize_t n_frames, InputKind input) noexcept nogil:
    _push(e, x, NULL, n_frames, input)


cdef Py_ssize_t engine_pull(EngineState *e, float *out, Py_ssize_t n_frames) noexcept nogil:
    """Copy out up to n_frames finished frames; returns how many. After whole blocks, as many as were pushed."""
    cdef Py_ssize_t n = min(n_frames, e.queue.end - e.queue.start), channels = e.n_channels
    memcpy(out, e.queue.frames + e.queue.start * channels, n * channels * sizeof(float))
    e.queue.start += n
    return n


cdef void engine_cross(EngineState *e, const float *x, const float *y, float *out, Py_ssize_t n_frames) noexcept nogil:
    """n_frames interleaved frames in and out. `out` may be `x`; x NULL: no input, the drive activates the units.

    y: frames that supply the phases of a `crossed` engine, like `x`; NULL: x. `out` may be `y`.
    """
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t taken = 0, given = 0, n, channels = e.n_channels
    cdef InputKind input = INPUT_AUDIO if x is not NULL else INPUT_NONE
    while taken < n_frames:
        n = min(n_frames - taken, e.chunk)
        e.changes_due = True
        _push(e, x + taken * channels if x is not NULL else NULL, y + taken * channels if y is not NULL else NULL, n, input)
        taken += n
        given += engine_pull(e, out + given * channels, taken - given)
    engine_publish(e)
    denormals_restore(before)


cdef Py_ssize_t engine_codes(EngineState *e, const float *x, const float *y, float *out, Py_ssize_t n_frames, float *rows,
                             Py_ssize_t most, Py_ssize_t n_code) noexcept nogil:
    """`engine_cross`, and the codes of the first `most` hops into rows (most, n_channels, n_code); returns how many."""
    e.codes.rows, e.codes.n, e.codes.most, e.codes.n_code = rows, 0, most, n_code
    engine_cross(e, x, y, out, n_frames)
    e.codes.rows, e.codes.most = NULL, 0
    return e.codes.n


cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    engine_cross(e, x, NULL, out, n_frames)


cdef void engine_clear(EngineState *e) noexcept nogil:
    """Clear all audio state; keep controls and counters."""
    cdef Py_ssize_t c, k, n_bins = e.stft.n_bins
    cdef unsigned long long limited = e.limiter.limited_frames
    cdef Channel *ch
    for c in range(e.n_channels):
        ch = &e.channels[c]
        resampler_reset(ch.inward)
        resampler_reset(ch.outward)
        if e.crossed:
            resampler_reset(ch.cross_inward)
            memset(ch.cross_window, 0, e.stft.window_length * sizeof(float))
        memset(ch.window, 0, e.stft.window_length * sizeof(float))
        memset(ch.past, 0, e.stft.window_length * sizeof(float))
        memset(ch.sum, 0, e.stft.reach_length * sizeof(float))
        memset(ch.magnitude, 0, AEDSP_SPECTRA * e.flight.bin_stride * sizeof(float))
        memset(ch.unit_im, 0, AEDSP_SPECTRA * e.flight.bin_stride * sizeof(float))
        memset(ch.turn_im, 0, n_bins * sizeof(float))
        for k in range(AEDSP_SPECTRA * e.flight.bin_stride):
            ch.unit_re[k] = 1
        for k in range(n_bins):
            ch.turn_re[k] = 1
        ch.concealing = False
        phase_synthesis_reset(&ch.synthesis, e.phase)
        memset(ch.late_re, 0, 2 * e.flight.bin_stride * sizeof(float))
    e.driver.hops = 0
    e.frozen = e.source_phases = e.analysed = False
    loaded_reset(e.loaded)
    limiter_reset(e.limiter)
    e.limiter.limited_frames = limited
    memset(e.queue.frames, 0, e.queue.capacity * e.n_channels * sizeof(float))
    e.fill, e.queue.segment_fill = e.first_fill, 0
    e.queue.start, e.queue.end = 0, e.queue.lead
    e.hop = e.taken = e.concealment.until = 0
    schedule_clear(e.schedule)
    e.flight.slot = e.flight.n_waiting = 0
    _finish(e)                                           # the resamplers' initial silence, before the first hop is full


cdef void engine_reset(EngineState *e) noexcept nogil:
    """Back to the initial state, except for the controls."""
    engine_clear(e)
    e.volume_jumps = True
    e.schedule.late = 0
    e.limiter.limited_frames = 0
    memset(&e.counters, 0, sizeof(EngineCounters))
    engine_publish(e)
