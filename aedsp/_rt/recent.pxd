ctypedef struct Recent:
    Py_ssize_t n_rows, row_floats        # row: channel's analysed flag, magnitudes (n_bins), activations (n_code)
    Py_ssize_t n_bins, n_code, n_channels
    long long every                      # hops between rows
    long long count                      # rows written so far; atomic
    long long since                      # rows written before the sound was cleared; atomic
    long long hops                       # of the audio side, since the last row
    float *rows                          # atomic, each float

cdef int recent_start(Recent *recent, Py_ssize_t n_bins, Py_ssize_t n_code, Py_ssize_t n_channels, long long every) noexcept
cdef void recent_free(Recent *recent) noexcept nogil
cdef void recent_note(Recent *recent, Py_ssize_t channel, bint analysed, const float *magnitude, const float *code) noexcept nogil
cdef void recent_forget(Recent *recent) noexcept nogil
cdef object recent_rows(Recent *recent)
