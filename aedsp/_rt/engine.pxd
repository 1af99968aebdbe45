from aedsp._kernels.dense cimport DenseStack
from aedsp._kernels.limiter cimport Limiter
from aedsp._kernels.phase cimport Phase
from aedsp._kernels.preprocess cimport Step
from aedsp._kernels.resample cimport Filter, Resampler
from aedsp._kernels.stft cimport Stft
from aedsp._rt.control cimport ControlSlots

ctypedef enum PhaseMode:
    PHASE_AUTO       # source while there is input, advance without
    PHASE_SOURCE
    PHASE_ADVANCE

ctypedef struct Channel:
    Resampler *inward     # host rate to model rate
    Resampler *outward    # model rate to host rate
    float *frame          # the newest window_length samples, the last `fill` of the hop being the newest
    float *sum            # overlap-add, window_length
    float *unit_re        # source phases, n_bins
    float *unit_im
    float *context        # preprocessed spectra, n_context of n_bins, oldest first
    float *code           # activations of the last hop, n_code

ctypedef struct EngineState:
    Stft *stft
    Phase *phase
    Limiter *limiter
    DenseStack *stack             # borrowed
    const Step *steps             # borrowed
    ControlSlots *controls        # borrowed
    Channel *channels
    Py_ssize_t n_steps, n_channels, n_context, n_code
    Py_ssize_t fill, first_fill   # model frames of the current hop that are in
    Py_ssize_t n_segment, segment_fill, queue_capacity, queue_start, queue_end, queue_lead
    PhaseMode phase_mode
    float *re                     # scratch, n_bins
    float *im
    float *magnitude
    float *advance_re
    float *advance_im
    float *adjusted               # n_code
    float *segment                # n_segment x n_channels, at the host's rate
    float *queue                  # finished frames, interleaved
    unsigned long long hop, frames, refused_samples

cdef void engine_reset(EngineState *e) noexcept nogil
cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil


cdef class Core:
    cdef EngineState state
    cdef object owned
    cdef bint busy
    cdef int _allocate(self, Filter inward, Filter outward, timing) except -1
    cdef float *_floats(self, Py_ssize_t n) except NULL
    cdef int _enter(self) except -1
