from aedsp._kernels.heap cimport Heap
from aedsp._kernels.phase cimport Phase

ctypedef struct Pghi:
    const Phase *phase         # borrowed
    bint look_ahead            # one hop: the gradient along frequency is measured on both sides
    Py_ssize_t stride
    float *memory              # of all the arrays below
    float hop_slope, bin_slope # turns a hop and a bin, for a difference of two logarithms
    float *magnitude[3]        # spectra, newest first
    float *logs[3]             # their logarithms
    float *middle              # turns at the middle of the window, of the newest spectrum that has phases; kept
    float *per_hop             # its turns a hop; kept
    float *turns               # scratch: turns of the spectrum that gets its phases
    float *hop_turns           # scratch: its turns a hop
    float *hop_step            # scratch: turns from the hop before, and from bin k to k + 1
    float *bin_step
    Heap *heap

cdef Pghi *pghi_new(const Phase *phase, double gamma, bint look_ahead) noexcept nogil
cdef void pghi_free(Pghi *pghi) noexcept nogil
cdef void pghi_reset(Pghi *pghi) noexcept nogil
cdef const float *pghi_run(Pghi *pghi, const float *magnitude, unsigned long long hop, float *unit_re,
                           float *unit_im) noexcept nogil
