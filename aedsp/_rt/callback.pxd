from aedsp._rt.control cimport TripleBuffer
from aedsp._rt.player_state cimport PlayerState
from aedsp._rt.player cimport Player

cdef enum:
    LOAD_BINS = 64          # of the histogram: each 1/32 of the time available; the last holds everything above

ctypedef struct CallbackStatistics:
    unsigned long long callbacks, misses, late, odd_blocks
    unsigned long long load[LOAD_BINS]
    unsigned long long flags[5]              # FLAGS: underflow and overflow of input, of output; priming
    double worst_load, last_load             # time taken / time available
    long long worst_gap_ns, last_began_ns    # between the starts of two callbacks
    long long frames

ctypedef struct CallbackState:
    PlayerState *player
    Py_ssize_t n_in, n_out                   # the device's channels
    double sample_rate
    float *input                             # one step of the engine's channels
    float *output
    long long retired                        # atomic: output silence from now on
    CallbackStatistics statistics
    CallbackStatistics published[3]          # for the control side
    TripleBuffer turn                        # of `published`

cdef int stream_callback(const void *input, void *output, unsigned long n_frames, const void *time_info,
                         unsigned long flags, void *user) noexcept nogil


cdef class Callback:
    cdef CallbackState state
    cdef readonly Player player
    cdef object reading
    cdef CallbackStatistics _newest(self) except *
