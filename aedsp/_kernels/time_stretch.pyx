"""Time-stretcher: a phase vocoder with variable stretch and pitch, streaming frame by frame.

Formula      Windows around source frame a, hop_length apart in the output, hop_length / (stretch · pitch) in the
             source. Z: the sum of all channels, each rotated by its share of half a turn, so that channels of opposite
             polarity do not cancel. Phases: from window to window, the phase advance of Z over the hop_length frames
             before a; from bin to bin, the phase difference of Z times stretch · pitch, to preserve attacks (the
             stretched signal's phases are the source's times the stretch); the loudest bins first (`heap.pyx`). All
             channels get the same rotation, which keeps their phase differences. A windowed sinc, band-limited for
             pitch > 1, resamples the result by `pitch`. At stretch = pitch = 1 windows keep their phases, and after
             window_length frames the output is bit-identical to the source
Shapes       x, out: frames of n_channels, interleaved
Aliasing     none
Alignment    any
Scaling      none
Allocation   none after `time_stretch_new`
Sizes        fft_length = window_length a power of two from 64, hop_length divides half of it; stretch 0.25 to 4, pitch 0.25 to 4

Output frame n is at source frame n / stretch, without latency: windows reach ahead into pushed frames.
Průša & Holighaus, "Phase vocoder done right" (2017); Puckette, "Phase-locked vocoder" (1995).
"""

from libc.math cimport M_PI, cos, fabs, floor, rint, rintf, sin, sqrt, sqrtf
from libc.string cimport memcpy, memmove, memset

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_LOUDEST, aedsp_alloc, aedsp_free, kernels, padded
from aedsp._kernels.heap cimport heap_free, heap_integrate, heap_new
from aedsp._kernels.phase cimport PHASE_FLOOR
from aedsp._kernels.stft cimport stft_forward, stft_free, stft_inverse, stft_new

cdef enum:
    HALF = 16            # zero crossings of the interpolator on each side
    TAPS_A_UNIT = 512
    HIGHEST = 4          # pitch
    GLIDE = 2048         # frames to glide back to a whole read position
cdef double KAISER = 9

#: Duration factor (also the range of the frequency factor); semitones.
STRETCH_RANGE, TRANSPOSE_RANGE = (0.25, 4.0), (-24.0, 24.0)
PUSHED = TIME_STRETCH_PUSHED


cdef double _bessel_i0(double x) noexcept nogil:
    cdef double term = 1, total = 1
    cdef int i
    for i in range(1, 60):
        term *= (x / (2 * i)) * (x / (2 * i))
        total += term
    return total


cdef TimeStretch *time_stretch_new(Py_ssize_t n_channels, int fft_length, Py_ssize_t hop_length, const double *window,
                          const double *dual) noexcept nogil:
    """window, dual: fft_length each. NULL if out of memory."""
    cdef TimeStretch *s = <TimeStretch *> aedsp_alloc(sizeof(TimeStretch))
    if s is NULL:
        return NULL
    cdef Py_ssize_t bins = padded(fft_length // 2 + 1), i
    cdef double t
    s.n_channels, s.bins = n_channels, bins
    s.history_room = 2 * (fft_length + hop_length + 2 * TIME_STRETCH_PUSHED)
    s.middle_room = 2 * (fft_length + 2 * (HALF + 1) * HIGHEST)
    s.stft = stft_new(fft_length, fft_length, fft_length, hop_length, window, dual)
    s.heap = heap_new(fft_length // 2 + 1)
    s.history = <float *> aedsp_alloc(n_channels * s.history_room * sizeof(float))
    s.sum = <float *> aedsp_alloc(n_channels * fft_length * sizeof(float))
    s.middle = <float *> aedsp_alloc(n_channels * s.middle_room * sizeof(float))
    s.taps = <float *> aedsp_alloc((HALF * TAPS_A_UNIT + 2 + padded(2 * (HALF + 1) * HIGHEST)) * sizeof(float))
    s.re = <float *> aedsp_alloc((2 * n_channels + 12) * bins * sizeof(float))
    if (s.stft is NULL or s.heap is NULL or s.history is NULL or s.sum is NULL or s.middle is NULL or s.taps is NULL
            or s.re is NULL):
        time_stretch_free(s)
        return NULL
    s.weights = s.taps + HALF * TAPS_A_UNIT + 2
    s.im = s.re + n_channels * bins
    s.turns = s.im + n_channels * bins
    s.before = s.turns + bins
    s.scratch = s.before + bins
    for i in range(HALF * TAPS_A_UNIT + 2):
        t = <double> i / TAPS_A_UNIT
        s.taps[i] = <float> ((sin(M_PI * t) / (M_PI * t) if i else 1) * _bessel_i0(
            KAISER * sqrt(max(0.0, 1 - t * t / (HALF * HALF)))) / _bessel_i0(KAISER))
    s.stretch = s.pitch = 1
    time_stretch_reset(s)
    return s


cdef void time_stretch_free(TimeStretch *s) noexcept nogil:
    if s is not NULL:
        stft_free(s.stft)
        heap_free(s.heap)
        aedsp_free(s.history)
        aedsp_free(s.sum)
        aedsp_free(s.middle)
        aedsp_free(s.taps)
        aedsp_free(s.re)
        aedsp_free(s)


cdef void time_stretch_reset(TimeStretch *s) noexcept nogil:
    """Restart with silence as history."""
    s.n_history = s.stft.window_length + s.stft.hop_length       # as far back as the first window reaches
    memset(s.history, 0, s.n_channels * s.history_room * sizeof(float))
    time_stretch_begin(s)


cdef void time_stretch_note(TimeStretch *s, const float *x, Py_ssize_t n) noexcept nogil:
    """While bypassed: note n source frames, at most TIME_STRETCH_PUSHED, as history for `time_stretch_begin`."""
    if s.n_history + n > s.history_room:
        _forget(s, s.n_history - s.stft.window_length - s.stft.hop_length)
    _append(s, x, n)


cdef void time_stretch_begin(TimeStretch *s) noexcept nogil:
    """Start: the next output frame is the next source frame, number 0 from now on."""
    cdef Py_ssize_t length = s.stft.window_length, hop = s.stft.hop_length, lead = length // 2
    _forget(s, s.n_history - length - hop)
    s.history_start = -s.n_history
    memset(s.sum, 0, s.n_channels * length * sizeof(float))
    memset(s.middle, 0, s.n_channels * s.middle_room * sizeof(float))
    memset(s.turns, 0, 2 * s.bins * sizeof(float))
    s.at = s.window_at = -lead
    s.last_at, s.last_rate = -lead - hop, 1
    s.aligned = length // hop
    s.middle_start, s.n_middle = -length, 0
    s.read, s.read_part = 0, 0


cdef void time_stretch_set(TimeStretch *s, double stretch, double pitch) noexcept nogil:
    """Set both, 0.25 to 4, from the next window on."""
    s.stretch, s.pitch = stretch, pitch


cdef void _forget(TimeStretch *s, Py_ssize_t n) noexcept nogil:
    """Drop the oldest n frames of the source."""
    cdef Py_ssize_t c
    for c in range(s.n_channels):
        memmove(s.history + c * s.history_room, s.history + c * s.history_room + n, (s.n_history - n) * sizeof(float))
    s.n_history -= n
    s.history_start += n


cdef Py_ssize_t _append(TimeStretch *s, const float *x, Py_ssize_t n) noexcept nogil:
    """Append n frames; invalid samples become 0. Returns how many were."""
    cdef Py_ssize_t c, refused = 0
    cdef float *room
    for c in range(s.n_channels):
        room = s.history + c * s.history_room + s.n_history
        if x is NULL:
            memset(room, 0, n * sizeof(float))
        else:
            refused += kernels.accept(x + c, s.n_channels, AEDSP_LOUDEST, room, n)
    s.n_history += n
    return refused


cdef Py_ssize_t _forgettable(const TimeStretch *s) noexcept nogil:
    """Frames that no window needs any more."""
    cdef long long needed = <long long> floor(s.at) - s.stft.window_length // 2 - s.stft.hop_length
    return <Py_ssize_t> min(<long long> s.n_history, max(<long long> 0, needed - s.history_start))


cdef Py_ssize_t time_stretch_push(TimeStretch *s, const float *x, Py_ssize_t n) noexcept nogil:
    """Push n source frames, at most TIME_STRETCH_PUSHED and at most twice the number needed; x NULL: silence.

    Drops frames that no window needs any more. Returns how many invalid samples became 0.
    """
    if s.n_history + n > s.history_room:
        _forget(s, _forgettable(s))
    return _append(s, x, n)


cdef long long time_stretch_pushed(const TimeStretch *s) noexcept nogil:
    """Source frames pushed since the start."""
    return s.history_start + s.n_history


cdef Py_ssize_t _reach(const TimeStretch *s) noexcept nogil:
    """Frames that the interpolator needs on each side."""
    return <Py_ssize_t> (HALF * (s.pitch if s.pitch > 1 else 1)) + 1


cdef bint _aligned(const TimeStretch *s, long long window_at) noexcept nogil:
    """Whether a window keeps its own phases: at stretch = pitch = 1, and the first ones."""
    return (s.stretch == 1 and s.pitch == 1) or window_at < 0


cdef double _rate_at(const TimeStretch *s, long long window_at) noexcept nogil:
    """Source frames per frame."""
    return 1 if _aligned(s, window_at) else 1 / (s.stretch * s.pitch)


cdef long long time_stretch_needed(const TimeStretch *s) noexcept nogil:
    """Source frames needed before the next output frame; 0 or less: none."""
    cdef long long missing = s.read + padded(2 * _reach(s)) - s.middle_start - s.n_middle, window_at = s.window_at
    cdef Py_ssize_t hop = s.stft.hop_length
    cdef double at = rint(s.at) if _aligned(s, window_at) else s.at
    if missing <= 0:
        return 0
    while missing > hop:
        at += hop * _rate_at(s, window_at)
        window_at += hop
        missing -= hop
    return <long long> rint(at) + s.stft.window_length // 2 - time_stretch_pushed(s)


cdef void _spectrum(TimeStretch *s, Py_ssize_t start, float *z_re, float *z_im, bint keep) noexcept nogil:
    """Z of the window that starts at history[start]; keep: store the channels' spectra in s.re, s.im."""
    cdef Py_ssize_t c, k, n = s.stft.n_bins
    cdef float *re = s.re
    cdef float *im = s.im
    cdef float turn_re, turn_im
    if not keep:
        re, im = s.scratch + 8 * s.bins, s.scratch + 9 * s.bins
    for c in range(s.n_channels):
        if keep:
            re, im = s.re + c * s.bins, s.im + c * s.bins
        stft_forward(s.stft, s.history + c * s.history_room + start, re, im)
        if c == 0:
            memcpy(z_re, re, n * sizeof(float))
            memcpy(z_im, im, n * sizeof(float))
            continue
        turn_re, turn_im = <float> cos(M_PI * c / s.n_channels), <float> sin(M_PI * c / s.n_channels)
        for k in range(n):
            z_re[k] += turn_re * re[k] - turn_im * im[k]
            z_im[k] += turn_re * im[k] + turn_im * re[k]


cdef void _turns_of(TimeStretch *s, double rate) noexcept nogil:
    """Turns of the next window, from those of the last; Z in scratch 0, 1 (now) and 2, 3 (one hop earlier)."""
    cdef Py_ssize_t k, n = s.stft.n_bins
    cdef float *re = s.scratch
    cdef float *im = s.scratch + s.bins
    cdef float *old_re = s.scratch + 2 * s.bins
    cdef float *old_im = s.scratch + 3 * s.bins
    cdef float *now = s.scratch + 4 * s.bins
    cdef float *own = s.scratch + 5 * s.bins
    cdef float *bin_step = s.scratch + 6 * s.bins
    cdef float *turns = s.scratch + 7 * s.bins
    cdef float *hop_step = s.scratch + 8 * s.bins
    cdef float step
    kernels.angles(re, im, own, padded(n))
    for k in range(n):
        now[k] = sqrtf(re[k] * re[k] + im[k] * im[k])
        own[k] += 0.5 * (k & 1)                                   # at the middle of the window
        turns[k] = own[k]
    if s.aligned == 0:
        kernels.angles(old_re, old_im, hop_step, padded(n))
        for k in range(n):
            hop_step[k] = own[k] - (hop_step[k] + 0.5 * (k & 1))
        for k in range(n - 1):
            step = own[k + 1] - own[k]
            bin_step[k] = (step - rintf(step)) / <float> rate
        heap_integrate(s.heap, now, s.before, s.turns, hop_step, bin_step, PHASE_FLOOR, turns)
    memcpy(s.before, now, n * sizeof(float))
    memcpy(s.turns, turns, n * sizeof(float))
    for k in range(n):
        turns[k] -= own[k]


cdef bint _next_window(TimeStretch *s) noexcept nogil:
    """Process one window to hop_length finished frames; False if more source frames are needed."""
    cdef Py_ssize_t length = s.stft.window_length, hop = s.stft.hop_length, n = s.stft.n_bins, c, start, k, past
    cdef bint aligned = _aligned(s, s.window_at)
    cdef double rate = _rate_at(s, s.window_at)
    cdef long long at
    cdef float *unit_re = s.scratch
    cdef float *unit_im = s.scratch + s.bins
    cdef float *turned_re = s.scratch + 2 * s.bins
    cdef float *turned_im = s.scratch + 3 * s.bins
    cdef float *out
    if aligned and s.aligned == 0:
        s.at = rint(s.at)
    at = <long long> rint(s.at)
    start = <Py_ssize_t> (at - length // 2 - s.history_start)
    if start + length > s.n_history:
        return False
    s.aligned = s.aligned + 1 if aligned else 0
    if s.n_middle + hop > s.middle_room:
        past = <Py_ssize_t> min(<long long> s.n_middle, max(<long long> 0, s.read - (HALF + 1) * HIGHEST - s.middle_start))
        for c in range(s.n_channels):
            memmove(s.middle + c * s.middle_room, s.middle + c * s.middle_room + past, (s.n_middle - past) * sizeof(float))
        s.n_middle -= past
        s.middle_start += past
    _spectrum(s, start, s.scratch, s.scratch + s.bins, True)
    if s.aligned == 0:
        _spectrum(s, start - hop, s.scratch + 2 * s.bins, s.scratch + 3 * s.bins, False)
    _turns_of(s, rate)
    kernels.phasors(s.scratch + 7 * s.bins, unit_re, unit_im, padded(n))
    for c in range(s.n_channels):
        for k in range(n):
            turned_re[k] = s.re[c * s.bins + k] * unit_re[k] - s.im[c * s.bins + k] * unit_im[k]
            turned_im[k] = s.re[c * s.bins + k] * unit_im[k] + s.im[c * s.bins + k] * unit_re[k]
        out = s.middle + c * s.middle_room + s.n_middle
        stft_inverse(s.stft, turned_re, turned_im, s.sum + c * length, out)
        if s.aligned > length // hop:                            # all overlapping windows keep their phases
            memcpy(out, s.history + c * s.history_room + start, hop * sizeof(float))
    s.n_middle += hop
    s.last_at, s.last_rate = s.at, rate
    s.at += hop * rate
    s.window_at += hop
    return True


cdef Py_ssize_t _weights(const TimeStretch *s, double part, double cut, float *weights) noexcept nogil:
    """Taps for a position `part` after a frame; returns how many frames before it they start."""
    cdef Py_ssize_t reach = _reach(s), j
    cdef double t
    cdef Py_ssize_t row
    for j in range(2 * reach):
        t = fabs((j - reach + 1 - part) * cut) * TAPS_A_UNIT
        row = <Py_ssize_t> t
        weights[j] = 0
        if row < HALF * TAPS_A_UNIT:
            weights[j] = <float> (cut * (s.taps[row] + (t - row) * (s.taps[row + 1] - s.taps[row])))
    for j in range(2 * reach, padded(2 * reach)):
        weights[j] = 0
    return reach - 1


cdef bint time_stretch_advance(TimeStretch *s) noexcept nogil:
    """Process the windows that the next output frame needs; False if more source frames are needed."""
    while s.read + padded(2 * _reach(s)) > s.middle_start + s.n_middle:
        if not _next_window(s):
            return False
    return True


cdef Py_ssize_t time_stretch_pull(TimeStretch *s, float *out, Py_ssize_t n) noexcept nogil:
    """Pull up to n frames; returns how many the source allowed. Push more for the rest."""
    cdef Py_ssize_t i = 0, c, before, reach, at
    cdef double cut, step
    while i < n:
        cut = 1 / s.pitch if s.pitch > 1 else 1
        reach = _reach(s)
        if not time_stretch_advance(s):
            return i
        at = <Py_ssize_t> (s.read - s.middle_start)
        if s.pitch == 1 and s.read_part == 0:
            for c in range(s.n_channels):
                out[i * s.n_channels + c] = s.middle[c * s.middle_room + at]
            s.read += 1
            i += 1
            continue
        before = _weights(s, s.read_part, cut, s.weights)
        for c in range(s.n_channels):
            out[i * s.n_channels + c] = kernels.dot(s.middle + c * s.middle_room + at - before, s.weights, padded(2 * reach))
        step = s.pitch
        if s.pitch == 1:
            step += min(1 - s.read_part, <double> 1 / GLIDE)
        s.read_part += step
        s.read += <long long> s.read_part
        s.read_part -= floor(s.read_part)
        i += 1
    return i


cdef double time_stretch_position(const TimeStretch *s) noexcept nogil:
    """Source frame of the next output frame."""
    return s.last_at + (s.read + s.read_part - (s.window_at - s.stft.hop_length)) * s.last_rate


cdef class TimeStretcher:
    """Python wrapper; owns one kernel's state. window, dual : float64 (fft_length,)"""

    def __cinit__(self, Py_ssize_t n_channels, int fft_length, Py_ssize_t hop_length, const double[::1] window not None,
                  const double[::1] dual not None):
        if fft_length < 64 or fft_length > 32768 or fft_length & (fft_length - 1) or not 1 <= n_channels <= 64:
            raise ValueError(f"fft_length, n_channels are {fft_length}, {n_channels}; expected a power of two from 64, 1 to 64")
        if hop_length < 1 or fft_length // 2 % hop_length or window.shape[0] != fft_length or dual.shape[0] != fft_length:
            raise ValueError(f"hop_length is {hop_length}; expected a divisor of {fft_length // 2}, and windows as long as the FFT")
        self.stretch = time_stretch_new(n_channels, fft_length, hop_length, &window[0], &dual[0])
        if self.stretch is NULL:
            raise MemoryError

    def __dealloc__(self):
        time_stretch_free(self.stretch)

    def set(self, double stretch, double pitch):
        """Set duration and frequencies of the output relative to the source; both 0.25 to 4."""
        least, most = STRETCH_RANGE
        if not (least <= stretch <= most and least <= pitch <= most):
            raise ValueError(f"stretch, pitch are {stretch}, {pitch}; expected {least:g} to {most:g}")
        time_stretch_set(self.stretch, stretch, pitch)

    def push(self, const float[:, ::1] x not None):
        """Push source frames (n, n_channels) when a pull needs more. Returns how many invalid samples became 0.

        ValueError: the buffer is full; pull first.
        """
        cdef Py_ssize_t refused = 0
        if x.shape[1] != self.stretch.n_channels or x.shape[0] > TIME_STRETCH_PUSHED:
            raise ValueError(f"x is ({x.shape[0]}, {x.shape[1]}); expected up to {TIME_STRETCH_PUSHED} frames of {self.stretch.n_channels}")
        if self.stretch.n_history - _forgettable(self.stretch) + x.shape[0] > self.stretch.history_room:
            raise ValueError("the source buffer is full; pull before pushing more")
        if x.shape[0]:
            with nogil:
                refused = time_stretch_push(self.stretch, &x[0, 0], x.shape[0])
        return refused

    def pull(self, Py_ssize_t n):
        """Up to n frames of output, float32 (frames, n_channels)."""
        cdef float[:, ::1] out = np.empty((n, self.stretch.n_channels), np.float32)
        cdef Py_ssize_t got = 0
        if n:
            with nogil:
                got = time_stretch_pull(self.stretch, &out[0, 0], n)
        return np.asarray(out)[:got]

    def reset(self):
        """Restart with silence as history."""
        time_stretch_reset(self.stretch)

    @property
    def position(self):
        """Source frame of the next output frame."""
        return time_stretch_position(self.stretch)
