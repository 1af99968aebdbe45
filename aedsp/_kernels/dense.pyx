"""The autoencoder in the hop: encode all layers, scale the code, decode all layers.

Formula      encode: y = s(W x + b_hid), Eq. 1; scale: y' = override where that is a number, else factor · y;
             decode: z = s(W' y' + b_vis), Eq. 2
Shapes       x: n_visible of layer 0, padded; code, factor, override: n_code; z: n_output of layer 0
Aliasing     x is only read; encode and decode return pointers into the stack's scratch
Alignment    any for x; the stack's own memory is aligned to 64 bytes
Scaling      none
Allocation   none after `Stack`
Sizes        1 to 65,536 units a layer, 1 to 32 layers

A decoder row whose factor is zero (a muted unit, a rectified unit at rest) is not read at all.
Weights are float32, a row for each hidden unit, encoder and decoder alike; tied layers hold them once.
Holds scratch memory: one Stack per thread.
"""

from libc.string cimport memcpy

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_ROWS, aedsp_alloc, aedsp_free, kernels, padded


cdef DenseStack *stack_new(Py_ssize_t n_layers, Py_ssize_t widest) noexcept nogil:
    """Room for the layers (their weights come from `Stack`); widest: most hidden units of any. NULL: no memory."""
    cdef DenseStack *stack = <DenseStack *> aedsp_alloc(sizeof(DenseStack))
    if stack is NULL:
        return NULL
    stack.n_layers = n_layers
    stack.layers = <DenseLayer *> aedsp_alloc(n_layers * sizeof(DenseLayer))
    stack.rows = <const float **> aedsp_alloc(widest * sizeof(float *))
    stack.factors = <float *> aedsp_alloc(widest * sizeof(float))
    if stack.layers is NULL or stack.rows is NULL or stack.factors is NULL:
        stack_free(stack)
        return NULL
    return stack


cdef void stack_free(DenseStack *stack) noexcept nogil:
    if stack is NULL:
        return
    cdef Py_ssize_t i
    if stack.layers is not NULL:
        for i in range(stack.n_layers):
            aedsp_free(stack.layers[i].encoder)       # one block holds all of a layer
    aedsp_free(stack.layers)
    aedsp_free(stack.rows)
    aedsp_free(stack.factors)
    aedsp_free(stack)


cdef inline void _activate(Activation activation, float *x, Py_ssize_t n) noexcept nogil:
    if activation == SIGMOID:
        kernels.sigmoid(x, padded(n))
    elif activation == RELU:
        kernels.relu(x, padded(n))
    elif activation == TANH:
        kernels.tanh(x, padded(n))


cdef inline void dense_encode(const DenseLayer *layer, const float *x) noexcept nogil:
    kernels.dense_forward(layer.encoder, layer.encoder_bias, x, layer.hidden, padded(layer.n_hidden), layer.stride)
    _activate(layer.encoder_activation, layer.hidden, layer.n_hidden)


cdef inline void dense_decode(DenseStack *stack, const DenseLayer *layer, const float *y) noexcept nogil:
    cdef Py_ssize_t j, n = 0
    for j in range(layer.n_hidden):
        if y[j] != 0:
            stack.rows[n] = layer.decoder + j * layer.stride
            stack.factors[n] = y[j]
            n += 1
    memcpy(layer.output, layer.decoder_bias, padded(layer.n_output) * sizeof(float))
    kernels.dense_accumulate(stack.rows, stack.factors, n, layer.output, padded(layer.n_output))
    _activate(layer.decoder_activation, layer.output, layer.n_output)


cdef float *stack_encode(DenseStack *stack, const float *x) noexcept nogil:
    """The code (n_code,) of one input, in the stack's own memory."""
    cdef Py_ssize_t i
    for i in range(stack.n_layers):
        dense_encode(&stack.layers[i], x)
        x = stack.layers[i].hidden
    return stack.layers[stack.n_layers - 1].hidden


cdef float *stack_decode(DenseStack *stack, const float *code) noexcept nogil:
    """The newest spectrum (n_output of layer 0) of one code, in the stack's own memory."""
    cdef Py_ssize_t i
    for i in range(stack.n_layers - 1, -1, -1):
        dense_decode(stack, &stack.layers[i], code)
        code = stack.layers[i].output
    return stack.layers[0].output


cdef void code_scale(const float *code, const float *factor, const float *override, float *adjusted,
                     Py_ssize_t n_code) noexcept nogil:
    """A factor of zero gives zero, whatever the activation."""
    cdef Py_ssize_t j
    cdef float v
    for j in range(n_code):
        v = code[j] * factor[j] if factor[j] != 0 else 0
        adjusted[j] = override[j] if override[j] == override[j] else v


cdef class Stack:
    """The door for Python, and the owner of the weights.

    Parameters
    ----------
    layers : sequence of tuples
        (encoder_weight (n_hidden, n_visible), encoder_bias, decoder_weight (n_visible, n_hidden) or None for tied,
        decoder_bias, encoder_activation, decoder_activation, context_spectra), float32, checked by `aedsp.Layer`.
    """

    def __cinit__(self, layers):
        self.stack = stack_new(len(layers), max(padded(layer[0].shape[0]) for layer in layers))
        if self.stack is NULL:
            raise MemoryError
        for i, layer in enumerate(layers):
            self._set_layer(i, layer)
        self.stack.n_code = self.stack.layers[len(layers) - 1].n_hidden

    def __dealloc__(self):
        stack_free(self.stack)

    cdef int _set_layer(self, Py_ssize_t i, layer) except -1:
        encoder_weight, encoder_bias, decoder_weight, decoder_bias, encoder_activation, decoder_activation, context = layer
        cdef DenseLayer *target = &self.stack.layers[i]
        cdef Py_ssize_t n_hidden = encoder_weight.shape[0], n_visible = encoder_weight.shape[1]
        cdef Py_ssize_t n_output = n_visible // context, hidden = padded(n_hidden), stride = padded(n_visible), older = n_visible - n_output
        cdef bint tied = decoder_weight is None
        cdef Py_ssize_t weights = hidden * stride, size = weights * (1 if tied else 2) + 2 * hidden + 2 * stride
        cdef float *memory = <float *> aedsp_alloc(size * sizeof(float))
        if memory is NULL:
            raise MemoryError(f"layer {i}: no memory for {size * 4 / 1e6:.0f} MB of weights")
        target.n_visible, target.n_hidden, target.n_output, target.stride = n_visible, n_hidden, n_output, stride
        target.encoder = memory
        target.encoder_bias = memory + weights
        target.hidden = target.encoder_bias + hidden
        target.decoder_bias = target.hidden + hidden
        target.output = target.decoder_bias + stride
        target.decoder = target.encoder + older if tied else target.output + stride
        target.encoder_activation = _ACTIVATIONS[encoder_activation]
        target.decoder_activation = _ACTIVATIONS[decoder_activation]
        np.asarray(<float[:hidden, :stride]> target.encoder)[:n_hidden, :n_visible] = encoder_weight
        np.asarray(<float[:n_hidden]> target.encoder_bias)[:] = encoder_bias
        np.asarray(<float[:n_output]> target.decoder_bias)[:] = decoder_bias[older:]
        if not tied:
            np.asarray(<float[:hidden, :stride]> target.decoder)[:n_hidden, :n_output] = decoder_weight[older:].T
        return 0

    def addresses(self):
        """(address of stack_encode, of stack_decode, of the stack): what a compiled caller needs."""
        return <size_t> &stack_encode, <size_t> &stack_decode, <size_t> self.stack

    def encode(self, const float[::1] x not None):
        """Code (n_code,) of one preprocessed input (n_visible,)."""
        cdef DenseLayer *first = &self.stack.layers[0]
        if x.shape[0] != first.n_visible:
            raise ValueError(f"x has {x.shape[0]} values; expected {first.n_visible}")
        cdef float[::1] room = np.zeros(first.stride, np.float32)
        room[: x.shape[0]] = x
        cdef float *code
        with nogil:
            code = stack_encode(self.stack, &room[0])
        return np.array(<float[: self.stack.n_code]> code)

    def decode(self, const float[::1] code not None, const float[::1] factor=None, const float[::1] override=None):
        """Newest preprocessed spectrum of one code (n_code,), scaled by `factor` or taken from `override`."""
        cdef Py_ssize_t n = self.stack.n_code
        factor = np.ones(n, np.float32) if factor is None else factor
        override = np.full(n, np.nan, np.float32) if override is None else override
        if code.shape[0] != n or factor.shape[0] != n or override.shape[0] != n:
            raise ValueError(f"code, factor, override have {code.shape[0]}, {factor.shape[0]}, {override.shape[0]} values; expected {n}")
        cdef float[::1] adjusted = np.empty(n, np.float32)
        cdef float *z
        with nogil:
            code_scale(&code[0], &factor[0], &override[0], &adjusted[0], n)
            z = stack_decode(self.stack, &adjusted[0])
        return np.array(<float[: self.stack.layers[0].n_output]> z)


_ACTIVATIONS = {"linear": LINEAR, "sigmoid": SIGMOID, "relu": RELU, "tanh": TANH}
