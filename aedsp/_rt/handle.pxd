from aedsp._kernels.resample cimport Filter
from aedsp._rt.drive cimport DriveRequest
from aedsp._rt.engine_state cimport EngineCounters, EngineState


cdef class EngineHandle:
    cdef EngineState state
    cdef object owned, models, rows, newest, lock
    cdef double model_rate               # Hz
    cdef long long busy                  # atomic: a block is being processed, or a stream plays the engine
    cdef bint attached
    cdef long long n_scheduled           # changes sent so far
    cdef EngineCounters _newest_counters(self) except *
    cdef int _allocate(self, Filter inward, Filter outward, timing, double gamma) except -1
    cdef float *_floats(self, Py_ssize_t n) except NULL
    cdef Py_ssize_t _run(self, const float *x, const float *y, float *out, Py_ssize_t n, float *codes, Py_ssize_t most,
                         Py_ssize_t n_code) except -1
    cdef int _cross(self) except -1
    cdef int _enter(self) except -1
    cdef int _leave(self) except -1
    cdef int _take_waiting(self) except -1
    cdef int _free_retired(self) except -1
    cdef DriveRequest _request(self, kind, float rank, double rate_hz, unsigned long long seed) except *
    cdef int _set_drive(self, kind, float rank, double rate_hz, unsigned long long seed, const float[:, ::1] rows) except -1
