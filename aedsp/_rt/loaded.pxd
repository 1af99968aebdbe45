from aedsp._kernels.constant_q cimport BandSet
from aedsp._kernels.dense cimport DenseStack
from aedsp._kernels.preprocess cimport Step
from aedsp._rt.control cimport ControlSlots, ControlSnapshot, TripleBuffer
from aedsp._rt.recent cimport Recent

ctypedef struct LoadedModel:
    DenseStack *stack             # borrowed
    const Step *steps             # borrowed
    ControlSlots *controls        # borrowed
    const BandSet *bands          # borrowed; NULL: the model's input is the bins themselves
    Py_ssize_t n_steps, n_context, n_code, n_bins, n_fft_bins, n_channels
    Py_ssize_t context_stride, code_stride
    int n_decoded                 # spectra of the last run, before those with neutral controls
    bint primed                   # at least one hop of input was encoded
    Py_ssize_t n_ranks            # 0: no statistics of the activations
    float *ranks                  # percent, n_ranks
    float *percentiles            # n_ranks x n_code
    float *spectrum[2]            # n_fft_bins, scratch, for models with bands: with controls, with neutral ones
    float *context                # per spectrum: preprocessed spectra, n_context of n_bins each, oldest first
    float *code                   # per spectrum: activations, n_code
    float *published[3]           # the newest activations, n_channels x code_stride, for the control side
    TripleBuffer turn             # of `published`
    Recent recent                 # spectra and activations of the last seconds

cdef void loaded_reset(LoadedModel *m) noexcept nogil
cdef void loaded_feed(LoadedModel *m, Py_ssize_t spectrum, Py_ssize_t previous, const float *magnitude) noexcept nogil
cdef float *loaded_code(LoadedModel *m, Py_ssize_t spectrum) noexcept nogil
cdef void loaded_settle(LoadedModel *m, Py_ssize_t spectrum, Py_ssize_t newest) noexcept nogil
cdef void loaded_publish(LoadedModel *m, Py_ssize_t newest) noexcept nogil
cdef void loaded_run(LoadedModel *m, Py_ssize_t first, int n_spectra, const ControlSnapshot *controls, bint encodes,
                     bint decodes, bint neutral) noexcept nogil
cdef float *loaded_spectrum(LoadedModel *m, int which, bint neutral) noexcept nogil


cdef class Loaded:
    cdef LoadedModel model
    cdef object owned
