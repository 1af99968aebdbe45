"""What a file's streamer feeds to the engine: the source ring, its stretches, and what happens between them.

The streamer writes stretches of the source one after another and tells of a new one by a cut, before its first frame is
there. The audio thread reads up to a cut that it has not seen and no further; it fades the old stretch out, jumps, and
fades the new one in. Where frames are missing the last code is held, and after a stretch's end there is silence until all
of it is heard. `PlayerState` stands in `feed.pxd`; who plays and who pauses is `player.pyx`.
"""

from libc.string cimport memset

from aedsp._rt.engine cimport engine_push
from aedsp._rt.hop cimport DRIVE_HELD, DRIVE_INPUT, EVENT_CUT, EVENT_STARVED, hop_note
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


cdef void _jump(PlayerState *p, long long cut) noexcept nogil:
    ring_skip(p.source, _position(cut))
    p.stretch = feed_stretch(cut)
    p.splicing_out, p.splice = False, p.splice_frames
    p.waiting, p.tail, p.dry = True, p.engine.latency_frames + 1, False
    atomic_write(&p.cut_seen, cut)


cdef void feed_jump_at_rest(PlayerState *p) noexcept nogil:
    """While nothing sounds, there is nothing to fade out."""
    cdef long long cut = atomic_read(&p.cut)
    if cut != p.cut_seen:
        hop_note(p.engine, EVENT_CUT, p.engine.hop, _position(cut))
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


cdef void feed_push(PlayerState *p, Py_ssize_t n_frames) noexcept nogil:
    cdef Py_ssize_t done = 0, n
    cdef long long end
    if p.playing:
        _look_for_cut(p)
    while done < n_frames:
        n = min(n_frames - done, CHUNK)
        if p.forced_missing > 0 and p.forced_after == 0:
            n = min(n, <Py_ssize_t> p.forced_missing)
            p.forced_missing -= n
            engine_push(p.engine, NULL, n, DRIVE_HELD)
            done += n
            continue
        if p.forced_missing > 0:
            n = min(n, <Py_ssize_t> p.forced_after)
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
            engine_push(p.engine, p.scratch, n, DRIVE_INPUT)
        elif end == feed_mark(p.stretch, p.source.taken):
            n = _push_tail(p, n, done)
        else:
            n = _push_missing(p, n_frames - done, done)
        p.forced_after -= min(n, p.forced_after)
        done += n
