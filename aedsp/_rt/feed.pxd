from aedsp._rt.player_state cimport PlayerState

cdef long long feed_mark(long long segment, long long position) noexcept nogil
cdef long long feed_segment(long long mark) noexcept nogil
cdef long long feed_pack_stretch(float stretch, float semitones) noexcept nogil
cdef void feed_take_stretch(PlayerState *p) noexcept nogil
cdef void feed_note_ahead(PlayerState *p) noexcept nogil
cdef void feed_seek_at_rest(PlayerState *p) noexcept nogil
cdef void feed_push(PlayerState *p, Py_ssize_t n_frames) noexcept nogil
