from aedsp._kernels.stretch cimport Stretch
from aedsp._rt.control cimport TripleBuffer
from aedsp._rt.hop cimport EngineState
from aedsp._rt.ring cimport Ring

cdef enum:
    CHUNK = 1024      # most frames of a step, where blocks have any size

ctypedef enum SourceKind:
    SOURCE_RING       # frames come through a ring, from the streamer
    SOURCE_DEVICE     # frames come with the callback
    SOURCE_NONE       # no input: the decoder alone

ctypedef enum Command:
    COMMAND_PLAY
    COMMAND_PAUSE
    COMMAND_STOP      # and forget all sound
    COMMAND_END       # never sent: the source came to its end

ctypedef struct Meter:
    Py_ssize_t n_code
    long long frame   # of the stream
    float peak        # of the output, falling by 20 dB a second
    float *code       # first channel, before the player's hand
    float *original   # first channel's spectrum, n_bins
    float *heard      # and what became of it

ctypedef struct PlayerState:
    EngineState *engine       # borrowed
    Ring *source              # borrowed, frames of the engine's channels; NULL but for SOURCE_RING
    Ring *commands            # long long: Command
    Ring *recorder            # frames
    SourceKind kind
    Py_ssize_t block          # frames of every call; 0: any
    long long cut, end        # atomic: the newest stretch begins, its source ends; each a position and a stretch (`_mark`)
    long long cut_seen        # atomic: the cut that the audio thread knows
    long long recording       # atomic
    long long state           # atomic: the last Command that took effect
    bint playing, stopping, frozen, waiting, dry
    Py_ssize_t fade, fade_frames, fade_from     # position in the output's fade; where in a step it begins
    Py_ssize_t splice, splice_frames        # frames left of the input's fade
    bint splicing_out
    long long splice_target, stretch, forced_missing, forced_after, tail, frames
    Stretch *vocoder          # borrowed; NULL: the source cannot be stretched
    long long asked_pace      # atomic: stretch and semitones, as `feed_pace` packs them
    long long taken_pace
    long long ahead           # atomic: source frames that are taken from the ring and do not sound yet
    bint stretched            # the source goes through the vocoder
    bint ending               # all of it that there is lies in the ring, up to the position `ends_at`
    long long ends_at
    bint source_over          # its end is in there, `source_end` frames behind the vocoder's beginning
    long long source_end
    float *fade_curve         # 0 to 1, fade_frames + 1
    float *splice_curve
    float *scratch            # CHUNK frames of input
    float peak
    double sample_rate
    TripleBuffer meter_turn
    Meter meter[3]
    unsigned long long starved_frames, starved_times, dropped_frames, recorded_frames

cdef long long feed_mark(long long stretch, long long position) noexcept nogil
cdef long long feed_stretch(long long mark) noexcept nogil
cdef long long feed_pace(float stretch, float semitones) noexcept nogil
cdef void feed_take_pace(PlayerState *p) noexcept nogil
cdef void feed_note_ahead(PlayerState *p) noexcept nogil
cdef void feed_jump_at_rest(PlayerState *p) noexcept nogil
cdef void feed_push(PlayerState *p, Py_ssize_t n_frames) noexcept nogil
