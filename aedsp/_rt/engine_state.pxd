from aedsp._kernels.limiter cimport Limiter
from aedsp._kernels.phase cimport Phase
from aedsp._kernels.resample cimport Resampler
from aedsp._kernels.rtisi cimport Rtisi
from aedsp._kernels.stft cimport Stft
from aedsp._rt.control cimport ControlSnapshot
from aedsp._rt.drive cimport Driver
from aedsp._rt.loaded cimport LoadedModel
from aedsp._rt.phase_synthesis cimport PhaseMode, PhaseSynthesis
from aedsp._rt.ring cimport Ring

# What one engine remembers between hops. `handle.pyx` owns the memory; `hop.pyx` and `engine.pyx` work on it.

cdef enum:
    CHUNK = 1024     # most frames of a step, where blocks have any size

ctypedef enum InputKind:
    INPUT_AUDIO      # audio comes in
    INPUT_NONE       # there is no input: the units are driven (`drive.pyx`)
    INPUT_MISSING    # audio is missing: it is concealed, the last code stays and the phases run on

ctypedef enum EventKind:
    EVENT_CONTROLS       # value: version of the snapshot that took effect
    EVENT_SWAP           # value: address of the LoadedModel that took effect
    EVENT_TRANSPORT      # value: the transport command that took effect
    EVENT_SEEK           # value: position in the source ring that was jumped to
    EVENT_UNDERRUN       # value: frames that were missing; in place of the hop: after how many of the call
    EVENT_TIME_STRETCH   # value: stretch and semitones that took effect (`feed_pack_stretch`)

ctypedef struct Event:
    long long kind, frame, hop, value     # frame: of the stream, at the beginning of the call that took the change

ctypedef struct Channel:
    Resampler *inward     # host rate to model rate
    Resampler *outward    # model rate to host rate
    Resampler *cross_inward    # another sound that gives the phases, where there is one
    float *cross_window
    float *window         # the newest window_length frames, the last `fill` of the hop being the newest
    float *sum            # overlap-add, window_length
    float *re             # spectrum of the hop, n_bins
    float *im
    float *unit_re        # source phases of every hop in flight, bin_stride apart
    float *unit_im
    float *magnitude      # magnitudes likewise
    PhaseSynthesis synthesis   # phases that are not the source's
    float *late_re        # spectrum of the hop before, where phases look ahead
    float *late_im
    float *turn_re        # while input may be missing: the phasors of the hop before; while it is: what a hop turns them by
    float *turn_im
    bint concealing

ctypedef struct OutputQueue:      # finished frames on their way out, through the limiter
    Py_ssize_t n_segment, segment_fill           # frames of one of the limiter's segments; how many are in
    float *segment                               # n_segment x n_channels, at the host's rate
    Py_ssize_t capacity, start, end, lead        # frames
    float *frames                                # interleaved

ctypedef struct HopsInFlight:     # begun, and not sounding yet
    Py_ssize_t slot, n_waiting                   # which of them is the newest; how many there are
    Py_ssize_t bin_stride                        # floats from the bins of one hop to those of the next

ctypedef struct PhasePlan:
    PhaseMode with_input, without
    int refine                                   # iterations on top of any phases
    bint look_ahead                              # the phases come a hop late

ctypedef struct Concealment:      # of an underrun
    unsigned long long until                     # the first hop whose window is free of missing frames
    double host_frames_per_frame, reach          # host frames a model frame; host frames that the filter reaches back

ctypedef struct HopClock:
    long long began                              # when the hop began, where sound is live
    long long hop_ns                             # the time that a hop may take; 0: not live, nothing is missing or metered

ctypedef struct ChangeLog:
    Ring *ring                                   # Event; NULL: nobody listens
    long long version                            # of the last snapshot
    long long frame                              # the stream's
    unsigned long long lost                      # events that did not fit, since a reset

ctypedef struct EngineCounters:   # since a reset
    unsigned long long frames, hops, sustained_hops, late_hops, refused_samples

ctypedef struct EngineState:
    Stft *stft
    Phase *phase
    Rtisi *rtisi                  # NULL where nothing is refined
    Limiter *limiter
    LoadedModel *loaded           # borrowed
    const ControlSnapshot *controls
    Ring *incoming                # LoadedModel *: to be exchanged at the next hop
    Ring *retired                 # LoadedModel *: back to the control side
    Channel *channels
    Py_ssize_t n_channels, latency_frames, chunk     # chunk: most frames taken in at once
    Py_ssize_t fill, first_fill                      # model frames of the current hop that are in
    HopsInFlight flight
    OutputQueue queue
    PhasePlan phases
    Driver driver
    Concealment concealment
    HopClock clock
    ChangeLog log
    EngineCounters counters
    unsigned long long hop, taken                    # since the state was cleared: hops, frames taken in
    bint crossed                                     # the phases come from the other sound of every channel
    float *cross                                     # scratch, 3 spectra
    float *heard                                     # decoded spectrum of the first channel's last hop, n_bins
    bint changes_due                                 # the next hop takes what was changed
    bint sustained                                   # the hop goes on without its input: frozen, or concealing
    bint frozen, frozen_from_source                  # the spectrum is held; out of the input's own phases
    bint source_phases                               # the last hop sounded with the phases of the input
