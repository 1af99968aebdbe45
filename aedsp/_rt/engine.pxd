from aedsp._kernels.resample cimport Filter
from aedsp._rt.hop cimport Drive, EngineState

cdef void engine_reset(EngineState *e) noexcept nogil
cdef void engine_clear(EngineState *e) noexcept nogil
cdef void engine_push(EngineState *e, const float *x, Py_ssize_t n_frames, Drive drive) noexcept nogil
cdef Py_ssize_t engine_pull(EngineState *e, float *out, Py_ssize_t n_frames) noexcept nogil
cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil


cdef class Core:
    cdef EngineState state
    cdef object owned, models
    cdef bint busy
    cdef int _allocate(self, Filter inward, Filter outward, timing) except -1
    cdef float *_floats(self, Py_ssize_t n) except NULL
    cdef int _run(self, const float *x, float *out, Py_ssize_t n) except -1
    cdef int _enter(self) except -1
    cdef int _take_waiting(self) except -1
