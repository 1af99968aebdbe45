from aedsp._rt.engine_state cimport EngineState, InputKind

cdef void engine_publish(EngineState *e) noexcept nogil
cdef void engine_reset(EngineState *e) noexcept nogil
cdef void engine_clear(EngineState *e) noexcept nogil
cdef void engine_push(EngineState *e, const float *x, Py_ssize_t n_frames, InputKind input) noexcept nogil
cdef Py_ssize_t engine_pull(EngineState *e, float *out, Py_ssize_t n_frames) noexcept nogil
cdef void engine_cross(EngineState *e, const float *x, const float *y, float *out, Py_ssize_t n_frames) noexcept nogil
cdef Py_ssize_t engine_codes(EngineState *e, const float *x, const float *y, float *out, Py_ssize_t n_frames, float *rows,
                             Py_ssize_t most, Py_ssize_t n_code) noexcept nogil
cdef void engine_process(EngineState *e, const float *x, float *out, Py_ssize_t n_frames) noexcept nogil
