# The table of vector loops for this processor, and their memory allocation.

cdef extern from "simd/kernels.h":
    enum:
        AEDSP_PAD
        AEDSP_ROWS
        AEDSP_TURN
        AEDSP_SPECTRA
        AEDSP_MANY_ROWS
        AEDSP_STORAGES
        AEDSP_MOST_STAGES
        AEDSP_LOUDEST

    ctypedef struct FftPlan:
        int n, lanes, rows, n_stages
        int radix[AEDSP_MOST_STAGES]
        float scale
        float *stage_twiddle
        float *split_twiddle
        float *lane_forward
        float *lane_inverse
        float *middle_forward
        float *middle_inverse
        float *scratch[3]

    ctypedef struct Kernels:
        int lanes
        int fast_halves
        void (*fft_forward)(const FftPlan *, const float *, float *, float *) noexcept nogil
        void (*fft_inverse)(const FftPlan *, const float *, const float *, float *) noexcept nogil
        void (*multiply)(const float *, const float *, float *, Py_ssize_t) noexcept nogil
        void (*overlap_add)(const float *, const float *, float *, float *, Py_ssize_t, Py_ssize_t) noexcept nogil
        Py_ssize_t (*polar)(const float *, const float *, float, float, float *, float *, float *,
                            Py_ssize_t) noexcept nogil
        void (*run_on)(const float *, float, const float *, const float *, float *, float *, Py_ssize_t) noexcept nogil
        void (*turn)(const float *, const float *, const float *, float, float *, float *, Py_ssize_t) noexcept nogil
        void (*detail)(const float *, const float *, float, float *, Py_ssize_t) noexcept nogil
        void (*mix)(const float *, const float *, const float *, float, float, const float *, const float *, float *,
                    float *, Py_ssize_t) noexcept nogil
        void (*clamp)(float *, float, Py_ssize_t) noexcept nogil
        Py_ssize_t (*accept)(const float *, Py_ssize_t, float, float *, Py_ssize_t) noexcept nogil
        void (*ceilings)(const float *, float *, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*lean)(const float *, Py_ssize_t, float, float *, Py_ssize_t) noexcept nogil
        Py_ssize_t (*limit)(float *, const float *, Py_ssize_t, Py_ssize_t) noexcept nogil
        bint (*exceeds)(const float *, float, Py_ssize_t) noexcept nogil
        void (*dense_forward[AEDSP_STORAGES])(const void *, const float *, const float *, const float **, float **,
                                              Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*dense_accumulate[AEDSP_STORAGES])(const void **, const float *, Py_ssize_t, float **, Py_ssize_t,
                                                 int) noexcept nogil
        void (*sigmoid)(float *, Py_ssize_t) noexcept nogil
        void (*tanh)(float *, Py_ssize_t) noexcept nogil
        void (*relu)(float *, Py_ssize_t) noexcept nogil
        void (*logarithm)(const float *, float, float *, Py_ssize_t) noexcept nogil
        void (*phasors)(const float *, float *, float *, Py_ssize_t) noexcept nogil
        void (*angles)(const float *, const float *, float *, Py_ssize_t) noexcept nogil
        float (*dot)(const float *, const float *, Py_ssize_t) noexcept nogil

    const Kernels *aedsp_select_kernels(const char *name)
    const char *aedsp_supported_kernels(int i)
    int aedsp_kernels_known(const char *name)

cdef extern from "memory.h":
    void *aedsp_alloc(size_t bytes) noexcept nogil
    void aedsp_free(void *p) noexcept nogil

cdef const Kernels *kernels


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """n rounded up to a multiple of AEDSP_PAD."""
    return (n + AEDSP_PAD - 1) // AEDSP_PAD * AEDSP_PAD
