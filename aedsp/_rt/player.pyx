"""What is heard: sources, transport and fades around the engine; what it recorded, metered and logged on the way.

Knows no PortAudio: `player_process` runs in the callback (`_rt/callback`), and offline where recorded gestures are rendered
again, with the same bits. Commands take effect at the first frame of a call. Everything else is counted in frames, so that
any partition of the stream gives the same bits; the changes that came from outside are logged with the frame they met.

Pause fades the output out and then stops the engine's clock; play fades it in where it stood. Stop forgets all sound as
well. A device as source is never stopped, only faded out. A source begins with a fade of its own, before the engine hears
it, and a jump fades the old stretch out and the new one in. Missing frames hold the last code (`DRIVE_HELD`), and only a
file's end brings silence.
"""

from libc.math cimport M_PI, cos, exp, fabsf
from libc.string cimport memcpy, memset

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free
from aedsp._kernels.stretch cimport Stretcher
from aedsp._rt.control cimport triple_publish, triple_start, triple_take
from aedsp._rt.core cimport Core
from aedsp._rt.engine cimport engine_clear, engine_pull, engine_push, engine_reset
from aedsp._rt.feed cimport (
    CHUNK, COMMAND_END, COMMAND_PAUSE, COMMAND_PLAY, COMMAND_STOP, SOURCE_DEVICE, SOURCE_NONE, SOURCE_RING, Meter,
    PlayerState, feed_jump_at_rest, feed_mark, feed_note_ahead, feed_pace, feed_push, feed_stretch, feed_take_pace,
)
from aedsp._rt.hop cimport (
    DRIVE_CODES, DRIVE_HELD, DRIVE_INPUT, EVENT_TRANSPORT, EngineState, Event, hop_note, hop_take_changes,
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
    MOST_UNITS = 65536      # of a model (DESIGN 4), and so of a meter
cdef double FADE_S = 0.010, SPLICE_S = 0.005, PEAK_FALL = 2.3   # e-folds a second: 20 dB


cdef void _take_commands(PlayerState *p) noexcept nogil:
    cdef long long command
    while ring_read(p.commands, &command, 1):
        if command == COMMAND_PAUSE and p.state == COMMAND_END:
            continue                                             # it stands already, and is to begin anew
        p.playing = command == COMMAND_PLAY
        p.stopping = command == COMMAND_STOP or (p.stopping and not p.playing)
        if p.playing:
            p.frozen = False
        elif p.fade == 0 and p.kind != SOURCE_DEVICE:            # it had not begun to sound
            p.frozen = True
        if p.frozen and p.stopping:
            engine_clear(p.engine)
        hop_note(p.engine, EVENT_TRANSPORT, p.engine.hop, command)
        atomic_write(&p.state, command)


cdef void _push(PlayerState *p, const float *x, Py_ssize_t n) noexcept nogil:
    if p.kind == SOURCE_RING:
        feed_push(p, n)
        return
    if p.kind == SOURCE_NONE:
        engine_push(p.engine, NULL, n, DRIVE_CODES)
    else:
        engine_push(p.engine, x, n, DRIVE_INPUT if x is not NULL else DRIVE_HELD)


cdef void _fade(PlayerState *p, float *out, Py_ssize_t n) noexcept nogil:
    """The output's fade towards play or pause, frame by frame."""
    cdef Py_ssize_t i, c, channels = p.engine.n_channels
    if p.playing and p.fade == p.fade_frames:
        return
    for i in range(n):
        if (p.playing or i < p.fade_from) and p.fade < p.fade_frames:
            p.fade += 1
        elif not p.playing and i >= p.fade_from and p.fade > 0:
            p.fade -= 1
        for c in range(channels):
            out[i * channels + c] *= p.fade_curve[p.fade]
    p.fade_from = 0


cdef void _freeze(PlayerState *p) noexcept nogil:
    """The output is silent: stop the engine's clock, and forget all sound if asked to. A device goes on."""
    if p.kind != SOURCE_DEVICE:
        p.frozen = True
    if p.stopping:
        engine_clear(p.engine)
        p.stopping = False


cdef void _step(PlayerState *p, const float *x, float *out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t got = 0, channels = p.engine.n_channels
    if not p.frozen:
        _push(p, x, n)
        got = engine_pull(p.engine, out, n)
    memset(out + got * channels, 0, (n - got) * channels * sizeof(float))
    if not p.frozen:
        _fade(p, out, n)
        if not p.playing and p.fade == 0 and (p.stopping or p.kind != SOURCE_DEVICE):
            _freeze(p)
    p.frames += n


cdef void _listen(PlayerState *p, const float *out, Py_ssize_t n) noexcept nogil:
    """Recorder, level, meters."""
    cdef Py_ssize_t i
    cdef long long fitted
    cdef EngineState *e = p.engine
    cdef Meter *meter = &p.meter[p.meter_turn.back]
    if atomic_read(&p.recording):
        fitted = ring_write(p.recorder, out, n)
        p.recorded_frames += fitted
        p.dropped_frames += n - fitted
    p.peak *= <float> exp(-PEAK_FALL * n / p.sample_rate)
    for i in range(n * e.n_channels):
        p.peak = max(p.peak, fabsf(out[i]))
    meter.n_code, meter.frame, meter.peak = min(e.loaded.n_code, MOST_UNITS), p.frames, p.peak
    memcpy(meter.code, e.loaded.code, meter.n_code * sizeof(float))
    memcpy(meter.original, e.channels[0].magnitude, e.stft.n_bins * sizeof(float))
    memcpy(meter.heard, e.heard, e.stft.n_bins * sizeof(float))
    triple_publish(&p.meter_turn)


cdef Py_ssize_t player_step(const PlayerState *p, Py_ssize_t n_frames) noexcept nogil:
    """How many of n_frames frames to hand to `player_process` at once."""
    return min(n_frames, p.block if p.block else CHUNK)


cdef void player_process(PlayerState *p, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    """n_frames interleaved frames of the engine's channels, at most those of `player_step`. x: read for SOURCE_DEVICE."""
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t done = 0, n, channels = p.engine.n_channels
    p.engine.log_frame, p.engine.changes_due = p.frames, True
    if p.frozen and p.kind == SOURCE_RING:
        feed_jump_at_rest(p)
    feed_take_pace(p)
    _take_commands(p)
    if p.frozen:
        hop_take_changes(p.engine)                               # no hop will
    while done < n_frames:
        n = n_frames - done
        if p.block == 0 and not p.playing and not p.frozen and p.fade > 0:
            n = min(n, p.fade)                                   # the clock stops with the fade, to the frame
        _step(p, x + done * channels if x is not NULL else NULL, out + done * channels, n)
        done += n
    if p.vocoder is not NULL:
        feed_note_ahead(p)
    _listen(p, out, n_frames)
    denormals_restore(before)


cdef class Player:
    """The owner of one player state, and its door for Python.

    Parameters
    ----------
    core : Core
        The engine; kept alive here. It must not process elsewhere meanwhile (`Core.occupy`).
    kind : "ring", "device" or "none"
    source : ItemRing or None
        For "ring": float32 frames of the engine's channels, at the engine's rate.
    block_frames : int
        The engine's fixed block; 0: any.
    sample_rate : float
        The host's, Hz.
    recorder_frames : int
        Frames of the recorder's ring.
    log : ItemRing or None
        Of `EVENT_BYTES` each: where changes are logged as they take effect.
    stretcher : Stretcher or None
        For "ring", at the host's rate; None: the source cannot be stretched.
    """

    def __cinit__(self, Core core not None, kind, ItemRing source, Py_ssize_t block_frames, double sample_rate,
                  long long recorder_frames, ItemRing log, Stretcher stretcher=None):
        cdef PlayerState *p = &self.state
        cdef EngineState *e = &core.state
        cdef Py_ssize_t n_bins = e.stft.n_bins, frame_bytes = e.n_channels * sizeof(float), i
        self.core, self.source, self.log, self.stretcher = core, source, log, stretcher
        engine_reset(e)
        p.engine, p.block, p.sample_rate = e, block_frames, sample_rate
        p.kind = {"ring": SOURCE_RING, "device": SOURCE_DEVICE, "none": SOURCE_NONE}[kind]
        if p.kind == SOURCE_RING and (source is None or source.ring.item_bytes != frame_bytes):
            raise ValueError(f"source has no items of {frame_bytes} bytes, one frame of {e.n_channels} channels")
        p.source = source.ring if source is not None else NULL
        if p.kind == SOURCE_RING:
            if stretcher is not None and stretcher.stretch.n_channels != e.n_channels:
                raise ValueError(f"stretcher has {stretcher.stretch.n_channels} channels; expected {e.n_channels}")
            p.vocoder = stretcher.stretch if stretcher is not None else NULL
        p.asked_pace = p.taken_pace = feed_pace(1, 0)
        p.commands, p.recorder = ring_new(WAITING_COMMANDS, sizeof(long long)), ring_new(recorder_frames, frame_bytes)
        p.fade_frames, p.splice_frames = max(1, int(FADE_S * sample_rate)), max(1, int(SPLICE_S * sample_rate))
        p.fade_curve = <float *> aedsp_alloc((p.fade_frames + p.splice_frames + 2 + CHUNK * e.n_channels) * sizeof(float))
        if p.commands is NULL or p.recorder is NULL or p.fade_curve is NULL:
            raise MemoryError
        p.splice_curve = p.fade_curve + p.fade_frames + 1
        p.scratch = p.splice_curve + p.splice_frames + 1
        for i in range(p.fade_frames + 1):
            p.fade_curve[i] = <float> (0.5 - 0.5 * cos(M_PI * i / p.fade_frames))
        for i in range(p.splice_frames + 1):
            p.splice_curve[i] = <float> (0.5 - 0.5 * cos(M_PI * i / p.splice_frames))
        cdef float[:, ::1] memory = np.zeros((3, MOST_UNITS + 2 * n_bins), np.float32)
        self.memory = memory
        for i in range(3):
            p.meter[i].code = &memory[i, 0]
            p.meter[i].original = &memory[i, MOST_UNITS]
            p.meter[i].heard = &memory[i, MOST_UNITS + n_bins]
        triple_start(&p.meter_turn)
        p.end, p.state, p.frozen = -1, COMMAND_STOP, p.kind != SOURCE_DEVICE
        p.tail, p.splice = e.latency_frames + 1, p.splice_frames
        e.log = log.ring if log is not None else NULL
        e.hop_ns = <long long> (1e9 * e.stft.hop_length * e.host_frames_per_frame / sample_rate)

    def __dealloc__(self):
        ring_free(self.state.commands)
        ring_free(self.state.recorder)
        aedsp_free(self.state.fade_curve)

    def detach(self):
        """The engine goes its own way again: nothing is logged or timed any more. The audio thread must have ended."""
        self.state.engine.log = NULL
        self.state.engine.hop_ns = 0

    def command(self, name):
        """"play", "pause" or "stop", from the next call on. Whether there was room to say so."""
        cdef long long command = COMMANDS.index(name)
        self.last_command = name
        return ring_write(self.state.commands, &command, 1) == 1

    @property
    def asked(self):
        """The transport's state once the audio thread has taken every command."""
        return self.last_command if ring_readable(self.state.commands) else self.transport

    @property
    def transport(self):
        """What took effect last: "play", "pause", "stop", or "end" where the source came to its end."""
        return COMMANDS[atomic_read(&self.state.state)]

    @property
    def cut_pending(self):
        """Whether the last `cut` has not been seen by the audio thread yet; until then there must be no other."""
        return atomic_read(&self.state.cut) != atomic_read(&self.state.cut_seen)

    def cut(self, const float[:, ::1] x=None):
        """The streamer: a new stretch of the source begins where the ring is now written to, with these frames of it.

        Returns how many of them fitted. The stretch is told first and written right after, so that the audio thread never
        runs into it unannounced.
        """
        cdef PlayerState *p = &self.state
        if p.source is NULL:
            raise ValueError("there is no source ring to cut")
        if self.cut_pending:
            raise RuntimeError("the last cut has not been seen yet")
        cdef long long stretch = feed_stretch(atomic_read(&p.cut)) + 1
        atomic_write(&p.cut, feed_mark(stretch, atomic_read(&p.source.written)))
        if x is None or x.shape[0] == 0:
            return 0
        if x.shape[1] != p.engine.n_channels:
            raise ValueError(f"x has {x.shape[1]} channels; expected {p.engine.n_channels}")
        return ring_write(p.source, &x[0, 0], x.shape[0])

    def end(self):
        """The streamer: the source of the newest stretch ends where the ring is now written to."""
        cdef PlayerState *p = &self.state
        if p.source is NULL:
            raise ValueError("there is no source ring that could end")
        atomic_write(&p.end, feed_mark(feed_stretch(atomic_read(&p.cut)), atomic_read(&p.source.written)))

    def pace(self, float stretch, float semitones):
        """Duration of the source times its own, 0.25 to 4, and its transposition, -24 to 24, from the next call on."""
        if self.state.vocoder is NULL:
            raise ValueError("there is no source that could be stretched")
        if not (0.25 <= stretch <= 4 and -24 <= semitones <= 24):
            raise ValueError(f"stretch, semitones are {stretch}, {semitones}; expected 0.25 to 4 and -24 to 24")
        atomic_write(&self.state.asked_pace, feed_pace(stretch, semitones))

    @property
    def ahead(self):
        """Frames that were taken from the source's ring and do not sound yet."""
        return atomic_read(&self.state.ahead)

    def record(self, bint on):
        """Whether what is heard goes into the recorder's ring."""
        atomic_write(&self.state.recording, on)

    def recorded(self, long long most):
        """Up to `most` recorded frames, float32 (frames, channels). One reader."""
        cdef Py_ssize_t channels = self.state.engine.n_channels
        n = min(most, ring_readable(self.state.recorder))
        cdef float[:, ::1] out = np.empty((n, channels), np.float32)
        if n:
            ring_read(self.state.recorder, &out[0, 0], n)
        return np.asarray(out)

    def replay_missing(self, long long n_frames, long long after):
        """For a rendering of gestures: after so many frames of the next call, frames were missing when they were played."""
        self.state.forced_missing, self.state.forced_after = n_frames, after

    def replay_dry(self):
        """For a rendering of gestures: the next jump came when the old stretch had run out."""
        self.state.dry = True

    def step(self, Py_ssize_t n_frames):
        """How many of `n_frames` frames to process at once."""
        return player_step(&self.state, n_frames)

    def process(self, const float[:, ::1] x, float[:, ::1] out not None):
        """One call as the callback makes it: out (n_frames, n_channels), and x alike for a device as source."""
        cdef Py_ssize_t done = 0, n, total = out.shape[0], channels = self.state.engine.n_channels
        if out.shape[1] != channels or (x is not None and (x.shape[0] != total or x.shape[1] != channels)):
            raise ValueError(f"x and out differ in shape, or from the engine's {channels} channels")
        with nogil:
            while done < total:
                n = player_step(&self.state, total - done)
                player_process(&self.state, &x[done, 0] if x is not None else NULL, &out[done, 0], n)
                done += n

    def meter(self):
        """(code, spectrum of the source, spectrum of what is heard, peak, frame of the stream), newest, copies. One reader."""
        cdef PlayerState *p = &self.state
        triple_take(&p.meter_turn)
        cdef Meter *meter = &p.meter[p.meter_turn.front]
        cdef Py_ssize_t n_bins = p.engine.stft.n_bins
        code = np.array(<float[: meter.n_code]> meter.code) if meter.n_code else np.zeros(0, np.float32)
        return (code, np.array(<float[: n_bins]> meter.original), np.array(<float[: n_bins]> meter.heard), meter.peak,
                meter.frame)

    def counters(self):
        """Counts since the player was made, by name; source frames are those taken from the ring."""
        cdef PlayerState *p = &self.state
        cdef EngineState *e = p.engine
        return {
            "frames": p.frames, "hops": e.hops, "held_hops": e.held_hops, "late_hops": e.late_hops,
            "limited_frames": e.limiter.limited_frames, "refused_samples": e.refused_samples,
            "starved_frames": p.starved_frames, "starved_times": p.starved_times,
            "recorded_frames": p.recorded_frames, "dropped_frames": p.dropped_frames, "lost_events": e.lost_events,
        }

    def address(self):
        """Address of the state, for the callback."""
        return <size_t> &self.state


COMMANDS = ("play", "pause", "stop", "end")
EVENT_BYTES = sizeof(Event)
EVENTS = ("controls", "swap", "transport", "cut", "starved", "stretch")
