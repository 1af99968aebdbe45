"""What a file's streamer feeds to the engine: the source ring, its stretches, and what happens between them.

The streamer writes stretches of the source one after another and tells of a new one by a cut, before its first frame is
there. Once stretch or transposition were asked for, frames go through a phase vocoder on their way, until the next jump
at rest. The audio thread reads up to a cut that it has not seen and no further; it fades the old stretch out, jumps, and
fades the new one in. Where frames are missing the last code is held, and after a stretch's end there is silence until all
of it is heard. `PlayerState` stands in `feed.pxd`; who plays and who pauses is `player.pyx`.
"""

from libc.math cimport exp2
from libc.string cimport memcpy, memset

from aedsp._kernels.stretch cimport (
    STRETCH_PUSHED, stretch_advance, stretch_begin, stretch_needed, stretch_note, stretch_position, stretch_pull, stretch_push,
    stretch_pushed, stretch_reset, stretch_set,
)
from aedsp._rt.engine cimport engine_push
from aedsp._rt.hop cimport DRIVE_HELD, DRIVE_INPUT, EVENT_CUT, EVENT_STARVED, EVENT_STRETCH, hop_note
from aedsp._rt.ring cimport ring_read, ring_readable, ring_skip

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil

cdef enum:
    POSITION_BITS = 48      # of a mark: a position in the ring; above it the number of the stretch


cdef long long feed_mark(long long stretch, long long position) noexcept nogil:
    """A position in the source ring and the stretch of the source that it belongs to, in one atomic number."""
    return (stretch & 0x7FFF) << POSITION_BITS | position


cdef long long feed_stretch(long long mark) noexcept nogil:
    return mark >> POSITION_BITS


cdef inline long long _position(long long mark) noexcept nogil:
    return mark & (<long long> 1 << POSITION_BITS) - 1


cdef long long feed_pace(float stretch, float semitones) noexcept nogil:
    """Both in one atomic number."""
    cdef unsigned int low, high
    memcpy(&high, &stretch, sizeof(high))
    memcpy(&low, &semitones, sizeof(low))
    return <long long> (<unsigned long long> high << 32 | low)


cdef void feed_take_pace(PlayerState *p) noexcept nogil:
    """What was asked for last, from the next window of the vocoder on."""
    cdef long long asked = atomic_read(&p.asked_pace)
    cdef unsigned int low = <unsigned int> asked, high = <unsigned int> (asked >> 32)
    cdef float stretch, semitones
    if p.vocoder is NULL or asked == p.taken_pace:
        return
    memcpy(&stretch, &high, sizeof(high))
    memcpy(&semitones, &low, sizeof(low))
    p.taken_pace = asked
    stretch_set(p.vocoder, stretch, exp2(semitones / 12.0))
    hop_note(p.engine, EVENT_STRETCH, p.engine.hop, asked)
    if not p.stretched:
        stretch_begin(p.vocoder)
        p.stretched, p.source_over = True, False


cdef void feed_note_ahead(PlayerState *p) noexcept nogil:
    atomic_write(&p.ahead, <long long> (stretch_pushed(p.vocoder) - stretch_position(p.vocoder)) if p.stretched else 0)


cdef void _jump(PlayerState *p, long long cut) noexcept nogil:
    ring_skip(p.source, _position(cut))
    if p.source_over:                                            # it was over, or nearly: the vocoder begins anew
        stretch_begin(p.vocoder)
        p.stretched, p.source_over = p.taken_pace != feed_pace(1, 0), False
    p.stretch, p.ending = feed_stretch(cut), False
    p.splicing_out, p.splice = False, p.splice_frames
    p.waiting, p.tail, p.dry = True, p.engine.latency_frames + 1, False
    atomic_write(&p.cut_seen, cut)


cdef void feed_jump_at_rest(PlayerState *p) noexcept nogil:
    """While nothing sounds, there is nothing to fade out."""
    cdef long long cut = atomic_read(&p.cut)
    if cut != p.cut_seen:
        if not p.splicing_out:                                   # else it is known, and the sound stopped before the jump
            hop_note(p.engine, EVENT_CUT, p.engine.hop, _position(cut))
        if p.vocoder is not NULL:
            stretch_reset(p.vocoder)
            p.stretched, p.source_over = p.taken_pace != feed_pace(1, 0), False
        _jump(p, cut)


cdef void _look_for_cut(PlayerState *p) noexcept nogil:
    """A new stretch of the source: fade the old one out where there is enough of it, then jump."""
    cdef long long cut = atomic_read(&p.cut), position = _position(cut)
    cdef Py_ssize_t fade_out = p.splice_frames - p.splice        # a fade-in under way is turned back where it is
    if p.splicing_out or cut == p.cut_seen:
        return
    p.dry = p.dry or position - p.source.taken < fade_out or fade_out == 0
    hop_note(p.engine, EVENT_CUT, p.engine.hop, -position if p.dry else position)
    p.splice_target = cut
    if p.dry:
        _jump(p, cut)
    else:
        p.splicing_out, p.splice = True, fade_out


cdef long long _readable(PlayerState *p) noexcept nogil:
    """Frames that may be taken from the ring: not beyond a stretch that has not been jumped to."""
    cdef long long cut = atomic_read(&p.cut), n = ring_readable(p.source)
    return n if cut == p.cut_seen else min(n, max(<long long> 0, _position(cut) - p.source.taken))


cdef void _splice(PlayerState *p, float *x, Py_ssize_t n) noexcept nogil:
    """The input's own fade, before the engine: x (n frames) on its way to a jump, or after it."""
    cdef Py_ssize_t i, c, channels = p.engine.n_channels
    cdef float gain
    for i in range(min(n, p.splice)):
        gain = p.splice_curve[p.splice - i - 1 if p.splicing_out else p.splice_frames - p.splice + i]
        for c in range(channels):
            x[i * channels + c] *= gain
    p.splice = max(0, p.splice - n)


cdef Py_ssize_t _push_tail(PlayerState *p, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """Silence after the source's end, until all of it is heard; then the stream stops by itself. at: in this step."""
    if p.playing and p.tail > 0:
        n = min(n, <Py_ssize_t> p.tail)
        p.tail -= n
        if p.tail == 0:
            p.playing, p.stopping, p.fade_from = False, True, at + n
            atomic_write(&p.state, COMMAND_END)
    n = min(n, CHUNK)
    memset(p.scratch, 0, n * p.engine.n_channels * sizeof(float))
    engine_push(p.engine, p.scratch, n, DRIVE_INPUT)
    return n


cdef Py_ssize_t _push_missing(PlayerState *p, Py_ssize_t n, Py_ssize_t at) noexcept nogil:
    """n frames that the streamer did not deliver in time, from frame `at` of the call on."""
    if not p.waiting:
        p.starved_frames += n
        p.starved_times += 1
    hop_note(p.engine, EVENT_STARVED, at, n)
    engine_push(p.engine, NULL, n, DRIVE_HELD)
    return n


cdef void _into_vocoder(PlayerState *p, Py_ssize_t n) noexcept nogil:
    """n frames of the ring, which are there; no more than the fade under way, at whose end the jump is."""
    n = <Py_ssize_t> ring_read(p.source, p.scratch, min(n, CHUNK))
    p.waiting = False
    if p.splice > 0:
        _splice(p, p.scratch, n)
    p.engine.refused_samples += stretch_push(p.vocoder, p.scratch, n)
    if p.splicing_out and p.splice == 0:
        _jump(p, p.splice_target)


cdef void _leave_stretch(PlayerState *p) noexcept nogil:
    """On the way to a jump: as much of the old stretch's fade as the vocoder asks for. It is there; the new one may not be,
    since the streamer has no room for it before the jump."""
    if p.splicing_out and p.splice == 0:                         # since before the vocoder was asked for
        _jump(p, p.splice_target)
    while p.splicing_out and stretch_needed(p.vocoder) > 0:
        _into_vocoder(p, <Py_ssize_t> min(stretch_needed(p.vocoder), <long long> p.splice))


cdef Py_ssize_t _push_stretched(PlayerState *p, Py_ssize_t n, Py_ssize_t left, Py_ssize_t at) noexcept nogil:
    """Up to n frames out of the vocoder, or frames of the source into it; `left` frames of the call are to come, at `at`."""
    cdef Py_ssize_t got = stretch_pull(p.vocoder, p.scratch, 1 if p.source_over else n), m
    cdef long long end, needed, readable
    if got:
        engine_push(p.engine, p.scratch, got, DRIVE_INPUT)
        if p.source_over and stretch_position(p.vocoder) >= p.source_end:
            p.stretched = False                                  # the tail follows
        return got
    _leave_stretch(p)
    # all that the next frame needs, or nothing: so the source stands where it should, however it came in
    needed, end, readable = stretch_needed(p.vocoder), atomic_read(&p.end), _readable(p)
    if needed <= 0:
        return 0
    if not p.ending and end == feed_mark(p.stretch, p.source.taken + readable):
        p.ending, p.ends_at = True, p.source.taken + readable
    if p.ending:                                                 # and stays so, whatever the streamer writes behind it
        readable = p.ends_at - p.source.taken
    m = <Py_ssize_t> min(needed, <long long> min(STRETCH_PUSHED, CHUNK))
    if readable > 0 and (readable >= needed or p.ending):
        _into_vocoder(p, min(m, <Py_ssize_t> min(readable, <long long> p.splice if p.splice > 0 else readable)))
    elif p.ending:
        if not p.source_over:
            p.source_over, p.source_end = True, stretch_pushed(p.vocoder)
        stretch_push(p.vocoder, NULL, m)
    else:
        return _push_missing(p, left, at)
    return 0


cdef void feed_push(PlayerState *p, Py_ssize_t n_frames) noexcept nogil:
    cdef Py_ssize_t done = 0, n
    cdef long long end
    if p.playing:
        _look_for_cut(p)
    while done < n_frames:
        n = min(n_frames - done, CHUNK)
        if p.forced_missing > 0 and p.forced_after == 0:
            if p.stretched:                                      # as far as it had come when they were found missing
                stretch_advance(p.vocoder)
                _leave_stretch(p)
            n = min(n, <Py_ssize_t> p.forced_missing)
            p.forced_missing -= n
            engine_push(p.engine, NULL, n, DRIVE_HELD)
            done += n
            continue
        if p.forced_missing > 0:
            n = min(n, <Py_ssize_t> p.forced_after)
        if p.stretched:
            n = _push_stretched(p, n, n_frames - done, done)
            p.forced_after -= min(n, p.forced_after)
            done += n
            continue
        if p.splicing_out and p.splice == 0:
            _jump(p, p.splice_target)
        if p.splice > 0:
            n = min(n, p.splice)
        end = atomic_read(&p.end)                                # before `_readable`: all that it ends is readable then
        if _readable(p) > 0:
            n = <Py_ssize_t> ring_read(p.source, p.scratch, min(n, _readable(p)))
            p.waiting = False
            if p.splice > 0:
                _splice(p, p.scratch, n)
            if p.vocoder is not NULL:
                stretch_note(p.vocoder, p.scratch, n)
            engine_push(p.engine, p.scratch, n, DRIVE_INPUT)
        elif end == feed_mark(p.stretch, p.source.taken):
            n = _push_tail(p, n, done)
        else:
            n = _push_missing(p, n_frames - done, done)
        p.forced_after -= min(n, p.forced_after)
        done += n
