"""Peak limiter, on segments of a fixed number of frames.

Formula      out = gain · in, the same gain for all channels; per frame, gain <= 1 / peak if the peak is above 1.0;
             attack 1 ms ahead of such a frame within its segment, immediate at the segment's start;
             release by a constant step per frame, 150 ms from 0 to 1
Shapes       audio: n_frames x n_channels, interleaved
Aliasing     in place
Alignment    any
Scaling      none: bit-identical while no peak is above 1.0 and the gain is back at 1.0
Allocation   none after `limiter_new`
Sizes        n_frames >= 1, n_channels >= 1

Output never exceeds full scale: rounding errors above ±1.0 are clipped, NaN becomes 0.
"""

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, kernels

cdef double RELEASE_S = 0.150
cdef double ATTACK_S = 0.001


cdef Limiter *limiter_new(Py_ssize_t n_frames, Py_ssize_t n_channels, double sample_rate) noexcept nogil:
    """NULL if out of memory. sample_rate in Hz."""
    cdef Limiter *limiter = <Limiter *> aedsp_alloc(sizeof(Limiter))
    if limiter is NULL:
        return NULL
    limiter.memory = <float *> aedsp_alloc(2 * n_frames * sizeof(float))
    if limiter.memory is NULL:
        aedsp_free(limiter)
        return NULL
    limiter.gains, limiter.spare = limiter.memory, limiter.memory + n_frames
    limiter.n_frames, limiter.n_channels = n_frames, n_channels
    limiter.release = <float> min(1.0, 1 / (RELEASE_S * sample_rate))
    limiter.attack = <float> min(1.0, 1 / (ATTACK_S * sample_rate))
    limiter_reset(limiter)
    return limiter


cdef void limiter_free(Limiter *limiter) noexcept nogil:
    if limiter is not NULL:
        aedsp_free(limiter.memory)
        aedsp_free(limiter)


cdef void limiter_reset(Limiter *limiter) noexcept nogil:
    limiter.gain = 1
    limiter.limited_frames = 0


cdef void _lean(Limiter *limiter, float step, int direction) noexcept nogil:
    """Limit the slope: no gain exceeds that of an earlier (direction 1) or later (-1) frame by over `step` per frame.

    gain[i] = min over j of gain[j] + step |i - j|, by distances of 1, 2, 4, … frames: no serial dependency.
    """
    cdef Py_ssize_t apart = 1, n = limiter.n_frames
    while apart < n and step * apart < 1:                # gains are 0 to 1
        kernels.lean(limiter.gains, direction * apart, step * apart, limiter.spare, n)
        limiter.gains, limiter.spare = limiter.spare, limiter.gains
        apart *= 2


cdef void limit(Limiter *limiter, float *audio) noexcept nogil:
    cdef Py_ssize_t n = limiter.n_frames, channels = limiter.n_channels
    if limiter.gain == 1 and not kernels.exceeds(audio, 1, n * channels):
        return
    kernels.ceilings(audio, limiter.gains, n, channels)
    limiter.gains[0] = min(limiter.gains[0], limiter.gain + limiter.release)
    _lean(limiter, limiter.release, 1)                   # release; attack still immediate
    limiter.gain = limiter.gains[n - 1]
    _lean(limiter, limiter.attack, -1)                   # attack: look ahead within the segment
    limiter.limited_frames += kernels.limit(audio, limiter.gains, n, channels)


cdef class SegmentLimiter:
    """Python wrapper.

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
        """Frames with gain below 1 so far."""
        return self.limiter.limited_frames
