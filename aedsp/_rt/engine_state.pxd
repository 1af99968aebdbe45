from aedsp._kernels.limiter cimport Limiter
from aedsp._kernels.phase cimport Phase
from aedsp._kernels.resample cimport Resampler
from aedsp._kernels.rtisi cimport Rtisi
from aedsp._kernels.stft cimport Stft
from aedsp._kernels.volume cimport Volume
from aedsp._rt.control cimport ControlSnapshot, TripleBuffer
from aedsp._rt.drive cimport Driver
from aedsp._rt.loaded cimport LoadedModel
from aedsp._rt.phase_synthesis cimport PhaseMode, PhaseSynthesis
from aedsp._rt.ring cimport Ring
from aedsp._rt.schedule cimport Schedule

# State of one engine between hops. `handle.pyx` owns the memory; `hop.pyx` and `engine.pyx` work on it.

cdef enum:
    CHUNK = 1024     # maximum frames of a step when the block size varies

ctypedef enum InputKind:
    INPUT_AUDIO      # audio input
    INPUT_NONE       # no input: the drive activates the units (`drive.pyx`)
    INPUT_MISSING    # underrun: concealed by holding the last code and advancing the phases

ctypedef enum EventKind:
    EVENT_CONTROLS       # value: version of the snapshot that took effect
    EVENT_SWAP           # value: address of the LoadedModel that took effect
    EVENT_TRANSPORT      # value: the transport command that took effect
    EVENT_SEEK           # value: target position in the source ring; negative: no fade-out
    EVENT_UNDERRUN       # value: missing frames; `hop` holds their offset in the call instead
    EVENT_TIME_STRETCH   # value: stretch and semitones that took effect (`feed_pack_stretch`)
    EVENT_SOURCE         # value: kind of the source that took effect
    EVENT_DRIVE          # a drive that was requested took effect
    EVENT_SCHEDULED      # value: a scheduled change that took effect (`hop_pack_change`)

ctypedef struct Event:
    long long kind, frame, hop, value     # frame: stream position at the start of the call that applied the change

ctypedef struct Channel:
    Resampler *inward     # host rate to model rate
    Resampler *outward    # model rate to host rate
    Resampler *cross_inward    # second sound that supplies the phases; NULL: none
    float *cross_window
    float *window         # the newest window_length frames; the hop's first `fill` frames are in
    float *sum            # overlap-add, reach_length
    float *past           # refined only: the output before `sum`, window_length - reach_length
    float *re             # spectrum of the hop, n_bins
    float *im
    float *unit_re        # source phasors of every hop in flight, bin_stride apart
    float *unit_im
    float *magnitude      # magnitudes, same layout
    PhaseSynthesis synthesis   # phases other than the source's
    float *late_re        # spectrum of the previous hop, for phases with look-ahead
    float *late_im
    float *turn_re        # live: phasors of the previous hop; while concealing: rotation per hop
    float *turn_im
    bint concealing

ctypedef struct OutputQueue:      # finished frames, through the limiter
    Py_ssize_t n_segment, segment_fill           # frames per limiter segment; frames filled so far
    float *segment                               # n_segment x n_channels, at the host rate
    Py_ssize_t capacity, start, end, lead        # frames
    float *frames                                # interleaved

ctypedef struct HopsInFlight:     # analysed, not synthesised yet
    Py_ssize_t slot, n_waiting                   # index of the newest; count
    Py_ssize_t bin_stride                        # floats between the bins of consecutive hops

ctypedef struct PhasePlan:
    PhaseMode with_input, without
    int refine                                   # RTISI iterations on top of any phases
    bint look_ahead                              # the phases are one hop late

ctypedef struct Concealment:      # of an underrun
    unsigned long long until                     # first hop whose window has no missing frames
    double host_frames_per_frame, reach          # host frames per model frame; host frames that the filter reaches back

ctypedef struct HopClock:
    long long began                              # start of the hop, ns; live only
    long long hop_ns                             # deadline of a hop; 0: offline, no underruns, no meters

ctypedef struct CodeRows:         # where the hops of one call write their codes
    float *rows                                  # most x n_channels x n_code; NULL: nowhere
    Py_ssize_t n, most, n_code

ctypedef struct ChangeLog:
    Ring *ring                                   # Event; NULL: no logging
    long long version                            # of the last snapshot
    long long frame                              # stream position

ctypedef struct EngineCounters:   # since the last reset
    unsigned long long frames, hops, sustained_hops, late_hops, refused_samples, limited_frames, lost_events, late_changes
    long long taken, schedule_done    # input frames since the state was cleared; scheduled changes from Python, applied or dropped

ctypedef struct CounterSlots:     # for the control side
    EngineCounters slot[3]
    TripleBuffer turn

ctypedef struct EngineState:
    Stft *stft
    Phase *phase
    Rtisi *rtisi                  # NULL: no refinement
    Limiter *limiter
    LoadedModel *loaded           # borrowed
    long long n_units             # atomic: of `loaded`, for threads that must not follow it
    const ControlSnapshot *controls
    Ring *incoming                # LoadedModel *: taken at the next hop
    Ring *retired                 # LoadedModel *: returned to the control side
    Ring *drives                  # DriveRequest: taken at the next hop
    Schedule *schedule            # changes of controls at later hops
    Channel *channels
    Py_ssize_t n_channels, latency_frames, chunk     # chunk: maximum frames taken in at once
    Py_ssize_t fill, first_fill                      # model frames of the current hop so far
    HopsInFlight flight
    OutputQueue queue
    PhasePlan phases
    Driver driver
    Concealment concealment
    HopClock clock
    ChangeLog log
    CodeRows codes
    EngineCounters counters
    CounterSlots published
    unsigned long long hop, taken                    # hops and input frames since the state was cleared
    bint crossed                                     # a second sound supplies every channel's phases
    float *cross                                     # scratch, 3 spectra
    float *mixed_re                                  # scratch: the spectrum of a hop that mixes with the original
    float *mixed_im
    Volume volume
    bint volume_jumps                                # the next change of volume has no ramp
    bint analysed                                    # the newest code was made from an analysed spectrum
    float *heard                                     # decoded spectrum of the first channel's last hop, n_bins
    bint changes_due                                 # the next hop applies pending changes
    bint sustained                                   # the hop runs without its input: frozen or concealing
    bint frozen, frozen_from_source                  # the spectrum is held; from the input's own phases
    bint source_phases                               # the last hop used the input's phases
