from aedsp._kernels._cpu cimport AEDSP_SPECTRA

ctypedef enum Activation:
    LINEAR
    SIGMOID
    RELU
    TANH

ctypedef enum Storage:       # in the order of the kernels' tables
    FLOAT32
    FLOAT16
    INT8

ctypedef struct DenseLayer:
    Py_ssize_t n_visible, n_hidden, n_output   # n_output: decoded values, n_visible without the older context spectra
    Py_ssize_t stride                          # padded row length; floats between the outputs of consecutive vectors
    Py_ssize_t row_bytes, turn_bytes           # of a row of weights, and of AEDSP_TURN of its numbers
    char *encoder                              # n_hidden rows of n_visible, in groups: see AEDSP_ROWS
    char *decoder                              # n_hidden rows of n_output; tied: the encoder's
    float *encoder_scale                       # n_hidden: weights = stored numbers of a row · scale
    float *decoder_scale
    float *encoder_bias
    float *decoder_bias
    float *hidden                              # activations of AEDSP_SPECTRA vectors, scratch
    float *output                              # decoded values of AEDSP_SPECTRA vectors, scratch
    Py_ssize_t hidden_stride                   # floats between the activations of consecutive vectors
    Activation encoder_activation, decoder_activation
    bint tied

ctypedef struct DenseStack:
    Py_ssize_t n_layers, n_code
    Storage storage
    DenseLayer *layers
    const void **rows                          # scratch: decoder rows to read, and their factors
    float *factors
    float *adjusted                            # scratch: codes with unit gains, AEDSP_SPECTRA of code_stride
    Py_ssize_t code_stride

ctypedef struct UnitGains:                     # for each unit
    const float *factor
    const float *override                      # NaN: no override
    const float *target
    float target_amount                        # 0: the target is not read

cdef DenseStack *stack_new(Py_ssize_t n_layers, Py_ssize_t widest, Py_ssize_t n_code) noexcept nogil
cdef void stack_free(DenseStack *stack) noexcept nogil
cdef void stack_encode(DenseStack *stack, const float **x, float **code, int n_spectra) noexcept nogil
cdef void stack_decode(DenseStack *stack, const float **code, const UnitGains *gains, int n_spectra,
                       bint neutral) noexcept nogil
cdef void stack_run(DenseStack *stack, const float **x, float **code, const UnitGains *gains, int n_spectra,
                    bint neutral) noexcept nogil
cdef float *stack_output(const DenseStack *stack, int which) noexcept nogil


cdef class Stack:
    cdef DenseStack *stack
    cdef int _set_layer(self, Py_ssize_t i, layer, dtype) except -1
