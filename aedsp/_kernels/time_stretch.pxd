from aedsp._kernels.heap cimport Heap
from aedsp._kernels.stft cimport Stft

cdef enum:
    TIME_STRETCH_PUSHED = 1024    # maximum frames per push

ctypedef struct TimeStretch:
    Stft *stft
    Heap *heap
    Py_ssize_t n_channels, bins                # bins: padded length of a spectrum
    double stretch, pitch                      # duration and frequencies of the output relative to the source
    # the source: frames pushed and still needed
    float *history                             # n_channels x history_room
    Py_ssize_t history_room, n_history
    long long history_start                    # source frame number of the first one
    double at                                  # source frame at the middle of the next window
    long long aligned                          # hops since windows keep their own phases
    # the stretched source before resampling by `pitch`; windows are hop_length apart
    float *sum                                 # n_channels x window_length, overlap-add
    float *middle                              # n_channels x middle_room, finished
    Py_ssize_t middle_room, n_middle
    long long middle_start                     # frame number of the first one
    long long window_at                        # frame number at the middle of the next window
    double last_at, last_rate                  # of the newest window: source frame; source frames per frame
    long long read                             # read position of the output: whole frames, fraction
    double read_part
    float *taps                                # the interpolator, TAPS_A_UNIT per frame
    float *weights                             # scratch: taps of one output frame
    # one hop
    float *re                                  # spectra of all channels
    float *im
    float *turns                               # of the newest output window; state
    float *before                              # its magnitudes; state
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
