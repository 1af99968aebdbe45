ctypedef enum Activation:
    LINEAR
    SIGMOID
    RELU
    TANH

ctypedef struct DenseLayer:
    Py_ssize_t n_visible, n_hidden, n_output   # n_output: decoded values, n_visible but for the oldest context spectra
    Py_ssize_t stride                          # floats from one weight row to the next
    float *encoder                             # n_hidden rows of n_visible
    float *encoder_bias
    float *decoder                             # n_hidden rows of n_output; tied: inside the encoder's rows
    float *decoder_bias
    float *hidden                              # activations, scratch
    float *output                              # decoded values, scratch
    Activation encoder_activation, decoder_activation

ctypedef struct DenseStack:
    Py_ssize_t n_layers, n_code
    DenseLayer *layers
    const float **rows                         # scratch: the decoder rows that are needed, and their factors
    float *factors

cdef DenseStack *stack_new(Py_ssize_t n_layers, Py_ssize_t widest) noexcept nogil
cdef void stack_free(DenseStack *stack) noexcept nogil
cdef float *stack_encode(DenseStack *stack, const float *x) noexcept nogil
cdef float *stack_decode(DenseStack *stack, const float *code) noexcept nogil
cdef void code_scale(const float *code, const float *factor, const float *override, float *adjusted,
                     Py_ssize_t n_code) noexcept nogil


cdef class Stack:
    cdef DenseStack *stack
    cdef int _set_layer(self, Py_ssize_t i, layer) except -1
