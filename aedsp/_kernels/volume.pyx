"""Volume of the output, with a linear ramp per frame to each new value.

Formula      out[n] = g[n] in[n], g[n] = start + (target - start) (n + 1) / n_ramp, then exactly target
Shapes       audio: n_frames x n_channels, interleaved; the same factor for all channels
Aliasing     in place
Alignment    any
Scaling      a factor; audio passes bit-identical at 1
Allocation   none
Sizes        any

A ramp lasts 10 ms. A new target during a ramp starts another from the factor reached. Positions count frames, so any
partition gives bit-identical output.
"""

import numpy as np

cdef double RAMP_S = 0.010


cdef void volume_start(Volume *volume, double sample_rate) noexcept nogil:
    """sample_rate in Hz."""
    volume.n_ramp = max(<Py_ssize_t> 1, <Py_ssize_t> (RAMP_S * sample_rate + 0.5))
    volume_jump(volume, 1)


cdef void volume_jump(Volume *volume, float target) noexcept nogil:
    """Be at a factor at once."""
    volume.start = volume.target = target
    volume.left = 0


cdef inline float _reached(const Volume *volume, Py_ssize_t left) noexcept nogil:
    """The factor with `left` frames of the ramp to go."""
    return <float> (volume.start + (<double> volume.target - volume.start) * (volume.n_ramp - left) / volume.n_ramp)


cdef void volume_move(Volume *volume, float target) noexcept nogil:
    """Begin a ramp to a factor, if it is a new one."""
    if target == volume.target:
        return
    volume.start = volume.target if volume.left == 0 else _reached(volume, volume.left)
    volume.target, volume.left = target, volume.n_ramp


cdef void volume_run(Volume *volume, float *audio, Py_ssize_t n_frames, Py_ssize_t n_channels) noexcept nogil:
    cdef Py_ssize_t i = 0, c
    cdef float factor
    while i < n_frames and volume.left:
        volume.left -= 1
        factor = _reached(volume, volume.left) if volume.left else volume.target
        for c in range(n_channels):
            audio[i * n_channels + c] *= factor
        i += 1
    if volume.target == 1:
        return
    factor = volume.target
    for i in range(i * n_channels, n_frames * n_channels):
        audio[i] *= factor


cdef class Fader:
    """Python wrapper. sample_rate in Hz."""

    cdef Volume volume

    def __cinit__(self, double sample_rate):
        volume_start(&self.volume, sample_rate)

    def jump(self, float target):
        volume_jump(&self.volume, target)

    def move(self, float target):
        volume_move(&self.volume, target)

    def run(self, float[:, ::1] audio not None):
        """Apply the volume to audio (n_frames, n_channels), in place."""
        if audio.shape[0] and audio.shape[1]:
            with nogil:
                volume_run(&self.volume, &audio[0, 0], audio.shape[0], audio.shape[1])
