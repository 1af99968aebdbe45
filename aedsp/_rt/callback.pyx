"""The PaStreamCallback: maps the device's channels to the player's and back, and times itself.

PortAudio's flags do not report every dropout, so the callback measures its load (time taken / time available): a
histogram, the worst case, the misses, and the gaps between callbacks. It publishes them through a triple buffer.
"""

from libc.string cimport memset

import threading

from aedsp._kernels._cpu cimport aedsp_alloc, aedsp_free
from aedsp._rt.control cimport triple_publish, triple_start, triple_take
from aedsp._rt.player cimport Player, player_process, player_step

cdef extern from "atomics.h":
    long long atomic_read(long long *p) noexcept nogil
    long long atomic_swap(long long *p, long long v) noexcept nogil
    long long clock_ns() noexcept nogil


cdef void _from_device(const float *x, Py_ssize_t n_in, float *out, Py_ssize_t channels, Py_ssize_t n) noexcept nogil:
    """One engine channel takes the mean of all; several take their own, or the device's last."""
    cdef Py_ssize_t i, c
    cdef float total
    for i in range(n):
        if channels == 1:
            total = 0
            for c in range(n_in):
                total += x[i * n_in + c]
            out[i] = total / n_in
        else:
            for c in range(channels):
                out[i * channels + c] = x[i * n_in + min(c, n_in - 1)]


cdef void _to_device(const float *x, Py_ssize_t channels, float *out, Py_ssize_t n_out, Py_ssize_t n) noexcept nogil:
    """One engine channel goes to the first two; several go to their own, or their mean to a single one."""
    cdef Py_ssize_t i, c
    cdef float total
    for i in range(n):
        for c in range(n_out):
            if channels == 1:
                out[i * n_out + c] = x[i] if c < 2 else 0
            else:
                out[i * n_out + c] = x[i * channels + c] if c < channels else 0
        if n_out == 1 and channels > 1:
            total = 0
            for c in range(channels):
                total += x[i * channels + c]
            out[i] = total / channels


cdef void _note_time(CallbackState *s, unsigned long n_frames, unsigned long flags, long long began) noexcept nogil:
    cdef CallbackStatistics *t = &s.statistics
    cdef double available = 1e9 * n_frames / s.sample_rate, load
    cdef Py_ssize_t i
    load = (clock_ns() - began) / available
    t.callbacks += 1
    t.frames += n_frames
    t.misses += load > 1
    t.load[min(<Py_ssize_t> (load * 32), LOAD_BINS - 1)] += 1
    t.last_load, t.worst_load = load, max(t.worst_load, load)
    if t.last_began_ns:
        t.worst_gap_ns = max(t.worst_gap_ns, began - t.last_began_ns)
        t.late += began - t.last_began_ns > 2 * available
    t.last_began_ns = began
    for i in range(5):
        t.flags[i] += flags >> i & 1
    s.published[s.turn.back] = t[0]
    triple_publish(&s.turn)


cdef int stream_callback(const void *input, void *output, unsigned long n_frames, const void *time_info,
                         unsigned long flags, void *user) noexcept nogil:
    """PaStreamCallback, interleaved float32; user: CallbackState. Always returns paContinue."""
    cdef CallbackState *s = <CallbackState *> user
    if n_frames == 0:
        return 0
    if atomic_read(&s.retired):                                  # another stream uses this player now
        memset(output, 0, n_frames * s.n_out * sizeof(float))
        return 0
    cdef long long began = clock_ns()
    cdef Py_ssize_t done = 0, n, channels = s.player.engine.n_channels
    cdef const float *x = <const float *> input
    cdef float *out = <float *> output
    while done < <Py_ssize_t> n_frames:
        n = player_step(s.player, n_frames - done)
        s.statistics.odd_blocks += s.player.block > 0 and n != s.player.block
        if x is not NULL and s.n_in > 0:
            _from_device(x + done * s.n_in, s.n_in, s.input, channels, n)
            player_process(s.player, s.input, s.output, n)
        else:
            player_process(s.player, NULL, s.output, n)
        _to_device(s.output, channels, out + done * s.n_out, s.n_out, n)
        done += n
    _note_time(s, n_frames, flags, began)
    return 0


cdef class Callback:
    """The owner of the callback's state.

    Parameters
    ----------
    player : Player
        Kept alive here; this object must outlive the stream.
    n_in, n_out : int
        The device's channels; n_in 0: no input.
    sample_rate : float
        Hz.
    before : Callback or None
        The callback to take over from: this one continues its statistics; any later call of it outputs silence.
    """

    def __cinit__(self, Player player not None, Py_ssize_t n_in, Py_ssize_t n_out, double sample_rate,
                  Callback before=None):
        if n_in < 0 or n_out < 1:
            raise ValueError(f"n_in, n_out are {n_in}, {n_out}; expected at least 0 and 1")
        cdef Py_ssize_t most = player_step(&player.state, 1 << 30) * player.state.engine.n_channels
        self.player, self.reading = player, threading.Lock()
        triple_start(&self.state.turn)
        self.state.player = &player.state
        self.state.n_in, self.state.n_out, self.state.sample_rate = n_in, n_out, sample_rate
        self.state.input = <float *> aedsp_alloc(2 * most * sizeof(float))
        if self.state.input is NULL:
            raise MemoryError
        self.state.output = self.state.input + most
        if before is not None:
            atomic_swap(&before.state.retired, 1)
            self.state.statistics = before._newest()
            self.state.statistics.last_began_ns = 0
            self.state.published[self.state.turn.front] = self.state.statistics

    def __dealloc__(self):
        aedsp_free(self.state.input)

    def addresses(self):
        """(address of the callback, address of its state), for PortAudio."""
        return <size_t> &stream_callback, <size_t> &self.state

    def call(self, const float[:, ::1] x, float[:, ::1] out not None, unsigned long flags=0):
        """Call it as PortAudio does: x (n_frames, n_in) or None, out (n_frames, n_out)."""
        if out.shape[1] != self.state.n_out or (x is not None and (x.shape[1] != self.state.n_in or x.shape[0] != out.shape[0])):
            raise ValueError(f"expected x of {self.state.n_in} and out of {self.state.n_out} channels, equally long")
        with nogil:
            stream_callback(&x[0, 0] if x is not None else NULL, &out[0, 0], out.shape[0], NULL, flags, &self.state)

    cdef CallbackStatistics _newest(self) except *:
        """A copy of those of the last call."""
        self.reading.acquire()
        triple_take(&self.state.turn)
        cdef CallbackStatistics t = self.state.published[self.state.turn.front]
        self.reading.release()
        return t

    def statistics(self):
        """A consistent copy, by name; times in ms, loads as shares of the time available."""
        cdef CallbackStatistics t = self._newest()
        return {
            "callbacks": t.callbacks, "callback_frames": t.frames, "misses": t.misses, "late": t.late,
            "odd_blocks": t.odd_blocks, "load": [t.load[i] for i in range(LOAD_BINS)],
            "worst_load": t.worst_load, "last_load": t.last_load, "worst_gap_ms": t.worst_gap_ns / 1e6,
            "flags": {name: t.flags[i] for i, name in enumerate(FLAGS)},
        }


FLAGS = ("input underflow", "input overflow", "output underflow", "output overflow", "priming")
