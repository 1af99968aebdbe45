"""The whole hop, and the frames around it: everything that the audio thread computes.

Knows no PortAudio and no Python: `engine_process` takes and gives interleaved frames, in any number, on one pre-allocated
state. Frames come in at the host's rate, are resampled to the model's, fill hops; each hop is analysed, encoded, scaled by
the player, decoded, synthesised; what is finished is resampled back, limited in segments of a fixed number of frames, and
waits in a queue until it is asked for. Positions are counted in samples and never in blocks, so that any partition of the
input gives the same bits. `Core` owns the memory; `aedsp.engine.Engine` is what users see.
"""

from libc.string cimport memcpy, memmove, memset

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_LOUDEST, aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.dense cimport Stack, code_scale, stack_decode, stack_encode
from aedsp._kernels.limiter cimport limit, limiter_free, limiter_new, limiter_reset
from aedsp._kernels.phase cimport PHASE_FLOOR, phase_advance, phase_free, phase_new, phase_run_on
from aedsp._kernels.preprocess cimport Chain, magnitude_clamp, preprocess_apply, preprocess_invert
from aedsp._kernels.resample cimport Filter, resample, resampler_free, resampler_new, resampler_reset, resampler_room
from aedsp._kernels.stft cimport stft_forward, stft_free, stft_inverse, stft_new
from aedsp._rt.control cimport ControlBuffer, ControlSnapshot, control_latest

cdef extern from "atomics.h":
    unsigned long long denormals_off() noexcept nogil
    void denormals_restore(unsigned long long before) noexcept nogil

cdef enum:
    CHUNK = 1024     # most frames taken in at once


cdef void _hop_channel(EngineState *e, Channel *ch, const ControlSnapshot *controls, bint has_input, bint advance,
                       float *out) noexcept nogil:
    """One hop of one channel: slide is done, `out` gets the hop_length samples that are finished."""
    cdef Py_ssize_t j, n_bins = e.stft.n_bins, older = (e.n_context - 1) * n_bins
    cdef float scale = e.stft.magnitude_scale
    cdef float *z
    stft_forward(e.stft, ch.frame, e.re, e.im)
    if kernels.polar(e.re, e.im, scale, PHASE_FLOOR, e.magnitude, ch.unit_re, ch.unit_im, n_bins):
        phase_run_on(e.phase, e.magnitude, ch.unit_re, ch.unit_im)
    memmove(ch.context, ch.context + n_bins, older * sizeof(float))
    memcpy(ch.context + older, e.magnitude, n_bins * sizeof(float))
    preprocess_apply(e.steps, e.n_steps, ch.context + older, n_bins)
    if has_input:
        memcpy(ch.code, stack_encode(e.stack, ch.context), e.n_code * sizeof(float))
    else:
        for j in range(e.n_code):
            ch.code[j] = 1
    if not controls.original:
        code_scale(ch.code, controls.factor, controls.override, e.adjusted, e.n_code)
        z = stack_decode(e.stack, e.adjusted)
        preprocess_invert(e.steps, e.n_steps, z, n_bins)
        magnitude_clamp(z, n_bins)
        if advance:
            kernels.turn(z, e.advance_re, e.advance_im, 1 / scale, e.re, e.im, n_bins)
        else:
            kernels.turn(z, ch.unit_re, ch.unit_im, 1 / scale, e.re, e.im, n_bins)
    stft_inverse(e.stft, e.re, e.im, ch.sum, out)


cdef void _hop(EngineState *e, bint has_input) noexcept nogil:
    cdef Py_ssize_t c, hop_length = e.stft.hop_length, rest = e.stft.window_length - hop_length
    cdef const ControlSnapshot *controls = control_latest(e.controls)
    cdef bint advance = e.phase_mode == PHASE_ADVANCE or (e.phase_mode == PHASE_AUTO and not has_input)
    cdef Channel *ch
    if advance:
        phase_advance(e.phase, e.hop, e.advance_re, e.advance_im)
    for c in range(e.n_channels):
        ch = &e.channels[c]
        _hop_channel(e, ch, controls, has_input, advance, resampler_room(ch.outward, hop_length))
        memmove(ch.frame, ch.frame + hop_length, rest * sizeof(float))
    e.hop += 1


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


cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil:
    """n_frames interleaved frames in and out. `out` may be `x`; x NULL: no input, the units are driven by 1."""
    cdef unsigned long long before = denormals_off()
    cdef Py_ssize_t taken = 0, given = 0, n, channels = e.n_channels
    while taken < n_frames:
        n = min(n_frames - taken, CHUNK)
        _take_in(e, x + taken * channels if x is not NULL else NULL, n)
        taken += n
        while _fill_hop(e):
            _hop(e, x is not NULL)
            _finish(e)
        n = min(taken - given, e.queue_end - e.queue_start)
        memcpy(out + given * channels, e.queue + e.queue_start * channels, n * channels * sizeof(float))
        e.queue_start += n
        given += n
    e.frames += n_frames
    denormals_restore(before)


cdef void engine_reset(EngineState *e) noexcept nogil:
    """As new, but for the controls."""
    cdef Py_ssize_t c, k, n_bins = e.stft.n_bins
    cdef Channel *ch
    for c in range(e.n_channels):
        ch = &e.channels[c]
        resampler_reset(ch.inward)
        resampler_reset(ch.outward)
        memset(ch.frame, 0, e.stft.window_length * sizeof(float))
        memset(ch.sum, 0, e.stft.window_length * sizeof(float))
        memset(ch.unit_im, 0, n_bins * sizeof(float))
        memset(ch.code, 0, e.n_code * sizeof(float))
        for k in range(n_bins):
            ch.unit_re[k] = 1
        for k in range(e.n_context):
            memset(ch.context + k * n_bins, 0, n_bins * sizeof(float))
            preprocess_apply(e.steps, e.n_steps, ch.context + k * n_bins, n_bins)
    limiter_reset(e.limiter)
    memset(e.queue, 0, e.queue_capacity * e.n_channels * sizeof(float))
    e.fill, e.segment_fill = e.first_fill, 0
    e.queue_start, e.queue_end = 0, e.queue_lead
    e.hop = e.frames = e.refused_samples = 0
    _finish(e)                                           # the silence in the resamplers, before the first hop is full


cdef class Core:
    """Owner of one engine state, and its door for Python.

    Parameters
    ----------
    stack, chain, controls : the model's weights, its preprocessing, the triple buffer; kept alive here
    inward, outward : Filter
        Between the host's rate and the model's.
    fft_length, hop_length : int
    analysis, synthesis : float64 (window_length,)
    start_turns : float64 (n_bins,)
        Start phases of `advance`.
    timing : aedsp.engine.Timing
        The numbers that make the latency exact.
    n_channels, n_context, n_code : int
    phase_mode : "auto", "source" or "advance"
    """

    def __cinit__(self, Stack stack not None, Chain chain not None, ControlBuffer controls not None, Filter inward not None,
                  Filter outward not None, int fft_length, Py_ssize_t hop_length, const double[::1] analysis not None,
                  const double[::1] synthesis not None, const double[::1] start_turns not None, timing,
                  Py_ssize_t n_channels, Py_ssize_t n_context, Py_ssize_t n_code, phase_mode):
        cdef EngineState *e = &self.state
        self.owned = (stack, chain, controls, inward, outward)
        e.stack, e.steps, e.n_steps, e.controls = stack.stack, chain.steps, chain.n_steps, &controls.slots
        e.n_channels, e.n_context, e.n_code = n_channels, n_context, n_code
        e.phase_mode = {"auto": PHASE_AUTO, "source": PHASE_SOURCE, "advance": PHASE_ADVANCE}[phase_mode]
        e.first_fill, e.n_segment, e.queue_lead = timing.first_fill, timing.segment_frames, timing.queue_lead
        e.queue_capacity = 2 * (timing.latency_frames + CHUNK + 2 * e.n_segment + timing.hop_frames)
        e.stft = stft_new(fft_length, analysis.shape[0], hop_length, &analysis[0], &synthesis[0])
        e.phase = phase_new(fft_length, hop_length, &start_turns[0])
        e.limiter = limiter_new(e.n_segment, n_channels, float(outward.rate_out))
        e.channels = <Channel *> aedsp_alloc(n_channels * sizeof(Channel))
        if e.stft is NULL or e.phase is NULL or e.limiter is NULL or e.channels is NULL:
            raise MemoryError
        self._allocate(inward, outward, timing)
        engine_reset(e)

    cdef int _allocate(self, Filter inward, Filter outward, timing) except -1:
        cdef EngineState *e = &self.state
        cdef Py_ssize_t bins = padded(e.stft.n_bins), window = padded(e.stft.window_length), code = padded(e.n_code), c
        cdef Py_ssize_t context = padded(e.n_context * e.stft.n_bins)
        cdef Channel *ch
        e.re = self._floats(5 * bins + code)
        e.im, e.magnitude, e.advance_re, e.advance_im = e.re + bins, e.re + 2 * bins, e.re + 3 * bins, e.re + 4 * bins
        e.adjusted = e.re + 5 * bins
        e.segment = self._floats(e.n_segment * e.n_channels)
        e.queue = self._floats(e.queue_capacity * e.n_channels)
        ratio_in, ratio_out = inward.rate_in / inward.rate_out, outward.rate_in / outward.rate_out
        for c in range(e.n_channels):
            ch = &e.channels[c]
            ch.frame = self._floats(2 * window + 2 * bins + context + code)
            ch.sum = ch.frame + window
            ch.unit_re = ch.sum + window
            ch.unit_im = ch.unit_re + bins
            ch.context = ch.unit_im + bins
            ch.code = ch.context + context
            ch.inward = resampler_new(inward.filter, ratio_in.numerator, ratio_in.denominator, timing.inward_zeros, 0, CHUNK)
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
        stft_free(e.stft)
        phase_free(e.phase)
        limiter_free(e.limiter)
        aedsp_free(e.re)
        aedsp_free(e.segment)
        aedsp_free(e.queue)

    def process(self, const float[:, ::1] x, float[:, ::1] out not None):
        """Frames in, as many out, (n_frames, n_channels); `out` may be `x`; x None: no input. Releases the GIL."""
        cdef Py_ssize_t n = out.shape[0]
        if out.shape[1] != self.state.n_channels or (x is not None and (x.shape[0] != n or x.shape[1] != out.shape[1])):
            raise ValueError("x and out differ in shape, or from the engine's channels")
        if n == 0:
            return
        cdef const float *source = NULL
        cdef float *target = &out[0, 0]
        if x is not None:
            source = &x[0, 0]
            if source != target and source < target + n * out.shape[1] and target < source + n * out.shape[1]:
                raise ValueError("out overlaps x in part; give x itself or an array apart from it")
        self._enter()
        try:
            with nogil:
                engine_process(&self.state, source, target, n)
        finally:
            self.busy = False

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

    def code(self):
        """Activations of the last hop, before the player's hand: float32 (n_channels, n_code)."""
        cdef Py_ssize_t c
        return np.array([np.asarray(<float[: self.state.n_code]> self.state.channels[c].code) for c in range(self.state.n_channels)])

    def counters(self):
        """(frames, hops, limited frames, refused samples) since the last reset."""
        return self.state.frames, self.state.hop, self.state.limiter.limited_frames, self.state.refused_samples

    def addresses(self):
        """(address of engine_process, address of the state): what a compiled caller needs."""
        return <size_t> &engine_process, <size_t> &self.state
