"""Feeds a file's frames to the engine: the source ring, its segments, seeks and time-stretching.

The streamer writes segments of the source one after another and announces each with a seek mark before its first frame.
After the first request for time-stretching or transposition, frames pass through the time-stretcher until the next seek
while halted. The audio thread reads no further than a pending seek; it fades the old segment out, jumps, and fades the
new one in. Missing frames hold the last code. After a segment's end, silence follows until all of it has sounded.
`PlayerState` is in `player_state.pxd`; play and pause are in `player.pyx`.
"""

from libc.math cimport exp2
from libc.string cimport memcpy, memset

from aedsp._kernels.time_stretch cimport (
    TIME_STRETCH_PUSHED, time_stretch_advance, time_stretch_begin, time_stretch_needed, time_stretch_note,
    time_stretch_position, time_stretch_pull, time_stretch_push, time_stretch_pushed, time_stretch_reset, time_stretch_set,
)
from aedsp._rt.engine cimport engine_push
from aedsp._rt.engine_state cimport CHUNK, EVENT_SEEK, EVENT_TIME_STRETCH, EVENT_UNDERRUN, INPUT_AUDIO, INPUT_MISSING
from aedsp._rt.hop cimport hop_note
from aedsp._rt.player_state cimport COMMAND_END, PlayerState, SourceState, TimeStretching
from aedsp._rt.ring cimport ring_read, ring_readable, ring_skip

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil

cdef enum:
    POSITION_BITS = 48      # of a mark: position in the ring; the bits above: segment number


cdef long long feed_mark(long long segment, long long position) noexcept nogil:
    """Pack a position in the source ring and its segment into one atomic number."""
    return (segment & 0x7FFF) << POSITION_BITS | position


cdef long long feed_segment(long long mark) noexcept nogil:
    return mark >> POSITION_BITS


cdef inline long long _position(long long mark) noexcept nogil:
    return mark & (<long long> 1 << POSITION_BITS) - 1


cdef long long feed_pack_stretch(float stretch, float semitones) noexcept nogil:
    """Pack both into one atomic number."""
    cdef unsigned int low, high
    memcpy(&high, &stretch, sizeof(high))
    memcpy(&low, &semitones, sizeof(low))
    return <long long> (<unsigned long long> high << 32 | low)


cdef void feed_take_stretch(PlayerState *p) noexcept nogil:
    """Apply the last request, from the next window of the time-stretcher on."""
    cdef TimeStretching *stretching = &p.stretching
    cdef long long asked = atomic_read(&stretching.asked)
    cdef unsigned int low = <unsigned int> asked, high = <unsigned int> (asked >> 32)
    cdef float stretch, semitones
    if stretching.kernel is NULL or asked == stretching.taken:
        return
    memcpy(&stretch, &high, sizeof(high))
    memcpy(&semitones, &low, sizeof(low))
    stretching.taken = asked
    time_stretch_set(stretching.kernel, stretch, exp2(semitones / 12.0))
    hop_note(p.engine, EVENT_TIME_STRETCH, p.engine.hop, asked)
    if not stretching.active:
        time_stretch_begin(stretching.kernel)
        stretching.active, stretching.over = True, False


cdef void feed_note_ahead(PlayerState *p) noexcept nogil:
    cdef TimeStretching *stretching = &p.stretching
    atomic_write(&stretching.ahead, <long long> (time_stretch_pushed(stretching.kernel) - time_stretch_position(stretching.kernel)) if stretching.active else 0)


cdef void _jump(PlayerState *p, long long seek) noexcept nogil:
    cdef SourceState *source = &p.source
    cdef TimeStretching *stretching = &p.stretching
    ring_skip(source.ring, _position(seek))
    if stretching.over:                                            # at or near the end: restart the time-stretcher
        time_stretch_begin(stretching.kernel)
        stretching.active, stretching.over = stretching.taken != feed_pack_stretch(1, 0), False
    source.segment, stretching.ending = feed_segment(seek), False
    source.splicing_out, source.splice = False, source.splice_frames
    source.waiting, source.tail, source.dry = True, p.engine.latency_frames + 1, False
    atomic_write(&source.seek_taken, seek)


cdef void feed_seek_at_rest(PlayerState *p) noexcept nogil:
    """Take a pending seek while halted, or while the ring is not the source: nothing to fade out."""
    cdef SourceState *source = &p.source
    cdef TimeStretching *stretching = &p.stretching
    cdef long long seek = atomic_read(&source.seek_mark)
    if seek != source.seek_taken:
        if not source.splicing_out:                                   # else logged already, stopped before the jump
            hop_note(p.engine, EVENT_SEEK, p.engine.hop, _position(seek))
        if stretching.kernel is not NULL:
            time_stretch_reset(stretching.kernel)
            stretching.active, stretching.over = stretching.taken != feed_pack_stretch(1, 0), False
        _jump(p, seek)


cdef void _look_for_seek(PlayerState *p) noexcept nogil:
    """For a new segment: fade the old one out if enough of it is left, then jump."""
    cdef SourceState *source = &p.source
    cdef long long seek = atomic_read(&source.seek_mark), position = _position(seek)
    cdef Py_ssize_t fade_out = source.splice_frames - source.splice        # reverse a fade-in from its current position
    if source.splicing_out or seek == source.seek_taken:
        return
    source.dry = source.dry or position - source.ring.taken < fade_out or fade_out == 0
    hop_note(p.engine, EVENT_SEEK, p.engine.hop, -position if source.dry else position)
    source.seek_target = seek
    if source.dry:
        _jump(p, seek)
    else:
        source.splicing_out, source.splice = True, fade_out


cdef long long _readable(PlayerState *p) noexcept nogil:
    """Frames that may be taken from the ring: none beyond a pending seek."""
    cdef SourceState *source = &p.source
    cdef long long seek = atomic_read(&source.seek_mark), n = ring_readable(source.ring)
    return n if seek == source.seek_taken else min(n, max(<long long> 0, _position(seek) - source.ring.taken))


cdef void _splice(PlayerState *p, float *x, Py_ssize_t n) noexcept nogil:
    """Apply the input fade, before the engine: x (n frames), out before a jump or in after it."""
    cdef SourceState *source = &p.source
    cdef Py_ssize_t i, c, channels = p.engine.n_channels
    cdef float gain
    for i in range(min(n, source.splice)):
        gain = source.splice_curve[source.splice - i - 1 if source.splicing_out else source.splice_frames - source.splice + i]
        for c in range(channels):
            x[i * channels + c] *= gain
    source.splice = max(0, source.splice - n)


cdef Py_ssize_t _push_tail(PlayerState *p, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """Push silence after the source's end until all of it has sounded, then stop. at: offset in this call."""
    cdef SourceState *source = &p.source
    if p.transport.playing and source.tail > 0:
        n = min(n, <Py_ssize_t> source.tail)
        source.tail -= n
        if source.tail == 0:
            p.transport.playing, p.transport.stopping, p.transport.fade_from = False, True, at + n
            atomic_write(&p.transport.state, COMMAND_END)
    n = min(n, CHUNK)
    memset(source.scratch, 0, n * p.engine.n_channels * sizeof(float))
    engine_push(p.engine, source.scratch, n, INPUT_AUDIO)
    return n


cdef Py_ssize_t _push_missing(PlayerState *p, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """Conceal n frames that the streamer did not deliver in time, from frame `at` of the call on."""
    cdef SourceState *source = &p.source
    if not source.waiting:
        source.underrun_frames += n
        source.underruns += 1
    hop_note(p.engine, EVENT_UNDERRUN, at, n)
    engine_push(p.engine, NULL, n, INPUT_MISSING)
    return n


cdef void _into_stretcher(PlayerState *p, Py_ssize_t n) noexcept nogil:
    """Move n available frames from the ring; at most the rest of a running fade. Jump when a fade-out ends."""
    cdef SourceState *source = &p.source
    n = <Py_ssize_t> ring_read(source.ring, source.scratch, min(n, CHUNK))
    source.waiting = False
    if source.splice > 0:
        _splice(p, source.scratch, n)
    p.engine.counters.refused_samples += time_stretch_push(p.stretching.kernel, source.scratch, n)
    if source.splicing_out and source.splice == 0:
        _jump(p, source.seek_target)


cdef void _leave_segment(PlayerState *p) noexcept nogil:
    """Before a jump: give the time-stretcher as much of the old segment's fade-out as it needs. The fade-out is in the
    ring; the new segment may not be, since there may be no space for it before the jump."""
    cdef SourceState *source = &p.source
    cdef TimeStretching *stretching = &p.stretching
    if source.splicing_out and source.splice == 0:                         # from before the time-stretcher was active
        _jump(p, source.seek_target)
    while source.splicing_out and time_stretch_needed(stretching.kernel) > 0:
        _into_stretcher(p, <Py_ssize_t> min(time_stretch_needed(stretching.kernel), <long long> source.splice))


cdef Py_ssize_t _push_stretched(PlayerState *p, Py_ssize_t n, Py_ssize_t left, Py_ssize_t at) noexcept nogil:
    """Pull up to n frames, or push source frames into the time-stretcher. at, left: frames of the call done, to do."""
    cdef SourceState *source = &p.source
    cdef TimeStretching *stretching = &p.stretching
    cdef Py_ssize_t got = time_stretch_pull(stretching.kernel, source.scratch, 1 if stretching.over else n), m
    cdef long long end, needed, readable
    if got:
        engine_push(p.engine, source.scratch, got, INPUT_AUDIO)
        if stretching.over and time_stretch_position(stretching.kernel) >= stretching.over_at:
            stretching.active = False                                  # silence follows (`_push_tail`)
        return got
    _leave_segment(p)
    # all that the next frame needs, or nothing: the source position does not depend on when frames arrive
    needed, end, readable = time_stretch_needed(stretching.kernel), atomic_read(&source.end), _readable(p)
    if needed <= 0:
        return 0
    if not stretching.ending and end == feed_mark(source.segment, source.ring.taken + readable):
        stretching.ending, stretching.ends_at = True, source.ring.taken + readable
    if stretching.ending:                                                 # fixed, whatever the streamer writes after it
        readable = stretching.ends_at - source.ring.taken
    m = <Py_ssize_t> min(needed, <long long> min(TIME_STRETCH_PUSHED, CHUNK))
    if readable > 0 and (readable >= needed or stretching.ending):
        _into_stretcher(p, min(m, <Py_ssize_t> min(readable, <long long> source.splice if source.splice > 0 else readable)))
    elif stretching.ending:
        if not stretching.over:
            stretching.over, stretching.over_at = True, time_stretch_pushed(stretching.kernel)
        time_stretch_push(stretching.kernel, NULL, m)
    else:
        return _push_missing(p, left, at)
    return 0


cdef void feed_push(PlayerState *p, Py_ssize_t n_frames) noexcept nogil:
    cdef SourceState *source = &p.source
    cdef TimeStretching *stretching = &p.stretching
    cdef Py_ssize_t done = 0, n
    cdef long long end
    if p.transport.playing:
        _look_for_seek(p)
    while done < n_frames:
        n = min(n_frames - done, CHUNK)
        if source.forced_missing > 0 and source.forced_after == 0:
            if stretching.active:                                      # up to the point where they were missing
                time_stretch_advance(stretching.kernel)
                _leave_segment(p)
            n = min(n, <Py_ssize_t> source.forced_missing)
            source.forced_missing -= n
            engine_push(p.engine, NULL, n, INPUT_MISSING)
            done += n
            continue
        if source.forced_missing > 0:
            n = min(n, <Py_ssize_t> source.forced_after)
        if stretching.active:
            n = _push_stretched(p, n, n_frames - done, done)
            source.forced_after -= min(n, source.forced_after)
            done += n
            continue
        if source.splicing_out and source.splice == 0:
            _jump(p, source.seek_target)
        if source.splice > 0:
            n = min(n, source.splice)
        end = atomic_read(&source.end)                                # before `_readable`, so the segment is complete
        if _readable(p) > 0:
            n = <Py_ssize_t> ring_read(source.ring, source.scratch, min(n, _readable(p)))
            source.waiting = False
            if source.splice > 0:
                _splice(p, source.scratch, n)
            if stretching.kernel is not NULL:
                time_stretch_note(stretching.kernel, source.scratch, n)
            engine_push(p.engine, source.scratch, n, INPUT_AUDIO)
        elif end == feed_mark(source.segment, source.ring.taken):
            n = _push_tail(p, n, done)
        else:
            n = _push_missing(p, n_frames - done, done)
        source.forced_after -= min(n, source.forced_after)
        done += n
