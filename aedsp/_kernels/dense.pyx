"""The autoencoder in the hop: encode all layers, scale the code, decode all layers.

Formula      encode: y = s(W x + b_hid), Eq. 1; adjust: y' = override unless that is NaN, else
             factor · ((1 - a) y + a target), a being the target's amount; decode: z = s(W' y' + b_vis), Eq. 2;
             and, if wanted, z0 = s(W' y + b_vis) with neutral controls, in the same pass over the weights
Shapes       x: n_visible of layer 0, padded; code, factor, override: n_code; z: n_output of layer 0; up to AEDSP_SPECTRA of
             x, code and z at once, bit-identical to one by one
Aliasing     x is only read; z is in the stack's memory, valid until the next call
Alignment    any for x; the stack's memory is aligned to 64 bytes
Scaling      none
Allocation   none after `Stack`
Sizes        1 to 65,536 units per layer, 1 to 32 layers

One call reads the weights once for all its vectors. If the innermost layer is tied, one read also serves both encoding
and decoding: a few rows encode, then decode while still in the L1 cache. (With several context spectra the decoder has
its own rows.) A decoder row whose factors are all zero (a muted unit, an inactive ReLU) is not read at all.

Encoder and decoder weights have one row per hidden unit, as float32, half floats or signed bytes, in groups of rows
that are interleaved in memory (AEDSP_TURN in `simd/kernels.h`). Weights are a row's numbers times its scale; for half
floats a power of two, so that the largest uses the whole range (half floats below 2^-14, a row's largest being near
2^15, may count as 0). Holds scratch memory: one Stack per thread.
"""

from libc.string cimport memcpy, memset

import numpy as np

from aedsp._kernels._cpu cimport (
    AEDSP_SPECTRA, AEDSP_MANY_ROWS, AEDSP_ROWS, AEDSP_TURN, aedsp_alloc, aedsp_free, kernels, padded,
)


cdef DenseStack *stack_new(Py_ssize_t n_layers, Py_ssize_t widest, Py_ssize_t n_code) noexcept nogil:
    """Memory for the layers (`Stack` sets the weights); widest: most hidden units in a layer. NULL if out of memory."""
    cdef DenseStack *stack = <DenseStack *> aedsp_alloc(sizeof(DenseStack))
    if stack is NULL:
        return NULL
    stack.n_layers, stack.n_code, stack.code_stride = n_layers, n_code, padded(n_code)
    stack.layers = <DenseLayer *> aedsp_alloc(n_layers * sizeof(DenseLayer))
    stack.rows = <const void **> aedsp_alloc(widest * sizeof(void *))
    stack.factors = <float *> aedsp_alloc(AEDSP_SPECTRA * widest * sizeof(float))
    stack.adjusted = <float *> aedsp_alloc(AEDSP_SPECTRA * stack.code_stride * sizeof(float))
    if stack.layers is NULL or stack.rows is NULL or stack.factors is NULL or stack.adjusted is NULL:
        stack_free(stack)
        return NULL
    return stack


cdef void stack_free(DenseStack *stack) noexcept nogil:
    if stack is NULL:
        return
    cdef Py_ssize_t i
    if stack.layers is not NULL:
        for i in range(stack.n_layers):
            aedsp_free(stack.layers[i].encoder)       # one block holds a whole layer
    aedsp_free(stack.layers)
    aedsp_free(stack.rows)
    aedsp_free(stack.factors)
    aedsp_free(stack.adjusted)
    aedsp_free(stack)


cdef inline Py_ssize_t _whole_groups(Py_ssize_t n_rows) noexcept nogil:
    return (n_rows + AEDSP_ROWS - 1) // AEDSP_ROWS * AEDSP_ROWS


cdef inline void _activate(Activation activation, float *x, Py_ssize_t n) noexcept nogil:
    if activation == SIGMOID:
        kernels.sigmoid(x, padded(n))
    elif activation == RELU:
        kernels.relu(x, padded(n))
    elif activation == TANH:
        kernels.tanh(x, padded(n))


cdef inline void _encode_rows(const DenseStack *stack, const DenseLayer *layer, const float **x, Py_ssize_t first,
                              Py_ssize_t n, int n_spectra) noexcept nogil:
    """Encode hidden units `first` to `first + n`, both multiples of AEDSP_ROWS."""
    cdef float *y[AEDSP_SPECTRA]
    cdef int f
    for f in range(n_spectra):
        y[f] = layer.hidden + f * layer.hidden_stride + first
    kernels.dense_forward[<int> stack.storage](layer.encoder + first * layer.row_bytes, layer.encoder_scale + first,
                                         layer.encoder_bias + first, x, y, n, layer.stride, n_spectra)
    for f in range(n_spectra):
        _activate(layer.encoder_activation, y[f], n)


cdef inline void _begin_output(const DenseLayer *layer, float **z, int n_spectra) noexcept nogil:
    cdef int f
    for f in range(n_spectra):
        z[f] = layer.output + f * layer.stride
        memcpy(z[f], layer.decoder_bias, padded(layer.n_output) * sizeof(float))


cdef inline void _decode_rows(DenseStack *stack, const DenseLayer *layer, const float **y, Py_ssize_t first, Py_ssize_t stop,
                              float **z, int n_spectra) noexcept nogil:
    """Add hidden units `first` to `stop` to the sums z, skipping those at 0."""
    cdef Py_ssize_t j, n = 0
    cdef int f
    cdef bint needed
    cdef float *factors = stack.factors
    for j in range(first, stop):
        needed = False
        for f in range(n_spectra):
            factors[f] = y[f][j] * layer.decoder_scale[j]
            needed |= factors[f] != 0
        if needed:
            stack.rows[n] = layer.decoder + j // AEDSP_ROWS * AEDSP_ROWS * layer.row_bytes + j % AEDSP_ROWS * layer.turn_bytes
            factors += n_spectra
            n += 1
    while n % AEDSP_ROWS:                                # padding rows, factor 0
        stack.rows[n] = stack.rows[0]
        memset(factors, 0, n_spectra * sizeof(float))
        factors += n_spectra
        n += 1
    kernels.dense_accumulate[<int> stack.storage](stack.rows, stack.factors, n, z, padded(layer.n_output), n_spectra)


cdef inline void _adjust(const DenseStack *stack, const UnitGains *gains, const float *code, float *adjusted, Py_ssize_t first,
                         Py_ssize_t stop) noexcept nogil:
    """Apply target and unit gains. A factor of zero gives zero, even for NaN or infinity."""
    cdef Py_ssize_t j
    cdef float v, amount = gains.target_amount
    for j in range(first, stop):
        v = code[j]
        if amount != 0:
            v = (1 - amount) * v + amount * gains.target[j] if amount < 1 else gains.target[j]
        v = v * gains.factor[j] if gains.factor[j] != 0 else 0
        adjusted[j] = gains.override[j] if gains.override[j] == gains.override[j] else v


cdef void _encode_to(DenseStack *stack, const float **x, const float **top, Py_ssize_t n_layers, int n_spectra) noexcept nogil:
    """Encode through the first n_layers layers; top: their output, in the layers' memory."""
    cdef Py_ssize_t i
    cdef int f
    cdef DenseLayer *layer
    for f in range(n_spectra):
        top[f] = x[f]
    for i in range(n_layers):
        layer = &stack.layers[i]
        _encode_rows(stack, layer, top, 0, _whole_groups(layer.n_hidden), n_spectra)
        for f in range(n_spectra):
            top[f] = layer.hidden + f * layer.hidden_stride


cdef void _decode_from(DenseStack *stack, const float **y, Py_ssize_t n_layers, int n_spectra) noexcept nogil:
    """Decode through the first n_layers layers, from the innermost outwards."""
    cdef Py_ssize_t i
    cdef int f
    cdef DenseLayer *layer
    cdef float *z[AEDSP_SPECTRA]
    cdef const float *code[AEDSP_SPECTRA]
    for f in range(n_spectra):
        code[f] = y[f]
    for i in range(n_layers - 1, -1, -1):
        layer = &stack.layers[i]
        _begin_output(layer, z, n_spectra)
        _decode_rows(stack, layer, code, 0, layer.n_hidden, z, n_spectra)
        for f in range(n_spectra):
            _activate(layer.decoder_activation, z[f], layer.n_output)
            code[f] = z[f]


cdef void stack_encode(DenseStack *stack, const float **x, float **code, int n_spectra) noexcept nogil:
    """Codes (n_code,) of n_spectra inputs."""
    cdef const float *top[AEDSP_SPECTRA]
    cdef int f
    _encode_to(stack, x, top, stack.n_layers, n_spectra)
    for f in range(n_spectra):
        memcpy(code[f], top[f], stack.n_code * sizeof(float))


cdef void stack_decode(DenseStack *stack, const float **code, const UnitGains *gains, int n_spectra,
                       bint neutral) noexcept nogil:
    """Newest spectra of n_spectra codes with unit gains, at `stack_output`; neutral: then those without, as many again.

    With `neutral`, n_spectra is at most AEDSP_SPECTRA / 2.
    """
    cdef const float *adjusted[AEDSP_SPECTRA]
    cdef int f
    for f in range(n_spectra):
        adjusted[f] = stack.adjusted + f * stack.code_stride
        _adjust(stack, gains, code[f], stack.adjusted + f * stack.code_stride, 0, stack.n_code)
        if neutral:
            adjusted[n_spectra + f] = code[f]
    _decode_from(stack, adjusted, stack.n_layers, 2 * n_spectra if neutral else n_spectra)


cdef void stack_run(DenseStack *stack, const float **x, float **code, const UnitGains *gains, int n_spectra,
                    bint neutral) noexcept nogil:
    """Encode and decode; the codes are those before gains and overrides. neutral: as in `stack_decode`."""
    cdef DenseLayer *layer = &stack.layers[stack.n_layers - 1]
    if not layer.tied:
        stack_encode(stack, x, code, n_spectra)
        stack_decode(stack, <const float **> code, gains, n_spectra, neutral)
        return
    cdef const float *below[AEDSP_SPECTRA]
    cdef const float *adjusted[AEDSP_SPECTRA]
    cdef float *z[AEDSP_SPECTRA]
    cdef int f, n_decoded = 2 * n_spectra if neutral else n_spectra
    cdef Py_ssize_t j = 0, stop, at_once = AEDSP_MANY_ROWS if n_decoded > 2 else AEDSP_ROWS
    _encode_to(stack, x, below, stack.n_layers - 1, n_spectra)
    _begin_output(layer, z, n_decoded)
    for f in range(n_spectra):
        adjusted[f] = stack.adjusted + f * stack.code_stride
    for f in range(n_spectra, n_decoded):
        adjusted[f] = layer.hidden + (f - n_spectra) * layer.hidden_stride
    while j < stack.n_code:
        stop = min(j + at_once, stack.n_code)
        _encode_rows(stack, layer, below, j, _whole_groups(stop - j), n_spectra)
        for f in range(n_spectra):
            _adjust(stack, gains, layer.hidden + f * layer.hidden_stride, stack.adjusted + f * stack.code_stride, j, stop)
        _decode_rows(stack, layer, adjusted, j, stop, z, n_decoded)
        j = stop
    for f in range(n_spectra):
        memcpy(code[f], layer.hidden + f * layer.hidden_stride, stack.n_code * sizeof(float))
    for f in range(n_decoded):
        _activate(layer.decoder_activation, z[f], layer.n_output)
        adjusted[f] = z[f]
    _decode_from(stack, adjusted, stack.n_layers - 1, n_decoded)


cdef float *stack_output(const DenseStack *stack, int which) noexcept nogil:
    """The newest spectrum (n_output of layer 0) of vector number `which` in the last call."""
    return stack.layers[0].output + which * stack.layers[0].stride


def stored(weight, dtype):
    """Float weights (n, m) stored as `dtype`: (numbers (n, m), scale of each row (n,))."""
    largest = np.abs(weight).max(axis=1, initial=0)
    if dtype == np.float16:  # a row's largest number becomes 2^14 .. 2^15, so that small ones keep their precision
        scale = np.exp2(np.frexp(largest)[1] - 15.0)
    elif dtype == np.int8:
        scale = largest / 127.0
    else:
        return weight, np.ones(len(weight), np.float32)
    scale = np.where(largest > 0, scale, 1).astype(np.float32)
    numbers = weight / scale[:, None]
    return (np.rint(numbers) if dtype == np.int8 else numbers).astype(dtype), scale


def _in_groups(memory, numbers, Py_ssize_t stride):
    """Write rows of numbers to zeroed memory, each row `stride` long, in the order described at AEDSP_ROWS."""
    n, m = numbers.shape
    rows = np.zeros((memory.size // numbers.itemsize // stride, stride), numbers.dtype)
    rows[:n, :m] = numbers
    turns = memory.view(numbers.dtype).reshape(-1, stride // AEDSP_TURN, AEDSP_ROWS, AEDSP_TURN)
    turns[:] = rows.reshape(-1, AEDSP_ROWS, stride // AEDSP_TURN, AEDSP_TURN).swapaxes(1, 2)


cdef class Stack:
    """Python wrapper; owns the weights.

    Parameters
    ----------
    layers : sequence of tuples
        (encoder_weight (n_hidden, n_visible), encoder_bias, decoder_weight (n_visible, n_hidden) or None for tied,
        decoder_bias, encoder_activation, decoder_activation, context_spectra), float32, checked by `aedsp.Layer`.
    precision : "float32", "float16" or "int8"
        How the weights are stored.
    """

    def __cinit__(self, layers, precision="float32"):
        self.stack = stack_new(len(layers), max(padded(layer[0].shape[0]) for layer in layers), layers[len(layers) - 1][0].shape[0])
        if self.stack is NULL:
            raise MemoryError
        self.stack.storage = {"float32": FLOAT32, "float16": FLOAT16, "int8": INT8}[precision]
        for i, layer in enumerate(layers):
            self._set_layer(i, layer, np.dtype(precision))

    def __dealloc__(self):
        stack_free(self.stack)

    cdef int _set_layer(self, Py_ssize_t i, layer, dtype) except -1:
        encoder_weight, encoder_bias, decoder_weight, decoder_bias, encoder_activation, decoder_activation, context = layer
        cdef DenseLayer *target = &self.stack.layers[i]
        cdef Py_ssize_t n_hidden = encoder_weight.shape[0], n_visible = encoder_weight.shape[1]
        cdef Py_ssize_t n_output = n_visible // context, hidden = padded(n_hidden), stride = padded(n_visible), older = n_visible - n_output
        cdef bint tied = decoder_weight is None and context == 1    # the decoder skips the older context spectra
        cdef Py_ssize_t row = (stride + AEDSP_TURN - 1) // AEDSP_TURN * AEDSP_TURN
        cdef Py_ssize_t item_bytes = dtype.itemsize, row_bytes = row * item_bytes, weights = hidden * row_bytes
        # + AEDSP_ROWS: the last group may write past the activations
        cdef Py_ssize_t floats = 3 * hidden + stride + AEDSP_SPECTRA * (hidden + AEDSP_ROWS + stride)
        cdef Py_ssize_t size = weights * (1 if tied else 2) + floats * sizeof(float)
        cdef char *memory = <char *> aedsp_alloc(size)
        if memory is NULL:
            raise MemoryError(f"layer {i}: cannot allocate {size / 1e6:.0f} MB of weights")
        target.n_visible, target.n_hidden, target.n_output, target.stride = n_visible, n_hidden, n_output, stride
        target.row_bytes, target.turn_bytes = row_bytes, AEDSP_TURN * item_bytes
        target.tied, target.hidden_stride = tied, hidden + AEDSP_ROWS
        target.encoder = memory
        target.decoder = memory + (0 if tied else weights)
        target.encoder_bias = <float *> (memory + weights * (1 if tied else 2))
        target.encoder_scale = target.encoder_bias + hidden
        target.decoder_scale = target.encoder_scale + hidden
        target.decoder_bias = target.decoder_scale + hidden
        target.output = target.decoder_bias + stride
        target.hidden = target.output + AEDSP_SPECTRA * stride
        target.encoder_activation = _ACTIVATIONS[encoder_activation]
        target.decoder_activation = _ACTIVATIONS[decoder_activation]
        np.asarray(<float[:n_hidden]> target.encoder_bias)[:] = encoder_bias
        np.asarray(<float[:n_output]> target.decoder_bias)[:] = decoder_bias[older:]
        numbers, scale = stored(encoder_weight, dtype)
        _in_groups(np.asarray(<char[:weights]> target.encoder), numbers, row)
        np.asarray(<float[:n_hidden]> target.encoder_scale)[:] = scale
        if not tied:
            decoder_weight = encoder_weight.T if decoder_weight is None else decoder_weight
            numbers, scale = stored(np.ascontiguousarray(decoder_weight[older:].T), dtype)
            _in_groups(np.asarray(<char[:weights]> target.decoder), numbers, row)
        np.asarray(<float[:n_hidden]> target.decoder_scale)[:] = scale
        return 0

    def addresses(self):
        """(address of stack_run, of the stack), for a compiled caller."""
        return <size_t> &stack_run, <size_t> self.stack

    def encode(self, x):
        """Codes (n, n_code) of n preprocessed inputs (n, n_visible), n up to AEDSP_SPECTRA; or of a single one."""
        return self._call(x, None, None, None, "encode")

    def decode(self, code, factor=None, override=None, target=None, amount=0, neutral=False):
        """Newest preprocessed spectra of n codes (n, n_code), taken towards `target` by `amount`, scaled by `factor` or
        set by `override`; or of one. neutral: followed by the spectra of the codes as they are, n up to half as many."""
        return self._call(None, code, factor, override, "decode", target, amount, neutral)

    def run(self, x, factor=None, override=None, target=None, amount=0, neutral=False):
        """Encode and decode in one pass: (codes before the gains, spectra)."""
        return self._call(x, None, factor, override, "run", target, amount, neutral)

    def _call(self, x, code, factor, override, what, target=None, float amount=0, bint neutral=False):
        cdef Py_ssize_t n_code = self.stack.n_code, n_visible = self.stack.layers[0].n_visible
        given = np.asarray(x if code is None else code, np.float32)
        name, width = ("x", n_visible) if code is None else ("code", n_code)
        cdef Py_ssize_t n = given.size // width
        cdef int most = AEDSP_SPECTRA // 2 if neutral else AEDSP_SPECTRA
        if not 1 <= given.ndim <= 2 or given.shape[given.ndim - 1] != width or not 1 <= n <= most:
            raise ValueError(f"{name} has shape {given.shape}; expected ({width},), or up to {most} of them")
        cdef float[::1] gain_factor = np.ones(n_code, np.float32) if factor is None else factor
        cdef float[::1] gain_override = np.full(n_code, np.nan, np.float32) if override is None else override
        cdef float[::1] gain_target = np.zeros(n_code, np.float32) if target is None else target
        if not gain_factor.shape[0] == gain_override.shape[0] == gain_target.shape[0] == n_code:
            raise ValueError(
                f"factor, override, target have {gain_factor.shape[0]}, {gain_override.shape[0]}, {gain_target.shape[0]} "
                f"values; expected {n_code}"
            )
        cdef float[:, ::1] inputs = np.zeros((n, padded(n_visible)), np.float32), codes = np.zeros((n, n_code), np.float32)
        np.asarray(inputs if code is None else codes)[:, :width] = given.reshape(n, width)
        cdef UnitGains gains
        cdef const float *xs[AEDSP_SPECTRA]
        cdef float *ys[AEDSP_SPECTRA]
        cdef int f, n_spectra = n
        gains.factor, gains.override = &gain_factor[0], &gain_override[0]
        gains.target, gains.target_amount = &gain_target[0], amount
        for f in range(n_spectra):
            xs[f], ys[f] = &inputs[f, 0], &codes[f, 0]
        if what == "encode":
            stack_encode(self.stack, xs, ys, n_spectra)
        elif what == "decode":
            stack_decode(self.stack, <const float **> ys, &gains, n_spectra, neutral)
        else:
            stack_run(self.stack, xs, ys, &gains, n_spectra, neutral)
        found = np.asarray(codes).reshape(given.shape[: given.ndim - 1] + (n_code,))
        if what == "encode":
            return found
        n_output = self.stack.layers[0].n_output
        n_decoded = 2 * n_spectra if neutral else n_spectra
        z = np.array([np.asarray(<float[:n_output]> stack_output(self.stack, f)) for f in range(n_decoded)])
        if not neutral:
            z = z.reshape(given.shape[: given.ndim - 1] + (n_output,))
        return z if what == "decode" else (found, z)


_ACTIVATIONS = {"linear": LINEAR, "sigmoid": SIGMOID, "relu": RELU, "tanh": TANH}
