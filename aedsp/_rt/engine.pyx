"""Frames around the hop: everything that an engine computes.

Knows no PortAudio and no Python: `engine_process` takes and gives interleaved frames, in any number, on one pre-allocated
state. Frames come in at the host's rate, are resampled to the model's, fill hops; each hop is analysed, encoded, scaled by
the player, decoded, synthesised; what is finished is resampled back, limited in segments of a fixed number of frames, and
waits in a queue until it is asked for. Positions are counted in samples and never in blocks, so that any partition of the
input gives the same bits. `Core` owns the memory; `aedsp.engine.Engine` is what users see.
"""

from libc.string cimport memcpy, memmove, memset

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_FRAMES, AEDSP_LOUDEST, aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.limiter cimport limit, limiter_free, limiter_new, limiter_reset
from aedsp._kernels.phase cimport phase_free, phase_new
from aedsp._kernels.resample cimport Filter, resample, resampler_free, resampler_new, resampler_reset, resampler_room
from aedsp._kernels.stft cimport stft_free, stft_new
from aedsp._rt.control cimport control_latest
from aedsp._rt.hop cimport (
    DRIVE_CONSTANT, DRIVE_HELD, DRIVE_INPUT, PHASE_ADVANCE, PHASE_AUTO, PHASE_SOURCE, Channel, Drive, EngineState,
    hop_begin, hop_end, hop_pass, hop_synthesise, hop_take_changes,
)
from aedsp._rt.loaded cimport Loaded, LoadedModel, loaded_reset
from aedsp._rt.ring cimport ring_free, ring_new, ring_read, ring_write

cdef extern from "denormals.h":
    unsigned long long denormals_off() noexcept nogil
    void denormals_restore(unsigned long long before) noexcept nogil

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil

cdef enum:
    CHUNK = 1024          # frames taken in at once, or as many as fill AEDSP_FRAMES hops
    WAITING_MODELS = 8    # most models under way to or from the hop


cdef void _take_in(EngineState *e, const float *x, Py_ssize_t n) noexcept nogil:
    """n interleaved frames into the resamplers; what is no audio becomes 0 and is counted. x NULL: silence."""
    cdef Py_ssize_t c
    cdef float *room
    for c in range(e.n_channels):
        room = resampler_room(e.channels[c].inward, n)
        if x is NULL:
            memset(room, 0, n * sizeof(float))
        else:
            e.refused_samples += kernels.accept(x + c, e.n_channels, AEDSP_LOUDEST, room, n)


cdef bint _fill_hop(EngineState *e) noexcept nogil:
    """Model-rate samples into the frames; true once a hop is full."""
    cdef Py_ssize_t c, got = 0, hop_length = e.stft.hop_length, at = e.stft.window_length - hop_length + e.fill
    for c in range(e.n_channels):
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
                hop_end(e)
                _finish(e)
    e.n_waiting = 0


cdef void engine_push(EngineState *e, const float *x, Py_ssize_t n_frames, Drive drive) noexcept nogil:
    """n_frames interleaved frames in, and every hop that they complete. x: read for DRIVE_INPUT only.

    Between a push and the next, what is finished is pulled: the queue holds one block, or a chunk where that is more.
    With `changes_due`, the first hop takes the newest model and controls. Live, each hop sounds before the next is begun;
    else several are in flight.
    """
    cdef Py_ssize_t done = 0, n
    cdef Py_ssize_t most = 1 if e.hop_ns else AEDSP_FRAMES
    while done < n_frames:
        n = min(n_frames - done, e.chunk)
        _take_in(e, x + done * e.n_channels if drive == DRIVE_INPUT else NULL, n)
        e.taken += n
        if drive == DRIVE_HELD:
            e.hold_until = _first_clean_hop(e)
        while _fill_hop(e):
            if e.changes_due and e.n_waiting == 0:
                hop_take_changes(e)
            hop_begin(e, e.n_waiting, drive)
            e.n_waiting += 1
            if e.n_waiting == most or e.controls.original:
                _sound(e, drive)
        done += n
    _sound(e, drive)
    e.frames += n_frames


cdef Py_ssize_t engine_pull(EngineState *e, float *out, Py_ssize_t n_frames) noexcept nogil:
    """Up to n_frames finished frames; returns how many. With whole blocks pushed there are as many as were pushed."""
    cdef Py_ssize_t n = min(n_frames, e.queue_end - e.queue_start), channels = e.n_channels
    memcpy(out, e.queue + e.queue_start * channels, n * channels * sizeof(float))
    e.queue_start += n
    return n


cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    """n_frames interleaved frames in and out. `out` may be `x`; x NULL: no input, the units are driven by 1."""
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t taken = 0, given = 0, n, channels = e.n_channels
    cdef Drive drive = DRIVE_INPUT if x is not NULL else DRIVE_CONSTANT
    while taken < n_frames:
        n = min(n_frames - taken, e.chunk)
        e.changes_due = True
        engine_push(e, x + taken * channels if x is not NULL else NULL, n, drive)
        taken += n
        given += engine_pull(e, out + given * channels, taken - given)
    denormals_restore(before)


cdef void engine_clear(EngineState *e) noexcept nogil:
    """Forgets all sound; controls and counters stay."""
    cdef Py_ssize_t c, k, n_bins = e.stft.n_bins
    cdef unsigned long long limited = e.limiter.limited_frames
    cdef Channel *ch
    for c in range(e.n_channels):
        ch = &e.channels[c]
        resampler_reset(ch.inward)
        resampler_reset(ch.outward)
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


cdef class Core:
    """Owner of one engine state, and its door for Python.

    Parameters
    ----------
    loaded : Loaded
        The model that the first hop runs.
    inward, outward : Filter
        Between the host's rate and the model's.
    fft_length, hop_length : int
    analysis, synthesis : float64 (window_length,)
    start_turns : float64 (n_bins,)
        Start phases of `advance`.
    timing : aedsp.engine.Timing
        The numbers that make the latency exact.
    n_channels : int
    phase_mode : "auto", "source" or "advance"
    """

    def __cinit__(self, Loaded loaded not None, Filter inward not None, Filter outward not None, int fft_length,
                  Py_ssize_t hop_length, const double[::1] analysis not None, const double[::1] synthesis not None,
                  const double[::1] start_turns not None, timing, Py_ssize_t n_channels, phase_mode):
        cdef EngineState *e = &self.state
        self.owned = (inward, outward)
        self.models = {<size_t> &loaded.model: loaded}
        e.loaded = &loaded.model
        e.controls = control_latest(e.loaded.controls)
        e.n_channels, e.latency_frames = n_channels, timing.latency_frames
        e.phase_mode = {"auto": PHASE_AUTO, "source": PHASE_SOURCE, "advance": PHASE_ADVANCE}[phase_mode]
        e.first_fill, e.n_segment, e.queue_lead = timing.first_fill, timing.segment_frames, timing.queue_lead
        e.chunk = max(CHUNK, AEDSP_FRAMES * timing.hop_frames)
        e.queue_capacity = 2 * (timing.latency_frames + max(e.chunk, timing.block_frames) + 2 * e.n_segment + timing.hop_frames)
        e.host_frames_per_frame = float(inward.rate_in / inward.rate_out)
        e.reach = inward.half
        e.stft = stft_new(fft_length, analysis.shape[0], hop_length, &analysis[0], &synthesis[0])
        e.phase = phase_new(fft_length, analysis.shape[0], hop_length, &start_turns[0])
        e.limiter = limiter_new(e.n_segment, n_channels, float(outward.rate_out))
        e.channels = <Channel *> aedsp_alloc(n_channels * sizeof(Channel))
        e.incoming = ring_new(WAITING_MODELS, sizeof(LoadedModel *))
        e.retired = ring_new(WAITING_MODELS, sizeof(LoadedModel *))
        if (e.stft is NULL or e.phase is NULL or e.limiter is NULL or e.channels is NULL or e.incoming is NULL
                or e.retired is NULL):
            raise MemoryError
        self._allocate(inward, outward, timing)
        engine_reset(e)

    cdef int _allocate(self, Filter inward, Filter outward, timing) except -1:
        cdef EngineState *e = &self.state
        cdef Py_ssize_t bins = padded(e.stft.n_bins), window = padded(e.stft.window_length), c
        cdef Channel *ch
        e.bin_stride = bins
        e.heard = self._floats(3 * bins)
        e.advance_re, e.advance_im = e.heard + bins, e.heard + 2 * bins
        e.segment = self._floats(e.n_segment * e.n_channels)
        e.queue = self._floats(e.queue_capacity * e.n_channels)
        ratio_in, ratio_out = inward.rate_in / inward.rate_out, outward.rate_in / outward.rate_out
        for c in range(e.n_channels):
            ch = &e.channels[c]
            ch.frame = self._floats(2 * window + (4 + 3 * AEDSP_FRAMES) * bins)
            ch.sum = ch.frame + window
            ch.re, ch.im = ch.sum + window, ch.sum + window + bins
            ch.turn_re, ch.turn_im = ch.im + bins, ch.im + 2 * bins
            ch.unit_re = ch.turn_im + bins
            ch.unit_im = ch.unit_re + AEDSP_FRAMES * bins
            ch.magnitude = ch.unit_im + AEDSP_FRAMES * bins
            ch.inward = resampler_new(inward.filter, ratio_in.numerator, ratio_in.denominator, timing.inward_zeros, 0, e.chunk)
            ch.outward = resampler_new(outward.filter, ratio_out.numerator, ratio_out.denominator, timing.outward_zeros,
                                       timing.outward_part, e.stft.hop_length)
            if ch.inward is NULL or ch.outward is NULL:
                raise MemoryError
        return 0

    cdef float *_floats(self, Py_ssize_t n) except NULL:
        cdef float *p = <float *> aedsp_alloc(n * sizeof(float))
        if p is NULL:
            raise MemoryError(f"no memory for {n * 4 / 1e6:.0f} MB of audio state")
        return p

    def __dealloc__(self):
        cdef EngineState *e = &self.state
        cdef Py_ssize_t c
        if e.channels is not NULL:
            for c in range(e.n_channels):
                aedsp_free(e.channels[c].frame)
                resampler_free(e.channels[c].inward)
                resampler_free(e.channels[c].outward)
        aedsp_free(e.channels)
        ring_free(e.incoming)
        ring_free(e.retired)
        stft_free(e.stft)
        phase_free(e.phase)
        limiter_free(e.limiter)
        aedsp_free(e.heard)
        aedsp_free(e.segment)
        aedsp_free(e.queue)

    def process(self, const float[:, ::1] x, float[:, ::1] out not None):
        """Frames in, as many out, (n_frames, n_channels); `out` may be `x`; x None: no input. Releases the GIL."""
        cdef Py_ssize_t n = out.shape[0]
        if out.shape[1] != self.state.n_channels or (x is not None and (x.shape[0] != n or x.shape[1] != out.shape[1])):
            raise ValueError("x and out differ in shape, or from the engine's channels")
        if n == 0:
            return
        self._run(&x[0, 0] if x is not None else NULL, &out[0, 0], n)

    def process_mono(self, const float[::1] x not None, float[::1] out not None):
        """`process` for one channel, without the cost of a second axis."""
        if self.state.n_channels != 1 or x.shape[0] != out.shape[0]:
            raise ValueError("x and out differ in shape, or from the engine's channels")
        if x.shape[0]:
            self._run(&x[0], &out[0], x.shape[0])

    cdef int _run(self, const float *x, float *out, Py_ssize_t n) except -1:
        cdef Py_ssize_t size = n * self.state.n_channels
        if x is not NULL and x != out and x < out + size and out < x + size:
            raise ValueError("out overlaps x in part; give x itself or an array apart from it")
        self._enter()
        with nogil:
            engine_process(&self.state, x, out, n)
        self.busy = False
        return 0

    def time_blocks(self, const float[:, :, ::1] x not None):
        """Nanoseconds that each of the blocks (n_blocks, n_frames, n_channels) takes, int64 (n_blocks,)."""
        cdef Py_ssize_t i, n = x.shape[1]
        if x.shape[2] != self.state.n_channels or n == 0:
            raise ValueError(f"x has {x.shape[2]} channels and blocks of {n} frames; expected {self.state.n_channels} channels")
        cdef float[:, ::1] out = np.empty((n, x.shape[2]), np.float32)
        cdef long long[::1] taken = np.zeros(x.shape[0], np.int64)
        self._enter()
        with nogil:
            for i in range(x.shape[0]):
                taken[i] = clock_ns()
                engine_process(&self.state, &x[i, 0, 0], &out[0, 0], n)
                taken[i] = clock_ns() - taken[i]
        self.busy = False
        return np.asarray(taken)

    cdef int _enter(self) except -1:
        if self.busy:
            raise RuntimeError("the engine is processing in another thread; give each thread an engine of its own")
        self.busy = True
        return 0

    def reset(self):
        """Clears audio, phases, limiter and counters; keeps the controls."""
        self._enter()
        with nogil:
            engine_reset(&self.state)
        self.busy = False

    def swap(self, Loaded loaded not None):
        """Another model of the same front end, from the next hop on. Whether it could be handed over; see `Engine.swap`."""
        cdef LoadedModel *model = &loaded.model
        if model.n_fft_bins != self.state.stft.n_bins or model.n_channels != self.state.n_channels:
            raise ValueError(f"the model has {model.n_fft_bins} bins; expected {self.state.stft.n_bins}")
        self.collect()
        if not self.busy:
            self._take_waiting()
            self.models = {<size_t> model: loaded}
            self.state.loaded = model
            return True
        self.models[<size_t> model] = loaded
        if ring_write(self.state.incoming, &model, 1):
            return True
        del self.models[<size_t> model]
        return False

    def collect(self):
        """Drops the models that the audio thread has handed back."""
        cdef LoadedModel *model
        while ring_read(self.state.retired, &model, 1):
            self.models.pop(<size_t> model, None)

    def occupy(self):
        """A stream takes the engine: `process` and `reset` are refused until `release`."""
        self._enter()

    def release(self):
        """The stream is closed: models that were still under way are taken now."""
        self._take_waiting()
        self.busy = False

    cdef int _take_waiting(self) except -1:
        """With the hop at rest: the newest model plays, all others are dropped. Returns 1."""
        while ring_read(self.state.incoming, &self.state.loaded, 1):
            pass
        self.collect()
        self.models = {<size_t> self.state.loaded: self.models[<size_t> self.state.loaded]}
        return 1

    def code(self):
        """Activations of the last hop, before the player's hand: float32 (n_channels, n_code)."""
        cdef LoadedModel *m = self.state.loaded
        cdef float *newest = m.code + self.state.slot * m.n_channels * m.code_stride
        return np.array(<float[: m.n_channels, : m.code_stride]> newest)[:, : m.n_code]

    def counters(self):
        """(frames, hops, limited frames, refused samples) since the last reset."""
        return self.state.frames, self.state.hops, self.state.limiter.limited_frames, self.state.refused_samples

    def addresses(self):
        """(address of engine_process, address of the state): what a compiled caller needs."""
        return <size_t> &engine_process, <size_t> &self.state
