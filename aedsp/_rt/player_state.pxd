from aedsp._kernels.time_stretch cimport TimeStretch
from aedsp._rt.control cimport TripleBuffer
from aedsp._rt.engine_state cimport EngineState
from aedsp._rt.ring cimport Ring

# State of one player between calls. `player.pyx` owns it; `feed.pyx` works on its source.

ctypedef enum SourceKind:
    SOURCE_RING       # frames from the streamer, through a ring
    SOURCE_DEVICE     # frames from the callback
    SOURCE_NONE       # no input: decoder only

ctypedef enum Command:
    COMMAND_PLAY
    COMMAND_PAUSE
    COMMAND_STOP      # and clear all audio state
    COMMAND_END       # never sent: the source has ended

ctypedef struct Transport:
    Ring *commands            # long long: Command
    long long state           # atomic: the last Command that took effect
    bint playing, stopping
    bint halted               # the engine's clock is halted
    Py_ssize_t fade, fade_frames, fade_from     # position in the output fade; start of the fade within a step
    float *fade_curve         # 0 to 1, fade_frames + 1

ctypedef struct SourceState:  # the ring of a file; a segment is the run of frames between seeks
    Ring *ring                # borrowed, frames of the engine's channels; NULL: there is none
    long long seek_mark, end  # atomic: start and end of the newest segment, packed by `feed_mark`
    long long seek_taken      # atomic: the last seek that the audio thread has taken
    long long seek_target
    long long segment         # number of the playing segment
    bint waiting, dry         # for a segment's first frames; the jump comes without a fade-out
    Py_ssize_t splice, splice_frames            # frames left of the input fade
    bint splicing_out
    float *splice_curve
    float *scratch            # CHUNK frames of input
    long long tail            # frames of silence until the end has sounded
    long long forced_missing, forced_after      # of a replayed underrun
    unsigned long long underrun_frames, underruns     # since the player was created

ctypedef struct TimeStretching:
    TimeStretch *kernel       # borrowed; NULL: no time-stretching
    long long asked           # atomic: stretch and semitones, packed by `feed_pack_stretch`
    long long taken
    long long ahead           # atomic: source frames taken from the ring but not played yet
    bint active               # the source goes through the kernel
    bint ending               # the rest of the segment is in the ring, up to position `ends_at`
    long long ends_at
    bint over                 # the kernel has the segment's end, `over_at` frames after its own start
    long long over_at

ctypedef struct RecorderState:
    Ring *ring                # frames
    long long on              # atomic: RECORDER_OFF, RECORDER_ON or RECORDER_ARMED (`outlets.pxd`)
    unsigned long long frames, dropped_frames

cdef enum:
    MOST_TAPS = 4

ctypedef struct Tap:          # another reader of the output
    Ring *ring                # borrowed, frames
    long long on              # atomic: whether it gets the output

ctypedef struct PlayerCounters:   # since the player was created
    unsigned long long underrun_frames, underruns, recorded_frames, dropped_frames

ctypedef struct Meter:
    PlayerCounters counters
    Py_ssize_t n_code
    long long frame   # stream position
    float peak        # of the output, falling by 20 dB/s
    float *code       # first channel, before gains and overrides
    float *original   # first channel's spectrum, n_bins
    float *heard      # the same spectrum as heard

ctypedef struct Meters:
    TripleBuffer turn
    Meter slot[3]
    float peak

ctypedef struct PlayerState:
    EngineState *engine       # borrowed
    SourceKind kind
    long long asked_kind      # atomic: SourceKind from the next call on
    Py_ssize_t block          # frames per call; 0: any
    double sample_rate
    long long frames
    Transport transport
    SourceState source
    TimeStretching stretching
    RecorderState recorder
    Tap taps[MOST_TAPS]
    Meters meters
