from aedsp._kernels.heap cimport Heap
from aedsp._kernels.phase cimport Phase

ctypedef struct Pghi:
    const Phase *phase         # borrowed
    bint look_ahead            # one hop: central differences along time
    Py_ssize_t stride
    float *memory              # holds all arrays below
    float hop_slope, bin_slope # turns per hop and per bin, per difference of two logarithms
    float *magnitude[3]        # spectra, newest first
    float *logs[3]             # their logarithms
    float *middle              # turns at the window's middle, of the newest spectrum with phases; state
    float *per_hop             # its turns per hop; state
    float *turns               # scratch: turns of the current spectrum
    float *hop_turns           # scratch: its turns per hop
    float *hop_step            # scratch: turns from the previous hop, and from bin k to k + 1
    float *bin_step
    Heap *heap

cdef Pghi *pghi_new(const Phase *phase, double gamma, bint look_ahead) noexcept nogil
cdef void pghi_free(Pghi *pghi) noexcept nogil
cdef void pghi_reset(Pghi *pghi) noexcept nogil
cdef const float *pghi_run(Pghi *pghi, const float *magnitude, unsigned long long hop, float *unit_re,
                           float *unit_im) noexcept nogil
