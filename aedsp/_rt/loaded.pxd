from aedsp._kernels.constant_q cimport BandSet
from aedsp._kernels.dense cimport DenseStack
from aedsp._kernels.preprocess cimport Step
from aedsp._rt.control cimport ControlSlots, ControlSnapshot

ctypedef struct LoadedModel:
    DenseStack *stack             # borrowed
    const Step *steps             # borrowed
    ControlSlots *controls        # borrowed
    const BandSet *bands          # borrowed; NULL: the model sees the bins themselves
    Py_ssize_t n_steps, n_context, n_code, n_bins, n_fft_bins, n_channels
    Py_ssize_t context_stride, code_stride
    bint primed                   # a hop of input was encoded
    float *adjusted               # n_code, scratch
    float *spectrum               # n_fft_bins, scratch, where there are bands
    float *context                # per channel: preprocessed spectra, n_context of n_bins each, oldest first
    float *code                   # per channel: activations of the last hop, n_code

cdef void loaded_reset(LoadedModel *m) noexcept nogil
cdef void loaded_encode(LoadedModel *m, Py_ssize_t channel, const float *magnitude) noexcept nogil
cdef void loaded_drive(LoadedModel *m, Py_ssize_t channel) noexcept nogil
cdef float *loaded_decode(LoadedModel *m, Py_ssize_t channel, const ControlSnapshot *controls) noexcept nogil


cdef class Loaded:
    cdef LoadedModel model
    cdef object owned
