from aedsp._kernels.heap cimport Heap
from aedsp._kernels.stft cimport Stft

cdef enum:
    TIME_STRETCH_PUSHED = 1024    # most frames that come at once

ctypedef struct TimeStretch:
    Stft *stft
    Heap *heap
    Py_ssize_t n_channels, bins                # bins: room for one spectrum
    double stretch, pitch                      # duration of the output, its frequencies: times those of the source
    # the source: frames that came in and are still needed
    float *history                             # n_channels x history_room
    Py_ssize_t history_room, n_history
    long long history_start                    # which frame of the source the first one is
    double at                                  # the source frame in the middle of the next window
    long long aligned                          # hops since windows have their own phases
    # the stretched source, before it is read at another speed; windows stand hop_length apart
    float *sum                                 # n_channels x window_length, overlap-add
    float *middle                              # n_channels x middle_room, finished
    Py_ssize_t middle_room, n_middle
    long long middle_start                     # frame number of the first one
    long long window_at                        # frame number in the middle of the next window
    double last_at, last_rate                  # of the newest window: its source frame, source frames a frame
    long long read                             # where the output reads: whole frames and the rest
    double read_part
    float *taps                                # the interpolator, TAPS_A_UNIT a frame
    float *weights                             # scratch: those of one output frame
    # one hop
    float *re                                  # spectra of all channels
    float *im
    float *turns                               # of the newest window, as it went out; kept
    float *before                              # its magnitudes
    float *scratch                             # 10 spectra

cdef TimeStretch *time_stretch_new(Py_ssize_t n_channels, int fft_length, Py_ssize_t hop_length, const double *window,
                          const double *dual) noexcept nogil
cdef void time_stretch_free(TimeStretch *s) noexcept nogil
cdef void time_stretch_reset(TimeStretch *s) noexcept nogil
cdef void time_stretch_set(TimeStretch *s, double stretch, double pitch) noexcept nogil
cdef void time_stretch_note(TimeStretch *s, const float *x, Py_ssize_t n) noexcept nogil
cdef void time_stretch_begin(TimeStretch *s) noexcept nogil
cdef long long time_stretch_needed(const TimeStretch *s) noexcept nogil
cdef long long time_stretch_pushed(const TimeStretch *s) noexcept nogil
cdef Py_ssize_t time_stretch_push(TimeStretch *s, const float *x, Py_ssize_t n) noexcept nogil
cdef bint time_stretch_advance(TimeStretch *s) noexcept nogil
cdef Py_ssize_t time_stretch_pull(TimeStretch *s, float *out, Py_ssize_t n) noexcept nogil
cdef double time_stretch_position(const TimeStretch *s) noexcept nogil


cdef class TimeStretcher:
    cdef TimeStretch *stretch
