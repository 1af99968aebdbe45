ctypedef struct Heap:
    Py_ssize_t n_bins, n_items
    char *open                 # bins without a phase yet
    unsigned long long *items  # magnitude in the high bits, bin in the low; the loudest first

cdef Heap *heap_new(Py_ssize_t n_bins) noexcept nogil
cdef void heap_free(Heap *heap) noexcept nogil
cdef void heap_integrate(Heap *heap, const float *now, const float *before, const float *turns_before, const float *hop_step,
                         const float *bin_step, float floor, float *turns) noexcept nogil
