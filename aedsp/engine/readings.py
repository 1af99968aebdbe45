"""EngineReadings: what an engine was made with, and what it reports; a base of `Engine`. Control thread only."""

from __future__ import annotations

import math
from fractions import Fraction

from aedsp._rt.handle import EngineHandle
from aedsp.arrays import Float32
from aedsp.engine.arguments import expect_int
from aedsp.engine.controls import Controls
from aedsp.engine.phases import PhaseMode
from aedsp.engine.statistics import Statistics
from aedsp.engine.timing import Timing
from aedsp.model.model import Model
from aedsp.unique import Unique


class EngineReadings(Unique):
    """The properties of an `Engine` that only read."""

    __slots__ = (
        "_block_frames", "_channels", "_controls", "_handle", "_model", "_n_codes", "_phase", "_precision",
        "_refine", "_sample_rate", "_seed", "_timing",
    )  # fmt: skip

    _block_frames: int | None
    _channels: int
    _controls: Controls
    _handle: EngineHandle
    _model: Model
    _n_codes: int
    _phase: PhaseMode
    _precision: str
    _refine: int
    _sample_rate: float
    _seed: int
    _timing: Timing

    @property
    def model(self) -> Model:
        """The current model, or the one passed to the last `swap`."""
        return self._model

    @property
    def block_frames(self) -> int | None:
        """Fixed block length in frames. None: blocks of any length."""
        return self._block_frames

    @property
    def sample_rate(self) -> float:
        """The host's rate in Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def phase(self) -> PhaseMode:
        """The phase mode passed to the constructor."""
        return self._phase

    @property
    def refine(self) -> int:
        """Iterations that fit the phases to the output so far."""
        return self._refine

    @property
    def seed(self) -> int:
        """Seed of the start phases and of the drive "walk"."""
        return self._seed

    @property
    def controls(self) -> Controls:
        """Gain, scale, muted, sign and override of every unit; monitor; freeze."""
        return self._controls

    @property
    def precision(self) -> str:
        """Storage of the current model's weights: "float32", "float16" or "int8"."""
        return self._precision

    @property
    def latency_frames(self) -> int:
        """Exact delay from an input frame to the matching output frame, in frames at the host's rate."""
        return self._timing.latency_frames

    @property
    def algorithm_frames(self) -> int:
        """The part of the latency that is due to the windows, in frames at the model's rate."""
        return self._timing.algorithm_frames

    @property
    def latency_s(self) -> float:
        """`latency_frames` in s."""
        return self.latency_frames / self._sample_rate

    @property
    def frame(self) -> int:
        """Input frames taken in since `reset`, or since a stream stopped: the next frame, for `schedule`."""
        return self._handle.counters()["taken"]

    def hop_frame(self, hop: int) -> int:
        """The first input frame of a hop, its number since `reset` counted from 0: where `schedule` reaches it."""
        expect_int("hop", hop, 0, 2**62)
        begin = self._timing.ratio * (hop * self._model.front_end.hop_length - self._timing.first_fill)
        return max(0, math.ceil(begin))

    @property
    def code_latency_frames(self) -> float:
        """From the middle of a code's window to the end of its hop, in frames at the host's rate.

        The middle is `FrontEnd.window_centre`.
        """
        front_end = self._model.front_end
        return float(self._timing.ratio * (front_end.window_length - Fraction(front_end.window_centre)))

    def code_frame(self, hop: int) -> float:
        """The input frame that the code of a hop belongs to: the middle of its window, exact.

        hop: number of the hop since `reset`, from 0; the newest is ``statistics.hops - 1``. Frames of the input count
        from `reset`, at the host's rate; at other rates than the model's the middle may lie between two of them.
        """
        expect_int("hop", hop, 0, 2**62)
        end = (hop + 1) * self._model.front_end.hop_length - self._timing.first_fill
        return float(self._timing.ratio * end) - self.code_latency_frames

    def most_hops(self, n_frames: int) -> int:
        """The most hops that a block of n_frames can complete: rows that `process` needs in `codes`."""
        expect_int("n_frames", n_frames, 0, 2**40)
        return math.ceil(n_frames / (self._timing.ratio * self._model.front_end.hop_length))

    @property
    def n_codes(self) -> int:
        """Codes written by the last `process` or `generate` with ``codes=``."""
        return self._n_codes

    @property
    def code(self) -> Float32:
        """Activations of the latest hop before gains and overrides: a copy, (n_code,) or (channels, n_code)."""
        code = self._handle.code()
        return code[0] if self._channels == 1 else code

    @property
    def statistics(self) -> Statistics:
        """Counters since the last reset."""
        counts = self._handle.counters()
        return Statistics(**{name: counts[name] for name in Statistics.__dataclass_fields__})
