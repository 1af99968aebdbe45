from aedsp._kernels.limiter cimport Limiter
from aedsp._kernels.phase cimport Phase
from aedsp._kernels.resample cimport Resampler
from aedsp._kernels.rtisi cimport Rtisi
from aedsp._kernels.stft cimport Stft
from aedsp._rt.control cimport ControlSnapshot
from aedsp._rt.drive cimport Driver
from aedsp._rt.loaded cimport LoadedModel
from aedsp._rt.ring cimport Ring
from aedsp._rt.vocoder cimport PhaseMode, Vocoder

ctypedef enum Drive:
    DRIVE_INPUT      # audio comes in
    DRIVE_CODES      # no input: the units are driven (`drive.pyx`)
    DRIVE_HELD       # audio is missing: the last code is held, the phases run on

ctypedef enum EventKind:
    EVENT_CONTROLS   # value: version of the snapshot that took effect
    EVENT_SWAP       # value: address of the LoadedModel that took effect
    EVENT_TRANSPORT  # value: the transport command that took effect
    EVENT_CUT        # value: position in the source ring that was jumped to
    EVENT_STARVED    # value: frames that were missing; in place of the hop: after how many of the call
    EVENT_STRETCH    # value: stretch and semitones that took effect (`feed_pace`)

ctypedef struct Event:
    long long kind, frame, hop, value     # frame: of the stream, at the beginning of the call that took the change

ctypedef struct Channel:
    Resampler *inward     # host rate to model rate
    Resampler *outward    # model rate to host rate
    Resampler *cross_inward    # another sound that gives the phases, where there is one
    float *cross_frame
    float *frame          # the newest window_length samples, the last `fill` of the hop being the newest
    float *sum            # overlap-add, window_length
    float *re             # spectrum of the hop, n_bins
    float *im
    float *unit_re        # source phases of every hop in flight, bin_stride apart
    float *unit_im
    float *magnitude      # magnitudes likewise
    Vocoder vocoder       # phases that are not the source's
    float *late_re        # spectrum of the hop before, where phases look ahead
    float *late_im
    float *turn_re        # while input may be missing: the phasors of the hop before; while it is: what a hop turns them by
    float *turn_im
    bint holding

ctypedef struct EngineState:
    Stft *stft
    Phase *phase
    Rtisi *rtisi                  # NULL where nothing is refined
    Limiter *limiter
    LoadedModel *loaded           # borrowed
    const ControlSnapshot *controls
    Ring *incoming                # LoadedModel *: to be exchanged at the next hop
    Ring *retired                 # LoadedModel *: back to the control side
    Ring *log                     # Event; NULL: nobody listens
    Channel *channels
    Py_ssize_t n_channels, latency_frames
    Py_ssize_t fill, first_fill   # model frames of the current hop that are in
    Py_ssize_t n_segment, segment_fill, queue_capacity, queue_start, queue_end, queue_lead
    PhaseMode phase_with_input, phase_without
    Driver driver
    int refine                    # iterations on top of any phases
    bint look_ahead               # the phases come a hop late
    Py_ssize_t bin_stride         # floats from the bins of one hop in flight to those of the next
    Py_ssize_t slot, n_waiting    # which of them is the newest; how many are to sound yet
    Py_ssize_t chunk              # most frames taken in at once
    bint crossed                  # the phases come from the other sound of every channel
    float *cross                  # scratch, 3 spectra
    float *heard                  # decoded spectrum of the first channel's last hop, n_bins
    float *segment                # n_segment x n_channels, at the host's rate
    float *queue                  # finished frames, interleaved
    unsigned long long hop, taken              # since the state was cleared: hops, frames taken in
    unsigned long long hold_until              # the first hop whose window is free of missing frames
    double host_frames_per_frame, reach        # host frames a model frame; host frames that the filter reaches back
    bint changes_due                           # the next hop takes what was changed
    bint held                                  # the hop goes on without its input
    bint source_phases                         # the last hop sounded with the phases of the input
    bint frozen, frozen_from_source            # by the player's will, and not for want of it; out of the input's own phases
    long long version, log_frame               # of the last snapshot; the stream's frame, for the log
    long long began                            # when the hop began, where sound is live
    long long hop_ns                           # the time that a hop may take; 0: not live, nothing is missing or metered
    unsigned long long frames, hops, held_hops, late_hops, refused_samples, lost_events    # since a reset

cdef void hop_begin(EngineState *e, Py_ssize_t slot, Drive drive) noexcept nogil
cdef void hop_pass(EngineState *e, Py_ssize_t first, int n_frames, Drive drive) noexcept nogil
cdef void hop_synthesise(EngineState *e, Py_ssize_t frame, int which, Drive drive) noexcept nogil
cdef void hop_end(EngineState *e, Drive drive) noexcept nogil
cdef void hop_take_changes(EngineState *e) noexcept nogil
cdef void hop_note(EngineState *e, EventKind kind, long long at, long long value) noexcept nogil
