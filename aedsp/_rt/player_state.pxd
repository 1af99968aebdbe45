from aedsp._kernels.time_stretch cimport TimeStretch
from aedsp._rt.control cimport TripleBuffer
from aedsp._rt.engine_state cimport EngineState
from aedsp._rt.ring cimport Ring

# What one player remembers between calls. `player.pyx` owns it; `feed.pyx` works on its source.

ctypedef enum SourceKind:
    SOURCE_RING       # frames come through a ring, from the streamer
    SOURCE_DEVICE     # frames come with the callback
    SOURCE_NONE       # no input: the decoder alone

ctypedef enum Command:
    COMMAND_PLAY
    COMMAND_PAUSE
    COMMAND_STOP      # and forget all sound
    COMMAND_END       # never sent: the source came to its end

ctypedef struct Transport:
    Ring *commands            # long long: Command
    long long state           # atomic: the last Command that took effect
    bint playing, stopping
    bint halted               # the engine's clock stands
    Py_ssize_t fade, fade_frames, fade_from     # position in the output's fade; where in a step it begins
    float *fade_curve         # 0 to 1, fade_frames + 1

ctypedef struct SourceState:  # the ring of a file, in segments: each a run of frames from one seek to the next
    Ring *ring                # borrowed, frames of the engine's channels; NULL but for SOURCE_RING
    long long seek_mark, end  # atomic: where the newest segment begins, and its end; each a position and a segment
    long long seek_taken      # atomic: the seek that the audio thread has taken
    long long seek_target
    long long segment         # the number of the one that sounds
    bint waiting, dry         # for the first frames of a segment; it began where the one before had run out
    Py_ssize_t splice, splice_frames            # frames left of the input's fade
    bint splicing_out
    float *splice_curve
    float *scratch            # CHUNK frames of input
    long long tail            # frames of silence until the end is heard
    long long forced_missing, forced_after      # of an underrun that is rendered again
    unsigned long long underrun_frames, underruns

ctypedef struct TimeStretching:
    TimeStretch *kernel       # borrowed; NULL: the source cannot be stretched
    long long asked           # atomic: stretch and semitones, as `feed_pack_stretch` packs them
    long long taken
    long long ahead           # atomic: source frames that are taken from the ring and do not sound yet
    bint active               # the source goes through the kernel
    bint ending               # all of it that there is lies in the ring, up to the position `ends_at`
    long long ends_at
    bint over                 # its end is in there, `over_at` frames behind the kernel's beginning
    long long over_at

ctypedef struct RecorderState:
    Ring *ring                # frames
    long long on              # atomic
    unsigned long long frames, dropped_frames

ctypedef struct Meter:
    Py_ssize_t n_code
    long long frame   # of the stream
    float peak        # of the output, falling by 20 dB a second
    float *code       # first channel, before gains and overrides
    float *original   # first channel's spectrum, n_bins
    float *heard      # and what became of it

ctypedef struct Meters:
    TripleBuffer turn
    Meter slot[3]
    float peak

ctypedef struct PlayerState:
    EngineState *engine       # borrowed
    SourceKind kind
    Py_ssize_t block          # frames of every call; 0: any
    double sample_rate
    long long frames
    Transport transport
    SourceState source
    TimeStretching stretching
    RecorderState recorder
    Meters meters
