"""Spectra and activations of the last seconds, for the control side: what has the model heard, what did each unit do?

The audio side notes every so many hops those of one channel, the channels in turn, in the oldest row. It never waits
and never skips. The control side copies all rows, and leaves out those that were written meanwhile.
"""

import numpy as np

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    void atomic_write(long long *p, long long v) noexcept nogil
    void atomic_copy_in(float *to, const float *x, long long n) noexcept nogil
    void atomic_copy_out(float *to, const float *x, long long n) noexcept nogil

cdef enum:
    ROWS = 128


cdef int recent_start(Recent *recent, Py_ssize_t n_bins, Py_ssize_t n_code, Py_ssize_t n_channels, long long every) noexcept:
    """Allocate; returns 0 if there is no memory. every: hops between rows."""
    recent.n_rows, recent.n_bins, recent.n_code, recent.n_channels = ROWS, n_bins, n_code, n_channels
    recent.row_floats, recent.every = 1 + n_bins + n_code, max(1, every)
    recent.rows = <float *> aedsp_alloc(recent.n_rows * recent.row_floats * sizeof(float))
    return recent.rows is not NULL


cdef void recent_free(Recent *recent) noexcept nogil:
    aedsp_free(recent.rows)


cdef void recent_note(Recent *recent, Py_ssize_t channel, bint analysed, const float *magnitude, const float *code) noexcept nogil:
    """Note one channel of a hop if it is due: magnitude (n_bins), code (n_code) before gains. Call for every channel.

    analysed: the code was made from these magnitudes; else a drive made it.
    """
    cdef long long count = recent.count
    cdef float flag = 1 if analysed else 0
    cdef float *row
    recent.hops += channel == 0
    if recent.hops < recent.every or channel != count % recent.n_channels:
        return
    recent.hops = 0
    row = recent.rows + count % recent.n_rows * recent.row_floats
    atomic_copy_in(row, &flag, 1)
    atomic_copy_in(row + 1, magnitude, recent.n_bins)
    atomic_copy_in(row + 1 + recent.n_bins, code, recent.n_code)
    atomic_write(&recent.count, count + 1)


cdef void recent_forget(Recent *recent) noexcept nogil:
    """Audio side: leave out all rows so far from now on."""
    atomic_write(&recent.since, recent.count)
    recent.hops = 0


cdef object recent_rows(Recent *recent):
    """Copies, oldest first: analysed (n,) bool, magnitudes (n, n_bins), codes (n, n_code)."""
    cdef float[:, ::1] copy = np.empty((recent.n_rows, recent.row_floats), np.float32)
    cdef long long before = atomic_read(&recent.count), after
    with nogil:
        atomic_copy_out(&copy[0, 0], recent.rows, recent.n_rows * recent.row_floats)
    after = atomic_read(&recent.count)
    # the row after the newest may be half written; so may those that were due while they were copied
    counts = np.arange(max(atomic_read(&recent.since), after + 1 - recent.n_rows), before)
    rows = np.asarray(copy)[counts % recent.n_rows]
    return rows[:, 0] > 0, rows[:, 1 : 1 + recent.n_bins], rows[:, 1 + recent.n_bins :]


RECENT_ROWS = ROWS
