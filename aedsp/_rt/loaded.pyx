"""A model as the hop holds it: weights, preprocessing, its controls, and for each channel its code and its past spectra.

All that depends on the model and not on the front end, in one piece, so that the hop can exchange it for another by one
pointer. The memory belongs to `Loaded`, which the control side makes before the exchange and drops after it.
"""

from libc.string cimport memcpy, memmove, memset

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free, padded
from aedsp._kernels.constant_q cimport Bands, constant_q_forward, constant_q_inverse
from aedsp._kernels.dense cimport Stack, code_scale, stack_decode, stack_encode
from aedsp._kernels.preprocess cimport Chain, magnitude_clamp, preprocess_apply, preprocess_invert
from aedsp._rt.control cimport ControlBuffer, ControlSnapshot


cdef void loaded_reset(LoadedModel *m) noexcept nogil:
    """As if it had only ever heard silence."""
    cdef Py_ssize_t i
    memset(m.context, 0, m.n_channels * m.context_stride * sizeof(float))
    memset(m.code, 0, m.n_channels * m.code_stride * sizeof(float))
    for i in range(m.n_channels * m.n_context):
        preprocess_apply(m.steps, m.n_steps, m.context + i // m.n_context * m.context_stride + i % m.n_context * m.n_bins, m.n_bins)
    m.primed = False


cdef void loaded_encode(LoadedModel *m, Py_ssize_t channel, const float *magnitude) noexcept nogil:
    """The code of one spectrum (n_fft_bins) and those before it."""
    cdef float *context = m.context + channel * m.context_stride
    cdef Py_ssize_t older = (m.n_context - 1) * m.n_bins
    memmove(context, context + m.n_bins, older * sizeof(float))
    if m.bands is NULL:
        memcpy(context + older, magnitude, m.n_bins * sizeof(float))
    else:
        constant_q_forward(m.bands, magnitude, context + older)
    preprocess_apply(m.steps, m.n_steps, context + older, m.n_bins)
    memcpy(m.code + channel * m.code_stride, stack_encode(m.stack, context), m.n_code * sizeof(float))


cdef void loaded_drive(LoadedModel *m, Py_ssize_t channel) noexcept nogil:
    """No input: every unit fires alike."""
    cdef Py_ssize_t j
    for j in range(m.n_code):
        m.code[channel * m.code_stride + j] = 1


cdef float *loaded_decode(LoadedModel *m, Py_ssize_t channel, const ControlSnapshot *controls) noexcept nogil:
    """Magnitudes (n_fft_bins) of the code under the player's hand, clamped; in the model's own memory, until the next call."""
    cdef float *z
    code_scale(m.code + channel * m.code_stride, controls.factor, controls.override, m.adjusted, m.n_code)
    z = stack_decode(m.stack, m.adjusted)
    preprocess_invert(m.steps, m.n_steps, z, m.n_bins)
    magnitude_clamp(z, m.n_bins)
    if m.bands is NULL:
        return z
    constant_q_inverse(m.bands, z, m.spectrum)
    magnitude_clamp(m.spectrum, m.n_fft_bins)
    return m.spectrum


cdef class Loaded:
    """The owner of one loaded model.

    Parameters
    ----------
    stack, chain, controls : the model's weights, its preprocessing, its triple buffer; kept alive here
    n_bins, n_context, n_code, n_channels : int
    bands : Bands or None
        How the model's n_bins are made of the transform's.
    """

    def __cinit__(self, Stack stack not None, Chain chain not None, ControlBuffer controls not None, Py_ssize_t n_bins,
                  Py_ssize_t n_context, Py_ssize_t n_code, Py_ssize_t n_channels, Bands bands):
        cdef LoadedModel *m = &self.model
        if controls.n_units != n_code or stack.stack.n_code != n_code:
            raise ValueError(f"controls, stack have {controls.n_units}, {stack.stack.n_code} units; expected {n_code}")
        if bands is not None and bands.set.n_bands != n_bins:
            raise ValueError(f"there are {bands.set.n_bands} bands; expected {n_bins}")
        self.owned = (stack, chain, controls, bands)
        m.n_fft_bins = n_bins
        if bands is not None:
            m.bands, m.n_fft_bins = &bands.set, bands.set.n_bins
        m.stack, m.steps, m.n_steps, m.controls = stack.stack, chain.steps, chain.n_steps, &controls.slots
        m.n_bins, m.n_context, m.n_code, m.n_channels = n_bins, n_context, n_code, n_channels
        m.context_stride, m.code_stride = padded(n_context * n_bins), padded(n_code)
        m.adjusted = <float *> aedsp_alloc((m.code_stride + n_channels * (m.context_stride + m.code_stride) + padded(m.n_fft_bins)) * sizeof(float))
        if m.adjusted is NULL:
            raise MemoryError
        m.code = m.adjusted + m.code_stride
        m.context = m.code + n_channels * m.code_stride
        m.spectrum = m.context + n_channels * m.context_stride
        loaded_reset(m)

    def __dealloc__(self):
        aedsp_free(self.model.adjusted)
