"""Playback around the engine: source, transport, fades, recorder, meters and the log of changes.

Independent of PortAudio: `player_process` runs in the callback (`callback`), and offline to render recorded gestures,
bit-identical. Commands take effect at the first frame of a call. Everything else counts frames, so any partition of the
stream gives bit-identical output; external changes are logged with the frame at which they took effect.

Pause fades the output out, then halts the engine's clock; play fades it in from there. Stop also clears all audio.
A device source is never halted, only faded out. A source starts with a fade-in of its own, before the engine; a seek
fades the old segment out and the new one in. Underruns are concealed (`INPUT_MISSING`); only a file's end is silent.
"""

from libc.math cimport M_PI, cos, exp, fabsf
from libc.string cimport memcpy, memset

import threading

import numpy as np

from aedsp._kernels.time_stretch import STRETCH_RANGE, TRANSPOSE_RANGE

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free
from aedsp._kernels.time_stretch cimport TimeStretcher
from aedsp._rt.control cimport triple_publish, triple_start, triple_take
from aedsp._rt.engine cimport engine_clear, engine_publish, engine_pull, engine_push, engine_reset
from aedsp._rt.engine_state cimport (
    CHUNK, EVENT_CONTROLS, EVENT_DRIVE, EVENT_SCHEDULED, EVENT_SEEK, EVENT_SOURCE, EVENT_SWAP, EVENT_TIME_STRETCH, EVENT_TRANSPORT, EVENT_UNDERRUN, INPUT_AUDIO,
    INPUT_MISSING, INPUT_NONE, EngineState, Event,
)
from aedsp._rt.feed cimport (
    feed_mark, feed_note_ahead, feed_pack_stretch, feed_push, feed_seek_at_rest, feed_segment, feed_take_stretch,
)
from aedsp._rt.handle cimport EngineHandle
from aedsp._rt.hop cimport hop_note, hop_take_changes
from aedsp._rt.outlets cimport MOST_TAPS, MOST_UNITS, RECORDER_ARMED, RECORDER_OFF, RECORDER_ON, outlets_take
from aedsp._rt.player_state cimport (
    COMMAND_END, COMMAND_PAUSE, COMMAND_PLAY, COMMAND_STOP, SOURCE_DEVICE, SOURCE_NONE, SOURCE_RING, Meter, PlayerState,
    SourceKind,
)
from aedsp._rt.ring cimport ItemRing, ring_free, ring_new, ring_read, ring_readable, ring_write

cdef extern from "denormals.h":
    unsigned long long denormals_off() noexcept nogil
    void denormals_restore(unsigned long long before) noexcept nogil

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil

cdef enum:
    WAITING_COMMANDS = 64
cdef double FADE_S = 0.010, SPLICE_S = 0.005


cdef void _take_commands(PlayerState *p) noexcept nogil:
    cdef long long command
    while ring_read(p.transport.commands, &command, 1):
        if command == COMMAND_PAUSE and p.transport.state == COMMAND_END:
            continue                                             # stopped at the end; play restarts the source
        p.transport.playing = command == COMMAND_PLAY
        p.transport.stopping = command == COMMAND_STOP or (p.transport.stopping and not p.transport.playing)
        if p.transport.playing:
            p.transport.halted = False
        elif p.transport.fade == 0 and p.kind != SOURCE_DEVICE:            # no output yet
            p.transport.halted = True
        if p.transport.halted and p.transport.stopping:
            engine_clear(p.engine)
        hop_note(p.engine, EVENT_TRANSPORT, p.engine.hop, command)
        atomic_write(&p.transport.state, command)


cdef void _take_kind(PlayerState *p) noexcept nogil:
    """Switch to another kind of source, if one was requested. Nothing that the ring still holds is heard."""
    cdef long long asked = atomic_read(&p.asked_kind)
    if asked == p.kind:
        return
    p.kind = <SourceKind> asked
    p.source.dry = p.kind == SOURCE_RING and atomic_read(&p.source.seek_mark) != p.source.seek_taken
    if not p.transport.playing and p.transport.fade == 0 and p.kind != SOURCE_DEVICE:
        p.transport.halted = True
    hop_note(p.engine, EVENT_SOURCE, p.engine.hop, asked)


cdef void _push(PlayerState *p, const float *x, Py_ssize_t n) noexcept nogil:
    if p.kind == SOURCE_RING:
        feed_push(p, n)
        return
    if p.kind == SOURCE_NONE:
        engine_push(p.engine, NULL, n, INPUT_NONE)
    else:
        engine_push(p.engine, x, n, INPUT_AUDIO if x is not NULL else INPUT_MISSING)


cdef void _fade(PlayerState *p, float *out, Py_ssize_t n) noexcept nogil:
    """Fade the output towards play or pause, frame by frame."""
    cdef Py_ssize_t i, c, channels = p.engine.n_channels
    if p.transport.playing and p.transport.fade == p.transport.fade_frames:
        return
    for i in range(n):
        if (p.transport.playing or i < p.transport.fade_from) and p.transport.fade < p.transport.fade_frames:
            p.transport.fade += 1
        elif not p.transport.playing and i >= p.transport.fade_from and p.transport.fade > 0:
            p.transport.fade -= 1
        for c in range(channels):
            out[i * channels + c] *= p.transport.fade_curve[p.transport.fade]
    p.transport.fade_from = 0


cdef void _halt(PlayerState *p) noexcept nogil:
    """After the fade-out: halt the engine's clock unless the source is a device; on stop, clear all audio state."""
    if p.kind != SOURCE_DEVICE:
        p.transport.halted = True
    if p.transport.stopping:
        engine_clear(p.engine)
        p.transport.stopping = False


cdef void _step(PlayerState *p, const float *x, float *out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t got = 0, channels = p.engine.n_channels
    if not p.transport.halted:
        _push(p, x, n)
        got = engine_pull(p.engine, out, n)
    memset(out + got * channels, 0, (n - got) * channels * sizeof(float))
    if not p.transport.halted:
        _fade(p, out, n)
        if not p.transport.playing and p.transport.fade == 0 and (p.transport.stopping or p.kind != SOURCE_DEVICE):
            _halt(p)
    p.frames += n


cdef Py_ssize_t player_step(const PlayerState *p, Py_ssize_t n_frames) noexcept nogil:
    """How many of n_frames frames to pass to `player_process` at once."""
    return min(n_frames, p.block if p.block else CHUNK)


cdef void player_process(PlayerState *p, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    """Process n_frames interleaved frames, at most `player_step`. x: read for SOURCE_DEVICE."""
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t done = 0, n, channels = p.engine.n_channels
    p.engine.log.frame, p.engine.changes_due = p.frames, True
    _take_kind(p)
    if p.source.ring is not NULL and (p.transport.halted or p.kind != SOURCE_RING):
        feed_seek_at_rest(p)
    feed_take_stretch(p)
    _take_commands(p)
    if p.transport.halted:
        hop_take_changes(p.engine)                               # no hop will do it
    while done < n_frames:
        n = n_frames - done
        if p.block == 0 and not p.transport.playing and not p.transport.halted and p.transport.fade > 0:
            n = min(n, p.transport.fade)                                   # halt the clock exactly where the fade ends
        _step(p, x + done * channels if x is not NULL else NULL, out + done * channels, n)
        done += n
    if p.stretching.kernel is not NULL:
        feed_note_ahead(p)
    outlets_take(p, out, n_frames)
    denormals_restore(before)


cdef class Player:
    """The owner of one player state.

    Parameters
    ----------
    engine : EngineHandle
        Kept alive here. Must not process elsewhere meanwhile (`EngineHandle.attach`).
    kind : "ring", "device" or "none"
    sample_rate : float
        Host rate, Hz.
    source : ItemRing, optional
        Needed for "ring", now or later: float32 frames of the engine's channels, at the host rate.
    block_frames : int
        The engine's fixed block size; 0: any.
    recorder_frames : int
        Capacity of the recorder's ring, frames.
    log : ItemRing, optional
        Items of `EVENT_BYTES`: the log of changes as they take effect.
    time_stretcher : TimeStretcher, optional
        For "ring", at the host rate; None: no time-stretching.
    """

    def __cinit__(self, EngineHandle engine not None, *, kind, double sample_rate, ItemRing source=None,
                  Py_ssize_t block_frames=0, long long recorder_frames=1, ItemRing log=None,
                  TimeStretcher time_stretcher=None):
        cdef PlayerState *p = &self.state
        cdef EngineState *e = &engine.state
        cdef Py_ssize_t n_bins = e.stft.n_bins, frame_bytes = e.n_channels * sizeof(float), i
        self.engine, self.source, self.log, self.time_stretcher = engine, source, log, time_stretcher
        self.reading, self.taps = threading.Lock(), []
        engine_reset(e)
        p.engine, p.block, p.sample_rate = e, block_frames, sample_rate
        p.kind = KINDS.index(kind)
        p.asked_kind = p.kind
        if source.ring.item_bytes != frame_bytes if source is not None else p.kind == SOURCE_RING:
            raise ValueError(f"source needs items of {frame_bytes} bytes, one frame of {e.n_channels} channels")
        p.source.ring = source.ring if source is not None else NULL
        if source is not None:
            if time_stretcher is not None and time_stretcher.stretch.n_channels != e.n_channels:
                raise ValueError(f"stretcher has {time_stretcher.stretch.n_channels} channels; expected {e.n_channels}")
            p.stretching.kernel = time_stretcher.stretch if time_stretcher is not None else NULL
        p.stretching.asked = p.stretching.taken = feed_pack_stretch(1, 0)
        p.transport.commands, p.recorder.ring = ring_new(WAITING_COMMANDS, sizeof(long long)), ring_new(recorder_frames, frame_bytes)
        p.transport.fade_frames, p.source.splice_frames = max(1, int(FADE_S * sample_rate)), max(1, int(SPLICE_S * sample_rate))
        p.transport.fade_curve = <float *> aedsp_alloc((p.transport.fade_frames + p.source.splice_frames + 2 + CHUNK * e.n_channels) * sizeof(float))
        if p.transport.commands is NULL or p.recorder.ring is NULL or p.transport.fade_curve is NULL:
            raise MemoryError
        p.source.splice_curve = p.transport.fade_curve + p.transport.fade_frames + 1
        p.source.scratch = p.source.splice_curve + p.source.splice_frames + 1
        for i in range(p.transport.fade_frames + 1):
            p.transport.fade_curve[i] = <float> (0.5 - 0.5 * cos(M_PI * i / p.transport.fade_frames))
        for i in range(p.source.splice_frames + 1):
            p.source.splice_curve[i] = <float> (0.5 - 0.5 * cos(M_PI * i / p.source.splice_frames))
        cdef float[:, ::1] memory = np.zeros((3, MOST_UNITS + 2 * n_bins), np.float32)
        self.memory = memory
        for i in range(3):
            p.meters.slot[i].code = &memory[i, 0]
            p.meters.slot[i].original = &memory[i, MOST_UNITS]
            p.meters.slot[i].heard = &memory[i, MOST_UNITS + n_bins]
        triple_start(&p.meters.turn)
        p.source.end, p.transport.state, p.transport.halted = -1, COMMAND_STOP, p.kind != SOURCE_DEVICE
        p.source.tail, p.source.splice = e.latency_frames + 1, p.source.splice_frames
        e.log.ring = log.ring if log is not None else NULL
        e.clock.hop_ns = <long long> (1e9 * e.stft.hop_length * e.concealment.host_frames_per_frame / sample_rate)

    def __dealloc__(self):
        ring_free(self.state.transport.commands)
        ring_free(self.state.recorder.ring)
        aedsp_free(self.state.transport.fade_curve)

    def detach(self):
        """Release the engine: stop logging and timing. The audio thread must have ended."""
        self.state.engine.log.ring = NULL
        self.state.engine.clock.hop_ns = 0

    def command(self, name):
        """Send "play", "pause" or "stop", effective from the next call on. Returns False when the queue is full."""
        cdef long long command = COMMANDS.index(name)
        self.last_command = name
        return ring_write(self.state.transport.commands, &command, 1) == 1

    def set_kind(self, kind):
        """Switch to another kind of source, "ring", "device" or "none", from the next call on."""
        if kind == "ring" and self.state.source.ring is NULL:
            raise ValueError("cannot play a file without a source ring")
        atomic_write(&self.state.asked_kind, KINDS.index(kind))

    @property
    def kind(self):
        """The kind of source that was asked for last."""
        return KINDS[atomic_read(&self.state.asked_kind)]

    @property
    def asked(self):
        """The transport's state once the audio thread has taken every command."""
        return self.last_command if ring_readable(self.state.transport.commands) else self.transport

    @property
    def transport(self):
        """The last command that took effect: "play", "pause", "stop", or "end" when the source has ended."""
        return COMMANDS[atomic_read(&self.state.transport.state)]

    @property
    def seek_pending(self):
        """Whether the audio thread has yet to take the last `begin_segment`; until then, call no other."""
        return atomic_read(&self.state.source.seek_mark) != atomic_read(&self.state.source.seek_taken)

    def begin_segment(self, const float[:, ::1] x=None):
        """Streamer side: start a new segment at the ring's write position with these frames.

        Returns how many of them fitted. Announces the segment before writing it, so that the audio thread never reads
        into it unannounced.
        """
        cdef PlayerState *p = &self.state
        if p.source.ring is NULL:
            raise ValueError("cannot seek without a source ring")
        if self.seek_pending:
            raise RuntimeError("a seek is still pending; call begin_segment when seek_pending is False")
        cdef long long segment = feed_segment(atomic_read(&p.source.seek_mark)) + 1
        atomic_write(&p.source.seek_mark, feed_mark(segment, atomic_read(&p.source.ring.written)))
        if x is None or x.shape[0] == 0:
            return 0
        if x.shape[1] != p.engine.n_channels:
            raise ValueError(f"x has {x.shape[1]} channels; expected {p.engine.n_channels}")
        return ring_write(p.source.ring, &x[0, 0], x.shape[0])

    def end_segment(self):
        """Streamer side: end the newest segment at the ring's write position."""
        cdef PlayerState *p = &self.state
        if p.source.ring is NULL:
            raise ValueError("cannot end a segment without a source ring")
        atomic_write(&p.source.end, feed_mark(feed_segment(atomic_read(&p.source.seek_mark)), atomic_read(&p.source.ring.written)))

    def set_stretch(self, float stretch, float semitones):
        """Set stretch (duration factor, 0.25 to 4) and transposition (semitones, -24 to 24) from the next call on."""
        if self.state.stretching.kernel is NULL:
            raise ValueError("cannot stretch: the player has no time_stretcher")
        (a, b), (c, d) = STRETCH_RANGE, TRANSPOSE_RANGE
        if not (a <= stretch <= b and c <= semitones <= d):
            raise ValueError(f"stretch, semitones are {stretch}, {semitones}; expected {a:g} to {b:g} and {c:g} to {d:g}")
        atomic_write(&self.state.stretching.asked, feed_pack_stretch(stretch, semitones))

    @property
    def ahead(self):
        """Frames taken from the source's ring but not played yet."""
        return atomic_read(&self.state.stretching.ahead)

    def record(self, bint on, bint from_play=False):
        """Start or stop copying the output to the recorder's ring. from_play: start with the call that begins to play."""
        atomic_write(&self.state.recorder.on, (RECORDER_ARMED if from_play else RECORDER_ON) if on else RECORDER_OFF)

    def tap(self, Py_ssize_t i, ItemRing ring):
        """Copy the output to a ring from now on; None: no longer. i: below MOST_TAPS, each for one ring at a time."""
        if not 0 <= i < MOST_TAPS:
            raise ValueError(f"tap is {i}; expected 0 to {MOST_TAPS - 1}")
        atomic_write(&self.state.taps[i].on, False)
        if ring is not None:
            if ring not in self.taps:                             # the audio thread may hold an earlier one until it ends
                self.taps.append(ring)
            self.state.taps[i].ring = ring.ring
            atomic_write(&self.state.taps[i].on, True)

    def recorded(self, long long most):
        """Take up to `most` recorded frames, float32 (frames, channels). One reader."""
        cdef Py_ssize_t channels = self.state.engine.n_channels
        n = min(most, ring_readable(self.state.recorder.ring))
        cdef float[:, ::1] out = np.empty((n, channels), np.float32)
        if n:
            ring_read(self.state.recorder.ring, &out[0, 0], n)
        return np.asarray(out)

    def replay_missing(self, long long n_frames, long long after):
        """To replay gestures: an underrun of n_frames, `after` frames into the next call."""
        self.state.source.forced_missing, self.state.source.forced_after = n_frames, after

    def replay_dry(self):
        """To replay gestures: the next jump has no fade-out, as the old segment had run out."""
        self.state.source.dry = True

    def step(self, Py_ssize_t n_frames):
        """How many of `n_frames` frames to process at once."""
        return player_step(&self.state, n_frames)

    def process(self, const float[:, ::1] x, float[:, ::1] out not None):
        """Process like the callback: out (n_frames, n_channels), and for a device source x of the same shape."""
        cdef Py_ssize_t done = 0, n, total = out.shape[0], channels = self.state.engine.n_channels
        if out.shape[1] != channels or (x is not None and (x.shape[0] != total or x.shape[1] != channels)):
            raise ValueError(f"x and out must have the same shape and the engine's {channels} channels")
        with nogil:
            while done < total:
                n = player_step(&self.state, total - done)
                player_process(&self.state, &x[done, 0] if x is not None else NULL, &out[done, 0], n)
                done += n

    def meter(self):
        """Newest (code, source spectrum, output spectrum, peak, stream position in frames), as copies."""
        cdef PlayerState *p = &self.state
        cdef Meter *meter
        cdef Py_ssize_t n_bins = p.engine.stft.n_bins
        with self.reading:
            triple_take(&p.meters.turn)
            meter = &p.meters.slot[p.meters.turn.front]
            code = np.array(<float[: meter.n_code]> meter.code) if meter.n_code else np.zeros(0, np.float32)
            return (code, np.array(<float[: n_bins]> meter.original), np.array(<float[: n_bins]> meter.heard), meter.peak,
                    meter.frame)

    def counters(self):
        """Counts since the player was created, by name, as of the end of the last call."""
        cdef PlayerState *p = &self.state
        cdef Meter *meter
        with self.reading:
            triple_take(&p.meters.turn)
            meter = &p.meters.slot[p.meters.turn.front]
            counts = {"frames": meter.frame, **meter.counters}
        return {**self.engine.counters(), **counts}

    def address(self):
        """Address of the state, for the callback."""
        return <size_t> &self.state


def _in_order(names):
    """The names of an enumeration as a tuple, each at its value."""
    assert sorted(names) == list(range(len(names)))
    return tuple(names[value] for value in sorted(names))


EVENT_BYTES = sizeof(Event)
COMMANDS = _in_order({COMMAND_PLAY: "play", COMMAND_PAUSE: "pause", COMMAND_STOP: "stop", COMMAND_END: "end"})
EVENTS = _in_order({
    EVENT_CONTROLS: "controls", EVENT_SWAP: "swap", EVENT_TRANSPORT: "transport", EVENT_SEEK: "seek",
    EVENT_UNDERRUN: "underrun", EVENT_TIME_STRETCH: "time_stretch", EVENT_SOURCE: "source", EVENT_DRIVE: "drive",
    EVENT_SCHEDULED: "scheduled",
})
KINDS = _in_order({SOURCE_RING: "ring", SOURCE_DEVICE: "device", SOURCE_NONE: "none"})
TAPS = MOST_TAPS
