ctypedef struct Volume:
    float start, target           # factors: where the ramp began, and where it ends
    Py_ssize_t n_ramp, left       # frames of a whole ramp; frames until the target is reached

cdef void volume_start(Volume *volume, double sample_rate) noexcept nogil
cdef void volume_jump(Volume *volume, float target) noexcept nogil
cdef void volume_move(Volume *volume, float target) noexcept nogil
cdef void volume_run(Volume *volume, float *audio, Py_ssize_t n_frames, Py_ssize_t n_channels) noexcept nogil
