from aedsp._rt.loaded cimport LoadedModel

ctypedef enum DriveKind:
    DRIVE_CONSTANT  # 1 for every unit
    DRIVE_TYPICAL   # every unit at one percentile of its own activations
    DRIVE_HOLD      # the last code
    DRIVE_WALK      # a smooth random walk through each unit's percentiles
    DRIVE_ROWS      # given codes, one per hop

ctypedef struct Driver:
    DriveKind kind
    float rank                 # percent, for DRIVE_TYPICAL
    double walk_step           # steps of the walk per hop
    unsigned long long seed
    const float *rows          # for DRIVE_ROWS, row_length each; the last one is held
    Py_ssize_t n_rows, row, row_length
    unsigned long long fade_hops, hops    # hops of the fade-in; hops driven since the last input

ctypedef struct DriveRequest:  # all but rows
    DriveKind kind
    float rank
    double walk_step
    unsigned long long seed

cdef void drive_change(Driver *driver, const DriveRequest *request) noexcept nogil
cdef void drive_code(Driver *driver, const LoadedModel *m, unsigned long long hop, const float *last, float *code) noexcept nogil
cdef float drive_level(const Driver *driver, const LoadedModel *m) noexcept nogil
