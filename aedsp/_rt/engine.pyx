"""Frames around the hop: everything that an engine computes.

Knows no PortAudio and no Python: `engine_process` takes and gives interleaved frames, in any number, on one pre-allocated
state. Frames come in at the host's rate, are resampled to the model's, fill hops; each hop is analysed, encoded, scaled by
the player, decoded, synthesised; what is finished is resampled back, limited in segments of a fixed number of frames, and
waits in a queue until it is asked for. Positions are counted in samples and never in blocks, so that any partition of the
input gives the same bits. `_rt/core` owns the memory; `aedsp.engine.engine.Engine` is what users see.
"""

from libc.string cimport memcpy, memmove, memset

from aedsp._kernels._cpu cimport AEDSP_FRAMES, AEDSP_LOUDEST, kernels
from aedsp._kernels.limiter cimport limit, limiter_reset
from aedsp._kernels.resample cimport Resampler, resample, resampler_reset, resampler_room
from aedsp._rt.hop cimport (
    DRIVE_CODES, DRIVE_HELD, DRIVE_INPUT, Channel, Drive, EngineState, hop_begin, hop_end, hop_pass, hop_synthesise,
    hop_take_changes,
)
from aedsp._rt.loaded cimport loaded_reset
from aedsp._rt.vocoder cimport vocoder_reset

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
    """n interleaved frames into the resamplers; what is no audio becomes 0 and is counted. x NULL: silence.

    y: what gives the phases, where they come from another sound; NULL: x.
    """
    cdef Py_ssize_t c
    for c in range(e.n_channels):
        e.refused_samples += _take(e, e.channels[c].inward, x + c if x is not NULL else NULL, n)
        if y is not NULL:
            e.refused_samples += _take(e, e.channels[c].cross_inward, y + c, n)
        elif e.crossed:
            _take(e, e.channels[c].cross_inward, x + c if x is not NULL else NULL, n)


cdef bint _fill_hop(EngineState *e) noexcept nogil:
    """Model-rate samples into the frames; true once a hop is full."""
    cdef Py_ssize_t c, got = 0, hop_length = e.stft.hop_length, at = e.stft.window_length - hop_length + e.fill
    for c in range(e.n_channels):
        if e.crossed:
            resample(e.channels[c].cross_inward, e.channels[c].cross_frame + at, 1, hop_length - e.fill)
        got = resample(e.channels[c].inward, e.channels[c].frame + at, 1, hop_length - e.fill)
    e.fill += got
    if e.fill < hop_length:
        return False
    e.fill = 0
    return True


cdef void _finish(EngineState *e) noexcept nogil:
    """Host-rate frames out of the resamplers into segments; full segments through the limiter into the queue."""
    cdef Py_ssize_t c, got = 0, n = e.n_channels, waiting
    while True:
        for c in range(n):
            got = resample(e.channels[c].outward, e.segment + e.segment_fill * n + c, n, e.n_segment - e.segment_fill)
        e.segment_fill += got
        if e.segment_fill < e.n_segment:
            return
        e.segment_fill = 0
        limit(e.limiter, e.segment)
        if e.queue_end + e.n_segment > e.queue_capacity:
            waiting = e.queue_end - e.queue_start
            memmove(e.queue, e.queue + e.queue_start * n, waiting * n * sizeof(float))
            e.queue_start, e.queue_end = 0, waiting
        memcpy(e.queue + e.queue_end * n, e.segment, e.n_segment * n * sizeof(float))
        e.queue_end += e.n_segment


cdef unsigned long long _first_clean_hop(EngineState *e) noexcept nogil:
    """The first hop whose window begins after every frame that was taken in so far."""
    cdef double at = (e.taken + e.reach) / e.host_frames_per_frame + e.stft.window_length - e.first_fill
    return <unsigned long long> (at / e.stft.hop_length) + 1


cdef void _sound(EngineState *e, Drive drive) noexcept nogil:
    """The hops in flight through the model, AEDSP_FRAMES frames at a time, and out."""
    cdef Py_ssize_t frame = 0, n = e.n_waiting * e.n_channels
    cdef int which, n_frames
    while frame < n:
        n_frames = <int> min(n - frame, AEDSP_FRAMES)
        hop_pass(e, frame, n_frames, drive)
        for which in range(n_frames):
            hop_synthesise(e, frame, which, drive)
            frame += 1
            if frame % e.n_channels == 0:
                hop_end(e, drive)
                _finish(e)
    e.n_waiting = 0


cdef void _push(EngineState *e, const float *x, const float *y, Py_ssize_t n_frames, Drive drive) noexcept nogil:
    """n_frames interleaved frames in, and every hop that they complete. x: read for DRIVE_INPUT only.

    Between a push and the next, what is finished is pulled: the queue holds one block, or a chunk where that is more.
    With `changes_due`, the first hop takes the newest model and controls. Live, each hop sounds before the next is begun;
    else several are in flight.
    """
    cdef Py_ssize_t done = 0, n
    cdef Py_ssize_t most = 1 if e.hop_ns or e.look_ahead else AEDSP_FRAMES
    while done < n_frames:
        n = min(n_frames - done, e.chunk)
        _take_in(e, x + done * e.n_channels if drive == DRIVE_INPUT else NULL,
                 y + done * e.n_channels if y is not NULL else NULL, n)
        e.taken += n
        if drive == DRIVE_HELD:
            e.hold_until = _first_clean_hop(e)
        while _fill_hop(e):
            if e.changes_due and e.n_waiting == 0:
                hop_take_changes(e)
            hop_begin(e, e.n_waiting, drive)
            e.n_waiting += 1
            if e.n_waiting == most or e.controls.original or e.frozen:
                _sound(e, drive)
        done += n
    _sound(e, drive)
    e.frames += n_frames


cdef void engine_push(EngineState *e, const float *x, Py_ssize_t n_frames, Drive drive) noexcept nogil:
    _push(e, x, NULL, n_frames, drive)


cdef Py_ssize_t engine_pull(EngineState *e, float *out, Py_ssize_t n_frames) noexcept nogil:
    """Up to n_frames finished frames; returns how many. With whole blocks pushed there are as many as were pushed."""
    cdef Py_ssize_t n = min(n_frames, e.queue_end - e.queue_start), channels = e.n_channels
    memcpy(out, e.queue + e.queue_start * channels, n * channels * sizeof(float))
    e.queue_start += n
    return n


cdef void engine_cross(EngineState *e, const float *x, const float *y, float *out, Py_ssize_t n_frames) noexcept nogil:
    """n_frames interleaved frames in and out. `out` may be `x`; x NULL: no input, the units are driven.

    y: what gives the phases, like `x`, where the engine is `crossed`; NULL: x does. `out` may be `y`.
    """
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t taken = 0, given = 0, n, channels = e.n_channels
    cdef Drive drive = DRIVE_INPUT if x is not NULL else DRIVE_CODES
    while taken < n_frames:
        n = min(n_frames - taken, e.chunk)
        e.changes_due = True
        _push(e, x + taken * channels if x is not NULL else NULL, y + taken * channels if y is not NULL else NULL, n, drive)
        taken += n
        given += engine_pull(e, out + given * channels, taken - given)
    denormals_restore(before)


cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    engine_cross(e, x, NULL, out, n_frames)


cdef void engine_clear(EngineState *e) noexcept nogil:
    """Forgets all sound; controls and counters stay."""
    cdef Py_ssize_t c, k, n_bins = e.stft.n_bins
    cdef unsigned long long limited = e.limiter.limited_frames
    cdef Channel *ch
    for c in range(e.n_channels):
        ch = &e.channels[c]
        resampler_reset(ch.inward)
        resampler_reset(ch.outward)
        if e.crossed:
            resampler_reset(ch.cross_inward)
            memset(ch.cross_frame, 0, e.stft.window_length * sizeof(float))
        memset(ch.frame, 0, e.stft.window_length * sizeof(float))
        memset(ch.sum, 0, e.stft.window_length * sizeof(float))
        memset(ch.magnitude, 0, AEDSP_FRAMES * e.bin_stride * sizeof(float))
        memset(ch.unit_im, 0, AEDSP_FRAMES * e.bin_stride * sizeof(float))
        memset(ch.turn_im, 0, n_bins * sizeof(float))
        for k in range(AEDSP_FRAMES * e.bin_stride):
            ch.unit_re[k] = 1
        for k in range(n_bins):
            ch.turn_re[k] = 1
        ch.holding = False
        vocoder_reset(&ch.vocoder, e.phase)
        memset(ch.late_re, 0, 2 * e.bin_stride * sizeof(float))
    e.driver.hops = 0
    e.frozen = e.source_phases = False
    loaded_reset(e.loaded)
    limiter_reset(e.limiter)
    e.limiter.limited_frames = limited
    memset(e.queue, 0, e.queue_capacity * e.n_channels * sizeof(float))
    e.fill, e.segment_fill = e.first_fill, 0
    e.queue_start, e.queue_end = 0, e.queue_lead
    e.hop = e.taken = e.hold_until = 0
    e.slot = e.n_waiting = 0
    _finish(e)                                           # the silence in the resamplers, before the first hop is full


cdef void engine_reset(EngineState *e) noexcept nogil:
    """As new, but for the controls."""
    engine_clear(e)
    e.limiter.limited_frames = 0
    e.frames = e.hops = e.held_hops = e.late_hops = e.refused_samples = e.lost_events = 0
