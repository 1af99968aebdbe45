"""A model in the form that the hop uses: weights, preprocessing, controls, codes and past spectra.

A spectrum belongs to one channel of one hop: number hop · n_channels + channel of those in flight (at most
AEDSP_SPECTRA hops), which all go through the weights together.

Everything that depends on the model but not on the front end is in one struct, so that the hop can swap models by
exchanging one pointer. `Loaded` owns the memory; the control side creates it before the swap and drops it afterwards.
"""

from libc.string cimport memcpy, memmove, memset

import numpy as np

from aedsp._kernels._cpu cimport AEDSP_SPECTRA, aedsp_alloc, aedsp_free, padded
from aedsp._kernels.constant_q cimport Bands, constant_q_forward, constant_q_inverse
from aedsp._kernels.dense cimport Stack, UnitGains, stack_decode, stack_encode, stack_output, stack_run
from aedsp._kernels.preprocess cimport Chain, magnitude_clamp, preprocess_apply, preprocess_invert
from aedsp._rt.control cimport ControlBuffer, ControlSnapshot, triple_publish, triple_start, triple_take
from aedsp._rt.recent cimport recent_forget, recent_free, recent_rows, recent_start


cdef void loaded_reset(LoadedModel *m) noexcept nogil:
    """Reset to the state after silence."""
    cdef Py_ssize_t i, n = AEDSP_SPECTRA * m.n_channels
    memset(m.context, 0, n * m.context_stride * sizeof(float))
    memset(m.code, 0, n * m.code_stride * sizeof(float))
    for i in range(n * m.n_context):
        preprocess_apply(m.steps, m.n_steps, m.context + i // m.n_context * m.context_stride + i % m.n_context * m.n_bins, m.n_bins)
    recent_forget(&m.recent)
    m.primed = False


cdef void loaded_feed(LoadedModel *m, Py_ssize_t spectrum, Py_ssize_t previous, const float *magnitude) noexcept nogil:
    """Encoder input for one spectrum (n_fft_bins): itself and the past spectra, from the context of `previous`."""
    cdef float *context = m.context + spectrum * m.context_stride
    cdef Py_ssize_t older = (m.n_context - 1) * m.n_bins
    memmove(context, m.context + previous * m.context_stride + m.n_bins, older * sizeof(float))
    if m.bands is NULL:
        memcpy(context + older, magnitude, m.n_bins * sizeof(float))
    else:
        constant_q_forward(m.bands, magnitude, context + older)
    preprocess_apply(m.steps, m.n_steps, context + older, m.n_bins)


cdef float *loaded_code(LoadedModel *m, Py_ssize_t spectrum) noexcept nogil:
    """Address of a spectrum's activations."""
    return m.code + spectrum * m.code_stride


cdef void loaded_settle(LoadedModel *m, Py_ssize_t spectrum, Py_ssize_t newest) noexcept nogil:
    """Copy code and past spectra of `newest` to `spectrum`."""
    memcpy(m.code + spectrum * m.code_stride, m.code + newest * m.code_stride, m.code_stride * sizeof(float))
    memcpy(m.context + spectrum * m.context_stride, m.context + newest * m.context_stride, m.context_stride * sizeof(float))


cdef void loaded_publish(LoadedModel *m, Py_ssize_t newest) noexcept nogil:
    """Publish the activations of all channels, from spectrum `newest` on, to the control side. Wait-free."""
    memcpy(m.published[m.turn.back], m.code + newest * m.code_stride, m.n_channels * m.code_stride * sizeof(float))
    triple_publish(&m.turn)


cdef void loaded_run(LoadedModel *m, Py_ssize_t first, int n_spectra, const ControlSnapshot *controls, bint encodes,
                     bint decodes, bint neutral) noexcept nogil:
    """Encode n_spectra spectra from `first` on and decode them with gains and overrides, reading the weights once.

    neutral: decode them with neutral controls too; n_spectra is then at most AEDSP_SPECTRA / 2.
    """
    cdef const float *x[AEDSP_SPECTRA]
    cdef float *code[AEDSP_SPECTRA]
    cdef UnitGains gains
    cdef int f
    gains.factor, gains.override = controls.factor, controls.override
    gains.target, gains.target_amount = controls.target, controls.target_amount
    m.n_decoded = n_spectra
    for f in range(n_spectra):
        x[f] = m.context + (first + f) * m.context_stride
        code[f] = m.code + (first + f) * m.code_stride
    if encodes and decodes:
        stack_run(m.stack, x, code, &gains, n_spectra, neutral)
    elif encodes:
        stack_encode(m.stack, x, code, n_spectra)
    elif decodes:
        stack_decode(m.stack, <const float **> code, &gains, n_spectra, neutral)


cdef float *loaded_spectrum(LoadedModel *m, int which, bint neutral) noexcept nogil:
    """Clamped magnitudes (n_fft_bins) of spectrum `first + which` of the last `loaded_run`, in the model's memory.

    neutral: decoded with neutral controls. Call once for each: the preprocessing is inverted in place.
    """
    cdef float *z = stack_output(m.stack, which + m.n_decoded if neutral else which)
    cdef float *spectrum = m.spectrum[neutral]
    preprocess_invert(m.steps, m.n_steps, z, m.n_bins)
    magnitude_clamp(z, m.n_bins)
    if m.bands is NULL:
        return z
    constant_q_inverse(m.bands, z, spectrum)
    magnitude_clamp(spectrum, m.n_fft_bins)
    return spectrum


cdef class Loaded:
    """The owner of one loaded model.

    Parameters
    ----------
    stack, chain, controls : weights, preprocessing and control triple buffer of the model; kept alive here
    n_bins, n_context, n_code, n_channels : int
    bands : Bands or None
        Maps the transform's bins to the model's n_bins.
    ranks, percentiles : float32 (n_ranks,), rising, in percent, and (n_ranks, n_code), or None
        Activations of the units over the training spectra.
    recent_every : int
        Hops between two rows of `recent`.
    """

    def __cinit__(self, Stack stack not None, Chain chain not None, ControlBuffer controls not None, Py_ssize_t n_bins,
                  Py_ssize_t n_context, Py_ssize_t n_code, Py_ssize_t n_channels, Bands bands,
                  const float[::1] ranks=None, const float[:, ::1] percentiles=None, long long recent_every=1):
        cdef LoadedModel *m = &self.model
        cdef Py_ssize_t n_spectra
        if controls.n_units != n_code or stack.stack.n_code != n_code:
            raise ValueError(f"controls, stack have {controls.n_units}, {stack.stack.n_code} units; expected {n_code}")
        if bands is not None and bands.set.n_bands != n_bins:
            raise ValueError(f"bands has {bands.set.n_bands} bands; expected {n_bins}")
        self.owned = (stack, chain, controls, bands)
        m.n_fft_bins = n_bins
        if bands is not None:
            m.bands, m.n_fft_bins = &bands.set, bands.set.n_bins
        m.stack, m.steps, m.n_steps, m.controls = stack.stack, chain.steps, chain.n_steps, &controls.slots
        m.n_bins, m.n_context, m.n_code, m.n_channels = n_bins, n_context, n_code, n_channels
        m.context_stride, m.code_stride = padded(n_context * n_bins), padded(n_code)
        n_spectra = AEDSP_SPECTRA * n_channels
        m.n_ranks = ranks.shape[0] if ranks is not None else 0
        if m.n_ranks and (percentiles.shape[0] != m.n_ranks or percentiles.shape[1] != n_code):
            raise ValueError(
                f"percentiles are {percentiles.shape[0]} x {percentiles.shape[1]}; expected {m.n_ranks} x {n_code}"
            )
        m.code = <float *> aedsp_alloc((n_spectra * (m.context_stride + m.code_stride) + 2 * padded(m.n_fft_bins)
                                        + 3 * n_channels * m.code_stride + m.n_ranks * (n_code + 1) + 1) * sizeof(float))
        if m.code is NULL or not recent_start(&m.recent, m.n_fft_bins, n_code, n_channels, recent_every):
            raise MemoryError
        m.context = m.code + n_spectra * m.code_stride
        m.spectrum[0] = m.context + n_spectra * m.context_stride
        m.spectrum[1] = m.spectrum[0] + padded(m.n_fft_bins)
        m.published[0] = m.spectrum[1] + padded(m.n_fft_bins)
        m.published[1] = m.published[0] + n_channels * m.code_stride
        m.published[2] = m.published[1] + n_channels * m.code_stride
        triple_start(&m.turn)
        m.ranks = m.published[2] + n_channels * m.code_stride
        m.percentiles = m.ranks + m.n_ranks + 1
        if m.n_ranks:
            memcpy(m.ranks, &ranks[0], m.n_ranks * sizeof(float))
            memcpy(m.percentiles, &percentiles[0, 0], m.n_ranks * n_code * sizeof(float))
        loaded_reset(m)

    def __dealloc__(self):
        aedsp_free(self.model.code)
        recent_free(&self.model.recent)

    def newest_code(self):
        """Activations last published by the audio side: float32 (n_channels, n_code), a copy. One reader at a time."""
        cdef LoadedModel *m = &self.model
        triple_take(&m.turn)
        return np.array(<float[: m.n_channels, : m.code_stride]> m.published[m.turn.front])[:, : m.n_code]

    def recent(self):
        """Of the last seconds, one channel in turn: analysed (n,), magnitudes (n, n_fft_bins), codes (n, n_code)."""
        return recent_rows(&self.model.recent)
