ctypedef struct BandSet:
    Py_ssize_t n_bins, n_bands
    Py_ssize_t *first      # n_bands: first bin
    Py_ssize_t *count      # n_bands: bins
    Py_ssize_t *offset     # n_bands: into the weights
    float *analysis
    float *synthesis
    float *power           # n_bins, scratch

cdef void constant_q_forward(const BandSet *q, const float *magnitude, float *band) noexcept nogil
cdef void constant_q_inverse(const BandSet *q, const float *band, float *magnitude) noexcept nogil


cdef class Bands:
    cdef BandSet set
    cdef Py_ssize_t[::1] places
    cdef float[::1] weights
