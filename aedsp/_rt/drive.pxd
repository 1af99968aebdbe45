from aedsp._rt.loaded cimport LoadedModel

ctypedef enum DriveKind:
    DRIVE_CONSTANT  # every unit by 1
    DRIVE_TYPICAL   # each at one percentile of its own activations
    DRIVE_HOLD      # by the last code
    DRIVE_WALK      # by a smooth random walk through its percentiles
    DRIVE_ROWS      # by codes that are given, one a hop

ctypedef struct Driver:
    DriveKind kind
    float rank                 # percent, for DRIVE_TYPICAL
    double walk_step           # turns of the walk a hop
    unsigned long long seed
    const float *rows          # for DRIVE_ROWS, of row_length each; the last one stays
    Py_ssize_t n_rows, row, row_length
    unsigned long long fade_hops, hops    # hops of the fade-in; that have been driven since there was input

cdef void drive_code(Driver *driver, const LoadedModel *m, unsigned long long hop, const float *last, float *code) noexcept nogil
cdef float drive_level(const Driver *driver, const LoadedModel *m) noexcept nogil
