ctypedef struct Heap:
    Py_ssize_t n_bins, n_items
    char *open                 # bins that wait for their phase
    unsigned long long *items  # magnitude above, bin below; the loudest first

cdef Heap *heap_new(Py_ssize_t n_bins) noexcept nogil
cdef void heap_free(Heap *heap) noexcept nogil
cdef void heap_integrate(Heap *heap, const float *now, const float *before, const float *turns_before, const float *hop_step,
                         const float *bin_step, float floor, float *turns) noexcept nogil
