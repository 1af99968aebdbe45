"""The Python object that owns one engine's memory. The processing is in `engine`."""

from libc.string cimport memcpy

import threading

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_SPECTRA, aedsp_alloc, aedsp_free, padded
from aedsp._kernels.limiter cimport limiter_free, limiter_new
from aedsp._kernels.phase cimport phase_free, phase_new
from aedsp._kernels.resample cimport Filter, resampler_copy, resampler_free, resampler_new
from aedsp._kernels.rtisi cimport rtisi_free, rtisi_new
from aedsp._kernels.stft cimport stft_free, stft_new
from aedsp._kernels.volume cimport volume_start
from aedsp._rt.control cimport control_latest, triple_start, triple_take
from aedsp._rt.drive cimport (
    DRIVE_CONSTANT, DRIVE_HOLD, DRIVE_ROWS, DRIVE_TYPICAL, DRIVE_WALK, DriveKind, DriveRequest, drive_change,
)
from aedsp._rt.engine cimport engine_codes, engine_process, engine_reset
from aedsp._rt.engine_state cimport CHUNK, Channel, EngineCounters, EngineState
from aedsp._rt.loaded cimport Loaded, LoadedModel
from aedsp._rt.hop cimport hop_adopt
from aedsp._rt.schedule cimport FROM_PYTHON, SCHEDULE_CAPACITY, Change, HopEnd, schedule_drop, schedule_free, schedule_new
from aedsp._rt.ring cimport ring_free, ring_new, ring_read, ring_write
from aedsp._rt.phase_synthesis cimport PHASE_ADVANCE, PHASE_PGHI, PHASE_SOURCE, PHASE_SPSI, phase_synthesis_begin, phase_synthesis_free

cdef extern from "atomics.h":
    long long clock_ns() noexcept nogil
    long long atomic_swap(long long *p, long long v) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil

cdef double FADE_S = 0.5  # fade-in of the drive
cdef enum:
    WAITING_MODELS = 8    # maximum models in transit to or from the hop
    WAITING_DRIVES = 64


cdef class EngineHandle:
    """One engine.

    Parameters
    ----------
    loaded : Loaded
        The model for the first hop.
    inward, outward : Filter
        Between host rate and model rate.
    front_end : aedsp.FrontEnd
    start_turns : float64 (n_bins,)
        Start phases of every phase mode but "source", in turns.
    timing : aedsp.engine.timing.Timing
        The numbers that make the latency exact.
    n_channels : int
    phases : aedsp.engine.phases.Phases
        Phase modes with and without input, and their parameters.
    """

    def __cinit__(self, Loaded loaded not None, Filter inward not None, Filter outward not None, front_end,
                  const double[::1] start_turns not None, timing, Py_ssize_t n_channels, phases):
        cdef EngineState *e = &self.state
        cdef const double[::1] analysis = front_end.analysis_window(), synthesis = front_end.synthesis_window()
        self.owned = (inward, outward)
        self.lock = threading.Lock()     # of the Python threads: swaps and readings take turns
        self.newest = loaded
        triple_start(&e.published.turn)
        self.models = {<size_t> &loaded.model: loaded}
        e.loaded = &loaded.model
        e.n_units = loaded.model.n_code
        e.controls = control_latest(e.loaded.controls)
        e.n_channels, e.latency_frames = n_channels, timing.latency_frames
        e.phases.with_input, e.phases.without = _MODES[phases.with_input], _MODES[phases.without]
        e.phases.look_ahead, e.phases.refine = phases.look_ahead, phases.refine
        e.first_fill, e.queue.n_segment, e.queue.lead = timing.first_fill, timing.segment_frames, timing.queue_lead
        e.chunk = max(CHUNK, AEDSP_SPECTRA * timing.hop_frames)
        e.queue.capacity = 2 * (timing.latency_frames + max(e.chunk, timing.block_frames) + 2 * e.queue.n_segment + timing.hop_frames)
        self.model_rate = float(inward.rate_out)
        e.concealment.host_frames_per_frame = float(inward.rate_in / inward.rate_out)
        e.concealment.reach = inward.half
        e.stft = stft_new(front_end.fft_length, front_end.window_length, front_end.reach_length, front_end.hop_length,
                          &analysis[0], &synthesis[0])
        e.phase = phase_new(front_end.fft_length, front_end.window_centre, front_end.hop_length, &start_turns[0])
        volume_start(&e.volume, float(outward.rate_out))
        e.limiter = limiter_new(e.queue.n_segment, n_channels, float(outward.rate_out))
        e.channels = <Channel *> aedsp_alloc(n_channels * sizeof(Channel))
        e.incoming = ring_new(WAITING_MODELS, sizeof(LoadedModel *))
        e.retired = ring_new(WAITING_MODELS, sizeof(LoadedModel *))
        ends = timing.hop_ends(front_end.hop_length)
        cdef HopEnd first, step
        first.whole, first.part = ends[0]
        step.whole, step.part = ends[1]
        e.schedule = schedule_new(first, step, ends[2], max(SCHEDULE_CAPACITY, 16 * loaded.model.n_code))
        e.drives = ring_new(WAITING_DRIVES, sizeof(DriveRequest))
        if (e.schedule is NULL or e.drives is NULL or e.stft is NULL or e.phase is NULL or e.limiter is NULL or e.channels is NULL or e.incoming is NULL
                or e.retired is NULL):
            raise MemoryError
        if e.phases.refine:
            e.rtisi = rtisi_new(e.stft)
            if e.rtisi is NULL:
                raise MemoryError
        self._allocate(inward, outward, timing, phases.gamma)
        engine_reset(e)
        self.set_drive("constant")

    cdef int _allocate(self, Filter inward, Filter outward, timing, double gamma) except -1:
        cdef EngineState *e = &self.state
        cdef Py_ssize_t bins = padded(e.stft.n_bins), window = padded(e.stft.window_length), c
        cdef Py_ssize_t reach = padded(e.stft.reach_length)
        cdef Channel *ch
        e.flight.bin_stride = bins
        e.heard = self._floats(3 * bins)
        e.mixed_re, e.mixed_im = e.heard + bins, e.heard + 2 * bins
        e.queue.segment = self._floats(e.queue.n_segment * e.n_channels)
        e.queue.frames = self._floats(e.queue.capacity * e.n_channels)
        ratio_in, ratio_out = inward.rate_in / inward.rate_out, outward.rate_in / outward.rate_out
        for c in range(e.n_channels):
            ch = &e.channels[c]
            ch.window = self._floats(2 * window + reach + (8 + 3 * AEDSP_SPECTRA) * bins)
            ch.past, ch.sum = ch.window + window, ch.window + 2 * window
            ch.re, ch.im = ch.sum + reach, ch.sum + reach + bins
            ch.turn_re, ch.turn_im = ch.im + bins, ch.im + 2 * bins
            ch.late_re, ch.late_im = ch.turn_im + bins, ch.turn_im + 2 * bins
            if not phase_synthesis_begin(&ch.synthesis, e.phase, ch.late_im + bins, gamma, e.phases.look_ahead):
                raise MemoryError
            ch.unit_re = ch.late_im + 3 * bins
            ch.unit_im = ch.unit_re + AEDSP_SPECTRA * bins
            ch.magnitude = ch.unit_im + AEDSP_SPECTRA * bins
            ch.inward = resampler_new(inward.filter, ratio_in.numerator, ratio_in.denominator, timing.inward_zeros, 0, e.chunk)
            ch.outward = resampler_new(outward.filter, ratio_out.numerator, ratio_out.denominator, timing.outward_zeros,
                                       timing.outward_part, e.stft.hop_length)
            if ch.inward is NULL or ch.outward is NULL:
                raise MemoryError
        return 0

    cdef float *_floats(self, Py_ssize_t n) except NULL:
        cdef float *p = <float *> aedsp_alloc(n * sizeof(float))
        if p is NULL:
            raise MemoryError(f"cannot allocate {n * 4 / 1e6:.0f} MB of audio state")
        return p

    def __dealloc__(self):
        cdef EngineState *e = &self.state
        cdef Py_ssize_t c
        if e.channels is not NULL:
            for c in range(e.n_channels):
                aedsp_free(e.channels[c].window)
                resampler_free(e.channels[c].inward)
                resampler_free(e.channels[c].outward)
                resampler_free(e.channels[c].cross_inward)
                aedsp_free(e.channels[c].cross_window)
                phase_synthesis_free(&e.channels[c].synthesis)
        aedsp_free(e.channels)
        ring_free(e.incoming)
        ring_free(e.drives)
        schedule_free(e.schedule)
        ring_free(e.retired)
        stft_free(e.stft)
        rtisi_free(e.rtisi)
        phase_free(e.phase)
        limiter_free(e.limiter)
        aedsp_free(e.heard)
        aedsp_free(e.cross)
        aedsp_free(e.queue.segment)
        aedsp_free(e.queue.frames)

    def process(self, const float[:, ::1] x, float[:, ::1] out not None, const float[:, ::1] phase_from=None,
                float[:, :, ::1] codes=None):
        """Process x into out, both (n_frames, n_channels); `out` may be `x`; x None: no input. Releases the GIL.

        phase_from: a second sound that supplies the phases, from the first call with one on (`_cross`).
        codes: (n, n_channels, n_code), receives the codes of the first n hops. Returns how many there were.
        """
        cdef Py_ssize_t n = out.shape[0], channels = out.shape[1]
        if channels != self.state.n_channels or (x is not None and (x.shape[0] != n or x.shape[1] != channels)):
            raise ValueError(f"x and out must have the same shape and the engine's {self.state.n_channels} channels")
        if phase_from is not None and (x is None or phase_from.shape[0] != n or phase_from.shape[1] != channels):
            raise ValueError("phase_from must have the shape of x and out")
        if n == 0:
            return 0
        if phase_from is not None:
            self._cross()
        if codes is None or codes.shape[0] == 0:
            self._run(&x[0, 0] if x is not None else NULL, &phase_from[0, 0] if phase_from is not None else NULL,
                      &out[0, 0], n, NULL, 0, 0)
            return 0
        if codes.shape[1] != channels:
            raise ValueError(f"codes has {codes.shape[1]} channels; expected {channels}")
        return self._run(&x[0, 0] if x is not None else NULL, &phase_from[0, 0] if phase_from is not None else NULL,
                         &out[0, 0], n, &codes[0, 0, 0], codes.shape[0], codes.shape[2])

    def process_mono(self, const float[::1] x not None, float[::1] out not None):
        """`process` for one channel, without the cost of a second axis."""
        if self.state.n_channels != 1 or x.shape[0] != out.shape[0]:
            raise ValueError("x and out must have the same length, and the engine one channel")
        if x.shape[0]:
            self._run(&x[0], NULL, &out[0], x.shape[0], NULL, 0, 0)

    cdef Py_ssize_t _run(self, const float *x, const float *y, float *out, Py_ssize_t n, float *codes, Py_ssize_t most,
                         Py_ssize_t n_code) except -1:
        cdef EngineState *e = &self.state
        cdef Py_ssize_t size = n * e.n_channels
        if x is not NULL and x != out and x < out + size and out < x + size:
            raise ValueError("out overlaps x in part; pass x itself or a separate array")
        if y is not NULL and y != out and y < out + size and out < y + size:
            raise ValueError("out overlaps phase_from in part; pass a separate array")
        self._enter()
        with nogil:
            most = engine_codes(e, x, y, out, n, codes, most, n_code)
        self._leave()
        return most

    cdef int _cross(self) except -1:
        """Take the phases from a second sound from the next hop on; its history so far is that of the first."""
        cdef EngineState *e = &self.state
        cdef Py_ssize_t c
        cdef Channel *ch
        if e.crossed:
            return 0
        self._enter()
        try:
            e.cross = self._floats(3 * e.flight.bin_stride)
            for c in range(e.n_channels):
                ch = &e.channels[c]
                ch.cross_window = self._floats(padded(e.stft.window_length))
                ch.cross_inward = resampler_new(ch.inward.filter, ch.inward.step, ch.inward.denominator, ch.inward.n_start,
                                                ch.inward.start_part, e.chunk)
                if ch.cross_inward is NULL:
                    raise MemoryError
                resampler_copy(ch.cross_inward, ch.inward)
                memcpy(ch.cross_window, ch.window, e.stft.window_length * sizeof(float))
            e.crossed = True
        finally:
            self._leave()
        return 0

    def time_blocks(self, const float[:, :, ::1] x not None):
        """Nanoseconds to process each block of x (n_blocks, n_frames, n_channels): int64 (n_blocks,)."""
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
        self._leave()
        return np.asarray(taken)

    cdef int _enter(self) except -1:
        if atomic_swap(&self.busy, 1) == 0:
            return 0
        with self.lock:                                       # a swap in another thread holds it for a moment
            if atomic_swap(&self.busy, 1) == 0:
                return 0
        if self.attached:
            raise RuntimeError("the engine plays in a stream, on another thread, or is lent to C; close that first, or make another Engine")
        raise RuntimeError("the engine is in use by another thread; make one Engine per thread")

    cdef int _leave(self) except -1:
        atomic_write(&self.busy, 0)
        return 0

    def reset(self):
        """Clear audio, phases, limiter and counters; keep the controls."""
        self._enter()
        with nogil:
            engine_reset(&self.state)
        self._leave()

    def swap(self, Loaded loaded not None):
        """Play another model of the same front end from the next hop on. False: queue full; see `Engine.swap`."""
        cdef LoadedModel *model = &loaded.model
        if model.n_fft_bins != self.state.stft.n_bins or model.n_channels != self.state.n_channels:
            raise ValueError(f"the model has {model.n_fft_bins} bins; expected {self.state.stft.n_bins}")
        with self.lock:
            self._free_retired()
            if atomic_swap(&self.busy, 1) == 0:
                self._take_waiting()
                hop_adopt(&self.state, model)
                self.models = {<size_t> model: loaded}
                self._leave()
            else:
                self.models[<size_t> model] = loaded
                if not ring_write(self.state.incoming, &model, 1):
                    del self.models[<size_t> model]
                    return False
            self.newest = loaded
            return True

    def free_retired(self):
        """Drop the models that the audio thread has returned."""
        with self.lock:
            self._free_retired()

    cdef int _free_retired(self) except -1:
        cdef LoadedModel *model
        while ring_read(self.state.retired, &model, 1):
            self.models.pop(<size_t> model, None)
        return 0

    def attach(self):
        """Reserve the engine for a stream: `process` and `reset` raise until `detach`."""
        self._enter()
        self.attached = True

    def detach(self):
        """Release the engine after the stream has closed, and take the models still in transit."""
        with self.lock:
            self._take_waiting()
            self.attached = False
            self._leave()

    cdef int _take_waiting(self) except -1:
        """While no hop runs, under the lock: take the newest model, drop all others."""
        cdef LoadedModel *model
        while ring_read(self.state.incoming, &model, 1):
            hop_adopt(&self.state, model)
        self._free_retired()
        self.models = {<size_t> self.state.loaded: self.models[<size_t> self.state.loaded]}
        return 0

    def code(self):
        """Activations of the last hop, before gains and overrides: float32 (n_channels, n_code)."""
        with self.lock:
            return self.newest.newest_code()

    def recent(self):
        """Of the last seconds: analysed (n,), magnitudes (n, n_fft_bins), codes before gains (n, n_code)."""
        with self.lock:
            return self.newest.recent()

    def counters(self):
        """Counts of all channels since the last reset, by name, as of the end of the last block."""
        self.lock.acquire()
        cdef EngineCounters counts = self._newest_counters()
        self.lock.release()
        return counts

    def schedule(self, const long long[::1] frames not None, const int[::1] controls not None, const int[::1] units not None,
                 const float[::1] values not None):
        """Send changes of controls (numbers of `control.CONTROLS`) at input frames. False: there is no room, none is sent."""
        cdef Py_ssize_t i, n = frames.shape[0]
        if not n == controls.shape[0] == units.shape[0] == values.shape[0]:
            raise ValueError("frames, controls, units and values differ in length")
        if n == 0:
            return True
        packed = np.zeros((n, sizeof(Change)), np.uint8)
        cdef unsigned char[:, ::1] raw = packed
        cdef Change *change
        for i in range(n):
            change = <Change *> &raw[i, 0]
            change.frame, change.control, change.unit, change.value = frames[i], controls[i], units[i], values[i]
        with self.lock:
            if self.n_scheduled + n - self._newest_counters().schedule_done > self.state.schedule.capacity:
                return False
            self.n_scheduled += n
            ring_write(self.state.schedule.asked[FROM_PYTHON], &raw[0, 0], n)
            return True

    def unschedule(self):
        """Drop the changes that wait, from the next block on; those from C too that are sorted in."""
        with self.lock:
            schedule_drop(self.state.schedule)

    @property
    def most_scheduled(self):
        """How many changes may wait."""
        return self.state.schedule.capacity

    cdef EngineCounters _newest_counters(self) except *:
        """Under the lock."""
        triple_take(&self.state.published.turn)
        return self.state.published.slot[self.state.published.turn.front]

    def set_drive(self, kind, float rank=50, double rate_hz=0, unsigned long long seed=0, const float[:, ::1] rows=None):
        """Set what activates the units without input; see `_rt/drive`. rows: (n, n_code), kept until the next call."""
        self._enter()
        try:
            with self.lock:
                self._take_waiting()
            self._set_drive(kind, rank, rate_hz, seed, rows)
        finally:
            self._leave()

    cdef DriveRequest _request(self, kind, float rank, double rate_hz, unsigned long long seed) except *:
        cdef DriveRequest request
        request.kind, request.rank, request.seed = <DriveKind> _DRIVES[kind], rank, seed
        request.walk_step = rate_hz * self.state.stft.hop_length / self.model_rate
        return request

    def request_drive(self, kind, float rank=50, double rate_hz=0, unsigned long long seed=0):
        """`set_drive` for an engine that plays, without rows: effective at the next hop. False: the queue is full."""
        cdef DriveRequest request = self._request(kind, rank, rate_hz, seed)
        with self.lock:
            return ring_write(self.state.drives, &request, 1) == 1

    cdef int _set_drive(self, kind, float rank, double rate_hz, unsigned long long seed, const float[:, ::1] rows) except -1:
        cdef EngineState *e = &self.state
        if rows is not None and (rows.shape[1] != e.loaded.n_code or rows.shape[0] == 0):
            raise ValueError(f"rows are {rows.shape[0]} x {rows.shape[1]}; expected at least one of {e.loaded.n_code}")
        cdef double hops_a_second = self.model_rate / e.stft.hop_length
        cdef DriveRequest waiting
        cdef DriveRequest request = self._request(kind, rank, rate_hz, seed)
        while ring_read(e.drives, &waiting, 1):                  # older than this one
            pass
        drive_change(&e.driver, &request)
        if rows is not None:
            e.driver.rows = &rows[0, 0]
            e.driver.n_rows, e.driver.row_length = rows.shape[0], rows.shape[1]
        e.driver.fade_hops = <unsigned long long> (FADE_S * hops_a_second + 0.5)
        self.rows = rows
        return 0


_MODES = {"source": PHASE_SOURCE, "advance": PHASE_ADVANCE, "spsi": PHASE_SPSI, "pghi": PHASE_PGHI}
_DRIVES = {"constant": DRIVE_CONSTANT, "typical": DRIVE_TYPICAL, "hold": DRIVE_HOLD, "walk": DRIVE_WALK, "rows": DRIVE_ROWS}
