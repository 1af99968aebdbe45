"""Integrates phase steps along time and frequency, the loudest bins first: the heap of PGHI.

Formula      from the loudest bin with a phase, to bins without: if it is in the previous hop,
             turns[k] = turns_before[k] + hop_step[k]; if it is in this one,
             turns[k + 1] = turns[k] + bin_step[k], turns[k - 1] = turns[k] - bin_step[k - 1]
Shapes       now, before, turns_before, hop_step, turns: n_bins; bin_step: n_bins - 1
Aliasing     none
Alignment    any
Scaling      turns are wrapped to ±0.5
Allocation   none after `heap_new`; at most 2 n_bins heap steps per call
Sizes        up to 2^30 bins

Bins below 1e-6 of the loudest, or below `floor`, keep their value in `turns`; so does the loudest of each run of bins
that integration does not reach. Průša & Søndergaard, "Real-time spectrogram inversion using phase gradient heap
integration" (DAFx 2016).
"""

from libc.math cimport rintf
from libc.string cimport memcpy

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free

cdef float TOLERANCE = 1e-6


cdef Heap *heap_new(Py_ssize_t n_bins) noexcept nogil:
    """NULL if out of memory."""
    cdef Heap *heap = <Heap *> aedsp_alloc(sizeof(Heap))
    if heap is NULL:
        return NULL
    heap.n_bins = n_bins
    heap.items = <unsigned long long *> aedsp_alloc(2 * n_bins * sizeof(unsigned long long) + n_bins)
    if heap.items is NULL:
        aedsp_free(heap)
        return NULL
    heap.open = <char *> (heap.items + 2 * n_bins)
    return heap


cdef void heap_free(Heap *heap) noexcept nogil:
    if heap is not NULL:
        aedsp_free(heap.items)
        aedsp_free(heap)


cdef inline unsigned long long _item(float magnitude, Py_ssize_t at) noexcept nogil:
    """Ordered by magnitude (above 0), then by bin, lowest first; bins from n_bins on belong to this hop."""
    cdef unsigned int bits
    memcpy(&bits, &magnitude, sizeof(bits))
    return <unsigned long long> bits << 32 | ~<unsigned int> at


cdef inline void _sink(unsigned long long *items, Py_ssize_t n, Py_ssize_t i, unsigned long long item) noexcept nogil:
    cdef Py_ssize_t child = 2 * i + 1
    while child < n:
        if child + 1 < n and items[child + 1] > items[child]:
            child += 1
        if items[child] <= item:
            break
        items[i] = items[child]
        i = child
        child = 2 * i + 1
    items[i] = item


cdef inline void _reach(Heap *heap, const float *now, Py_ssize_t k, float value, float *turns) noexcept nogil:
    """Set the phase of bin k of this hop and push it."""
    cdef unsigned long long item = _item(now[k], heap.n_bins + k)
    cdef Py_ssize_t i = heap.n_items, parent
    turns[k] = value - rintf(value)
    heap.open[k] = False
    heap.n_items += 1
    while i > 0:
        parent = (i - 1) // 2
        if heap.items[parent] >= item:
            break
        heap.items[i] = heap.items[parent]
        i = parent
    heap.items[i] = item


cdef void _spread(Heap *heap, const float *now, const float *turns_before, const float *hop_step, const float *bin_step,
                  float *turns) noexcept nogil:
    """Pop the loudest bin and set its neighbours' phases, until the heap is empty."""
    cdef Py_ssize_t n = heap.n_bins, k
    while heap.n_items:
        k = <Py_ssize_t> (~<unsigned int> heap.items[0])
        heap.n_items -= 1
        if heap.n_items:
            _sink(heap.items, heap.n_items, 0, heap.items[heap.n_items])
        if k < n:
            if heap.open[k]:
                _reach(heap, now, k, turns_before[k] + hop_step[k], turns)
            continue
        k -= n
        if k + 1 < n and heap.open[k + 1]:
            _reach(heap, now, k + 1, turns[k] + bin_step[k], turns)
        if k > 0 and heap.open[k - 1]:
            _reach(heap, now, k - 1, turns[k] - bin_step[k - 1], turns)


cdef void heap_integrate(Heap *heap, const float *now, const float *before, const float *turns_before, const float *hop_step,
                         const float *bin_step, float floor, float *turns) noexcept nogil:
    """Compute this hop's turns in place; now, before: magnitudes of this hop and of the previous one."""
    cdef Py_ssize_t k, top, n = heap.n_bins
    cdef float loudest = 0, least
    for k in range(n):
        loudest = max(loudest, max(now[k], before[k]))
    least = max(TOLERANCE * loudest, floor)
    heap.n_items = 0
    for k in range(n):
        heap.open[k] = now[k] > least
        if heap.open[k] and before[k] > least:
            heap.items[heap.n_items] = _item(before[k], k)
            heap.n_items += 1
    for k in range(heap.n_items // 2 - 1, -1, -1):
        _sink(heap.items, heap.n_items, k, heap.items[k])
    _spread(heap, now, turns_before, hop_step, bin_step, turns)
    k = 0
    while k < n:                                        # runs of unreached bins: start from the loudest of each
        if not heap.open[k]:
            k += 1
            continue
        top = k
        while k < n and heap.open[k]:
            if now[k] > now[top]:
                top = k
            k += 1
        _reach(heap, now, top, turns[top], turns)
        _spread(heap, now, turns_before, hop_step, bin_step, turns)


def integrate(const float[::1] now not None, const float[::1] before not None, const float[::1] turns_before not None,
              const float[::1] hop_step not None, const float[::1] bin_step not None, float floor, float[::1] turns not None):
    """Python wrapper: `turns` (n_bins,) in place."""
    cdef Py_ssize_t n = now.shape[0]
    if n < 2 or not before.shape[0] == turns_before.shape[0] == hop_step.shape[0] == turns.shape[0] == bin_step.shape[0] + 1 == n:
        raise ValueError("now, before, turns_before, hop_step, turns must all have n >= 2 bins, and bin_step n - 1")
    cdef Heap *heap = heap_new(n)
    if heap is NULL:
        raise MemoryError
    with nogil:
        heap_integrate(heap, &now[0], &before[0], &turns_before[0], &hop_step[0], &bin_step[0], floor, &turns[0])
    heap_free(heap)
    return np.asarray(turns)
