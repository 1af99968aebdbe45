"""Peak limiter, on segments of a fixed number of frames.

Formula      out = gain · in, the same gain for all channels; per frame, gain <= 1 / peak where the peak is above 1.0,
             it falls over 1 ms towards such a frame where that lies inside the segment, at once where it does not,
             and rises by a constant step per frame that takes 150 ms from 0 to 1
Shapes       audio: n_frames x n_channels, interleaved
Aliasing     in place
Alignment    any
Scaling      none: while no peak is above 1.0 and the gain is back at 1.0, the bits pass unchanged
Allocation   none after `limiter_new`
Sizes        n_frames >= 1, n_channels >= 1

Nothing above full scale ever leaves: what rounding leaves above ±1.0 is clipped, NaN becomes 0.
"""

from libc.math cimport fabsf

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels

cdef double RELEASE_S = 0.150
cdef double ATTACK_S = 0.001


cdef Limiter *limiter_new(Py_ssize_t n_frames, Py_ssize_t n_channels, double sample_rate) noexcept nogil:
    """NULL where there is no memory. sample_rate in Hz."""
    cdef Limiter *limiter = <Limiter *> aedsp_alloc(sizeof(Limiter))
    if limiter is NULL:
        return NULL
    limiter.envelope = <float *> aedsp_alloc(n_frames * sizeof(float))
    if limiter.envelope is NULL:
        aedsp_free(limiter)
        return NULL
    limiter.n_frames, limiter.n_channels = n_frames, n_channels
    limiter.release = <float> min(1.0, 1 / (RELEASE_S * sample_rate))
    limiter.attack = <float> min(1.0, 1 / (ATTACK_S * sample_rate))
    limiter_reset(limiter)
    return limiter


cdef void limiter_free(Limiter *limiter) noexcept nogil:
    if limiter is not NULL:
        aedsp_free(limiter.envelope)
        aedsp_free(limiter)


cdef void limiter_reset(Limiter *limiter) noexcept nogil:
    limiter.gain = 1
    limiter.limited_frames = 0


cdef inline float _peak(const float *frame, Py_ssize_t n_channels) noexcept nogil:
    cdef float peak = 0
    cdef Py_ssize_t c
    for c in range(n_channels):
        if not fabsf(frame[c]) <= peak:                  # NaN is the highest peak of all
            peak = fabsf(frame[c])
    return peak


cdef void limit(Limiter *limiter, float *audio) noexcept nogil:
    cdef Py_ssize_t i, n = limiter.n_frames, channels = limiter.n_channels
    cdef float *envelope = limiter.envelope
    cdef float peak, gain = limiter.gain
    if gain == 1 and not kernels.exceeds(audio, 1, n * channels):
        return
    for i in range(n):                                  # forward: release, and at once down where a peak demands it
        if gain < 1:
            gain += limiter.release
            if gain > 1:
                gain = 1
        peak = _peak(audio + i * channels, channels)
        if not peak * gain <= 1:
            gain = 1 / peak if peak > 1 else 0
        envelope[i] = gain
    limiter.gain = gain
    for i in range(n - 2, -1, -1):                      # backward: look ahead inside the segment
        if envelope[i] > envelope[i + 1] + limiter.attack:
            envelope[i] = envelope[i + 1] + limiter.attack
    limiter.limited_frames += kernels.limit(audio, envelope, n, channels)


cdef class SegmentLimiter:
    """The door for Python.

    Parameters
    ----------
    n_frames, n_channels : int
        Size of a segment.
    sample_rate : float
        Hz.
    """

    cdef Limiter *limiter

    def __cinit__(self, Py_ssize_t n_frames, Py_ssize_t n_channels, double sample_rate):
        if n_frames < 1 or n_channels < 1 or not sample_rate > 0:
            raise ValueError(f"segment of {n_frames} frames, {n_channels} channels, {sample_rate} Hz; expected all above 0")
        self.limiter = limiter_new(n_frames, n_channels, sample_rate)
        if self.limiter is NULL:
            raise MemoryError

    def __dealloc__(self):
        limiter_free(self.limiter)

    def limit(self, const float[:, ::1] segment not None):
        """A limited copy of one segment, float32 (n_frames, n_channels)."""
        if segment.shape[0] != self.limiter.n_frames or segment.shape[1] != self.limiter.n_channels:
            raise ValueError(
                f"segment has shape {(segment.shape[0], segment.shape[1])}; "
                f"expected {(self.limiter.n_frames, self.limiter.n_channels)}"
            )
        cdef float[:, ::1] out = np.array(segment, np.float32)
        with nogil:
            limit(self.limiter, &out[0, 0])
        return np.asarray(out)

    @property
    def limited_frames(self):
        """Frames whose gain was below 1 so far."""
        return self.limiter.limited_frames
