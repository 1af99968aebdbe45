"""The drive: activates the units without input, one code per hop, before gains and overrides.

constant  1 for every unit (the paper: all units fired alike), 12 dB down
typical   every unit at one percentile of its own activations over the training spectra
          (typical and walk fall back to constant for a model without percentiles, rows for a model with another number
          of units)
walk      u(t) between the lowest and the highest of its percentiles: at whole t = hop · step a number drawn from (seed,
          unit, t), a smooth step in between; u is used as a rank into the percentiles
rows      given codes, one per hop; the last one is held
hold      the last code

Depends on seed and hop only, so any partition gives bit-identical output. All but hold begin with a fade-in.
"""

from libc.math cimport M_PI, cos, floor
from libc.string cimport memcpy

cdef float CONSTANT_LEVEL = 0.25


cdef inline double _drawn(unsigned long long seed, unsigned long long unit, unsigned long long at) noexcept nogil:
    """In [0, 1): the finalizer of splitmix64 (Steele, Lea & Flood 2014) over the three."""
    cdef unsigned long long z = seed * <unsigned long long> 0x9E3779B97F4A7C15
    z += unit * <unsigned long long> 0xBF58476D1CE4E5B9 + at * <unsigned long long> 0x94D049BB133111EB
    z += <unsigned long long> 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * <unsigned long long> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <unsigned long long> 0x94D049BB133111EB
    z = z ^ (z >> 31)
    return <double> (z >> 11) * (1.0 / 9007199254740992.0)


cdef inline float _at_rank(const LoadedModel *m, Py_ssize_t unit, double rank) noexcept nogil:
    """A unit's activation at a rank in percent, linear between the known ranks, of which there are at least two."""
    cdef Py_ssize_t i = 1
    cdef double low, high
    while i < m.n_ranks - 1 and rank > m.ranks[i]:
        i += 1
    low, high = m.percentiles[(i - 1) * m.n_code + unit], m.percentiles[i * m.n_code + unit]
    rank = min(1.0, max(0.0, (rank - m.ranks[i - 1]) / (m.ranks[i] - m.ranks[i - 1])))
    return <float> (low + (high - low) * rank)


cdef double _walk(const Driver *driver, Py_ssize_t unit, double at) noexcept nogil:
    cdef double whole = floor(at), part = at - whole
    cdef double a = _drawn(driver.seed, unit, <unsigned long long> whole)
    cdef double b = _drawn(driver.seed, unit, <unsigned long long> whole + 1)
    return a + (b - a) * part * part * part * (part * (6 * part - 15) + 10)


cdef inline bint _constant(const Driver *driver, const LoadedModel *m) noexcept nogil:
    """Whether the drive is constant: as requested, or because this model supports nothing else."""
    if driver.kind == DRIVE_TYPICAL or driver.kind == DRIVE_WALK:
        return m.n_ranks < 2
    return driver.kind == DRIVE_CONSTANT or (driver.kind == DRIVE_ROWS and driver.row_length != m.n_code)


cdef void drive_change(Driver *driver, const DriveRequest *request) noexcept nogil:
    """Another drive; it fades in if its kind is another."""
    if driver.kind != request.kind:
        driver.kind, driver.hops = request.kind, 0
    driver.rank, driver.seed, driver.walk_step = request.rank, request.seed, request.walk_step
    driver.rows, driver.n_rows, driver.row = NULL, 0, 0


cdef void drive_code(Driver *driver, const LoadedModel *m, unsigned long long hop, const float *last, float *code) noexcept nogil:
    """Write the code (n_code,) for hop number `hop`; last: the previous hop's code."""
    cdef Py_ssize_t j
    cdef double low, high
    if _constant(driver, m):
        for j in range(m.n_code):
            code[j] = 1
    elif driver.kind == DRIVE_TYPICAL:
        for j in range(m.n_code):
            code[j] = _at_rank(m, j, driver.rank)
    elif driver.kind == DRIVE_WALK:
        low, high = m.ranks[0], m.ranks[m.n_ranks - 1]
        for j in range(m.n_code):
            code[j] = _at_rank(m, j, low + (high - low) * _walk(driver, j, hop * driver.walk_step))
    elif driver.kind == DRIVE_ROWS:
        memcpy(code, driver.rows + driver.row * driver.row_length, m.n_code * sizeof(float))
    elif last != code:
        memcpy(code, last, m.n_code * sizeof(float))


cdef float drive_level(const Driver *driver, const LoadedModel *m) noexcept nogil:
    """Gain for the spectrum of the current hop."""
    cdef float level = CONSTANT_LEVEL if _constant(driver, m) else 1
    if driver.kind == DRIVE_HOLD or driver.hops >= driver.fade_hops:
        return level
    return <float> (level * (0.5 - 0.5 * cos(M_PI * (driver.hops + 1) / (driver.fade_hops + 1))))


def drawn(unsigned long long seed, unsigned long long unit, unsigned long long at):
    """The walk's random number for a unit at a whole step: float in [0, 1). For tests."""
    return _drawn(seed, unit, at)
