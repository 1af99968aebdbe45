from aedsp._rt.loaded cimport LoadedModel
from aedsp._rt.engine_state cimport EngineState, EventKind, InputKind

cdef void hop_begin(EngineState *e, Py_ssize_t slot, InputKind input) noexcept nogil
cdef void hop_pass(EngineState *e, Py_ssize_t first, int n_spectra, InputKind input) noexcept nogil
cdef void hop_synthesise(EngineState *e, Py_ssize_t spectrum, int which, InputKind input) noexcept nogil
cdef void hop_end(EngineState *e, InputKind input) noexcept nogil
cdef void hop_take_changes(EngineState *e) noexcept nogil
cdef void hop_note(EngineState *e, EventKind kind, long long at, long long value) noexcept nogil
cdef bint hop_is_detailed(const EngineState *e) noexcept nogil
cdef bint hop_is_alone(const EngineState *e, InputKind input) noexcept nogil
cdef void hop_take_scheduled(EngineState *e) noexcept nogil
cdef void hop_adopt(EngineState *e, LoadedModel *model) noexcept nogil
