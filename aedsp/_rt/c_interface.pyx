"""The functions behind `aedsp.h`: an engine for callers in C. No Python inside."""

from libc.math cimport isfinite, isnan
from libc.stdint cimport int32_t, int64_t
from libc.stddef cimport ptrdiff_t
from libc.string cimport memcpy

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free
from aedsp._rt.control cimport CONTROLS_PER_UNIT, CONTROL_MUTED, CONTROL_OVERRIDE, CONTROL_SIGN, N_CONTROLS
from aedsp._rt.engine cimport engine_codes, engine_process, engine_reset
from aedsp._rt.engine_state cimport EngineState
from aedsp._rt.handle cimport EngineHandle
from aedsp._rt.loaded cimport loaded_code
from aedsp._rt.ring cimport ring_write
from aedsp._rt.schedule cimport FROM_C, Change

cdef extern from "aedsp.h":
    """
    /* The numbers of the controls in the header are those of the engine. */
    typedef char aedsp_controls_agree[AEDSP_N_CONTROLS == 13 && AEDSP_OFFSET == 6 && AEDSP_FROZEN == 12 ? 1 : -1];
    """
    const int AEDSP_C_VERSION
    const int AEDSP_TARGET_AMOUNT, AEDSP_DETAIL, AEDSP_MIX, AEDSP_VOLUME_DB, AEDSP_ORIGINAL, AEDSP_FROZEN
    ctypedef struct aedsp_engine:
        const aedsp_functions *functions
        void *state
        double sample_rate
        int32_t n_channels, block_frames
        int64_t latency_frames
        double code_latency_frames, hop_frames
    ctypedef struct aedsp_functions:
        int32_t version
        int32_t (*process)(aedsp_engine *, const float *, float *, ptrdiff_t) noexcept nogil
        ptrdiff_t (*process_codes)(aedsp_engine *, const float *, float *, ptrdiff_t, float *, ptrdiff_t, int32_t) noexcept nogil
        void (*reset)(aedsp_engine *) noexcept nogil
        int32_t (*set_at)(aedsp_engine *, int64_t, int32_t, int32_t, float) noexcept nogil
        ptrdiff_t (*code)(aedsp_engine *, float *, ptrdiff_t) noexcept nogil
        int64_t (*frame)(const aedsp_engine *) noexcept nogil
        int32_t (*n_units)(const aedsp_engine *) noexcept nogil


cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil


cdef inline EngineState *_state(const aedsp_engine *engine) noexcept nogil:
    return <EngineState *> engine.state


cdef inline bint _fits(const aedsp_engine *engine, ptrdiff_t n_frames) noexcept nogil:
    return n_frames >= 0 and engine.block_frames in (0, n_frames)


cdef int32_t c_process(aedsp_engine *engine, const float *x, float *out, ptrdiff_t n_frames) noexcept nogil:
    if not _fits(engine, n_frames):
        return False
    engine_process(_state(engine), x, out, n_frames)
    return True


cdef ptrdiff_t c_process_codes(aedsp_engine *engine, const float *x, float *out, ptrdiff_t n_frames, float *codes,
                               ptrdiff_t most, int32_t n_units) noexcept nogil:
    cdef EngineState *e = _state(engine)
    if not _fits(engine, n_frames):
        return -1
    return engine_codes(e, x, NULL, out, n_frames, codes, max(0, most) if n_units > 0 else 0, n_units)


cdef void c_reset(aedsp_engine *engine) noexcept nogil:
    engine_reset(_state(engine))


cdef bint _allowed(int32_t control, float value) noexcept nogil:
    if control == CONTROL_OVERRIDE and isnan(value):
        return True
    if not isfinite(value):
        return False
    if control == CONTROL_SIGN:
        return value == 1 or value == -1
    if control == CONTROL_MUTED or control == AEDSP_ORIGINAL or control == AEDSP_FROZEN:
        return value == 0 or value == 1
    if control == AEDSP_VOLUME_DB:
        return value <= 12
    return control < CONTROLS_PER_UNIT or 0 <= value <= 1


cdef int32_t c_set_at(aedsp_engine *engine, int64_t frame, int32_t control, int32_t unit, float value) noexcept nogil:
    cdef EngineState *e = _state(engine)
    cdef Change change
    if not 0 <= control < N_CONTROLS or not _allowed(control, value):
        return False
    if control < CONTROLS_PER_UNIT and not 0 <= unit < atomic_read(&e.n_units):
        return False
    change.frame, change.control, change.unit, change.value = frame, control, unit, value
    return ring_write(e.schedule.asked[FROM_C], &change, 1) == 1


cdef ptrdiff_t c_code(aedsp_engine *engine, float *code, ptrdiff_t most) noexcept nogil:
    cdef EngineState *e = _state(engine)
    memcpy(code, loaded_code(e.loaded, e.flight.slot * e.n_channels), max(0, min(most, e.loaded.n_code)) * sizeof(float))
    return e.loaded.n_code


cdef int64_t c_frame(const aedsp_engine *engine) noexcept nogil:
    return _state(engine).taken


cdef int32_t c_n_units(const aedsp_engine *engine) noexcept nogil:
    return <int32_t> atomic_read(&_state(engine).n_units)


cdef aedsp_functions _functions
_functions.version = AEDSP_C_VERSION
_functions.process, _functions.process_codes, _functions.reset = c_process, c_process_codes, c_reset
_functions.set_at, _functions.code, _functions.frame, _functions.n_units = c_set_at, c_code, c_frame, c_n_units


cdef class CEngine:
    """The owner of one `aedsp_engine`; keeps the engine alive.

    Parameters
    ----------
    handle : EngineHandle
        Attached.
    sample_rate, block_frames, code_latency_frames, hop_frames
        See `aedsp.h`.
    """

    cdef aedsp_engine engine
    cdef EngineHandle handle

    def __cinit__(self, EngineHandle handle not None, double sample_rate, int32_t block_frames, double code_latency_frames,
                  double hop_frames):
        self.handle = handle
        self.engine.functions, self.engine.state = &_functions, &handle.state
        self.engine.sample_rate, self.engine.block_frames = sample_rate, block_frames
        self.engine.n_channels, self.engine.latency_frames = handle.state.n_channels, handle.state.latency_frames
        self.engine.code_latency_frames, self.engine.hop_frames = code_latency_frames, hop_frames

    @property
    def address(self):
        """Address of the `aedsp_engine`."""
        return <size_t> &self.engine

    def function(self, name):
        """Address of one of the functions, e.g. "process"."""
        return _ADDRESSES[name]


_ADDRESSES = {
    "process": <size_t> _functions.process, "process_codes": <size_t> _functions.process_codes,
    "reset": <size_t> _functions.reset, "set_at": <size_t> _functions.set_at, "code": <size_t> _functions.code,
    "frame": <size_t> _functions.frame, "n_units": <size_t> _functions.n_units,
}
VERSION = AEDSP_C_VERSION
