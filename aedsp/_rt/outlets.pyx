"""What leaves a player besides the sound: recorder, taps, level and meters. Audio side."""

from libc.math cimport exp, fabsf
from libc.string cimport memcpy

from aedsp._rt.control cimport triple_publish
from aedsp._rt.engine cimport engine_publish
from aedsp._rt.engine_state cimport EngineState
from aedsp._rt.player_state cimport Meter, PlayerState
from aedsp._rt.ring cimport ring_write

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_change(long long *p, long long expected, long long v) noexcept nogil

cdef double PEAK_FALL = 2.3   # e-folds per second: 20 dB/s


cdef void _record(PlayerState *p, const float *out, Py_ssize_t n) noexcept nogil:
    cdef long long fitted
    if atomic_read(&p.recorder.on) == RECORDER_ARMED and not p.transport.halted:
        atomic_change(&p.recorder.on, RECORDER_ARMED, RECORDER_ON)   # from the first frame of the call that began to play
    if atomic_read(&p.recorder.on) == RECORDER_ON:
        fitted = ring_write(p.recorder.ring, out, n)
        p.recorder.frames += fitted
        p.recorder.dropped_frames += n - fitted


cdef void _measure(PlayerState *p, const float *out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef EngineState *e = p.engine
    cdef Meter *meter = &p.meters.slot[p.meters.turn.back]
    p.meters.peak *= <float> exp(-PEAK_FALL * n / p.sample_rate)
    for i in range(n * e.n_channels):
        p.meters.peak = max(p.meters.peak, fabsf(out[i]))
    meter.counters.underrun_frames, meter.counters.underruns = p.source.underrun_frames, p.source.underruns
    meter.counters.recorded_frames, meter.counters.dropped_frames = p.recorder.frames, p.recorder.dropped_frames
    meter.n_code, meter.frame, meter.peak = min(e.loaded.n_code, MOST_UNITS), p.frames, p.meters.peak
    memcpy(meter.code, e.loaded.code, meter.n_code * sizeof(float))
    memcpy(meter.original, e.channels[0].magnitude, e.stft.n_bins * sizeof(float))
    memcpy(meter.heard, e.heard, e.stft.n_bins * sizeof(float))
    triple_publish(&p.meters.turn)


cdef void outlets_take(PlayerState *p, const float *out, Py_ssize_t n) noexcept nogil:
    """n finished interleaved frames to everything that listens."""
    cdef Py_ssize_t i
    _record(p, out, n)
    for i in range(MOST_TAPS):
        if atomic_read(&p.taps[i].on):
            ring_write(p.taps[i].ring, out, n)                   # what does not fit is lost to the tap
    _measure(p, out, n)
    engine_publish(p.engine)
