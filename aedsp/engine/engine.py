"""Engine: resynthesizes blocks of audio through a model, with controls on its units.

Everything here runs in the caller's thread, at set-up or around the compiled call. The audio thread's computation is
in `aedsp/_rt/engine.pyx`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from aedsp._kernels.resample import Filter
from aedsp._rt.handle import EngineHandle
from aedsp._rt.recent import RECENT_ROWS
from aedsp.arrays import MOST_CHANNELS, Float32, Float64
from aedsp.engine import drives, effects, phases, whole_files
from aedsp.engine.arguments import (
    as_audio,
    as_codes,
    as_out,
    as_phases,
    expect_choice,
    expect_int,
    expect_out,
    expect_shape,
    host_rate,
)
from aedsp.engine.attached import AttachedEngine
from aedsp.engine.compile import Compiled, compile_model
from aedsp.engine.controls import Controls
from aedsp.engine.curves import Automation
from aedsp.engine.listener import Listener
from aedsp.engine.phases import PhaseMode
from aedsp.engine.state import State
from aedsp.engine.through import Progress
from aedsp.engine.timing import timing
from aedsp.errors import SwapError
from aedsp.model.model import Model

PrecisionMode = Literal["auto", "float32", "float16", "int8"]

_FLOAT32 = np.dtype(np.float32)


class Engine(AttachedEngine):
    """Resynthesis of audio through an autoencoder, with controls on its units.

    Parameters
    ----------
    model : Model
    sample_rate : float, optional
        The host's rate in Hz, between 1/64 and 64 times the model's rate. None: the model's rate.
    channels : int
        1 to 64. All channels share the controls. Each has its own spectra and phases.
    block_frames : int, optional
        Fixed block length. It shortens the latency; a block of any other length raises ValueError. None: blocks of
        any length.
    phase : "auto", "source", "advance", "spsi", "pghi" or "pghi1"
        Phases of the resynthesis: taken from the input ("source"), advancing at each bin's own frequency ("advance"),
        or computed from the magnitudes alone (`docs/phase.md`). "pghi1" waits for the next spectrum and adds one hop
        of latency. "auto" is "source" with input; without input it is "pghi", or "spsi" below 75 % overlap.
    refine : int
        Iterations, 0 to 64, that fit the phases to the output so far. Each costs two transforms.
    precision : "auto", "float32", "float16" or "int8"
        Storage of the weights: fewer bytes load faster. "auto" takes float16 if the processor converts it in hardware
        and the error is at least 60 dB below the output (`aedsp/engine/precision.py`). int8 is audible.
    seed : int
        Seeds the start phases and the drive "walk".

    Notes
    -----
    Use an engine from one thread at a time. Controls may be written from any thread.
    """

    _instead = "make it from the Model where it is needed; a Model can be copied and pickled"

    __slots__ = ("__weakref__", "_listener", "_precision_mode", "_prepared")

    def __init__(
        self,
        model: Model,
        sample_rate: float | None = None,
        *,
        channels: int = 1,
        block_frames: int | None = None,
        phase: PhaseMode = "auto",
        refine: int = 0,
        precision: PrecisionMode = "auto",
        seed: int = 0,
    ) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"model is {type(model).__name__}; expected aedsp.Model, e.g. aedsp.Model.load(path)")
        expect_choice("phase", phase, get_args(PhaseMode))
        expect_choice("precision", precision, get_args(PrecisionMode))
        expect_int("channels", channels, 1, MOST_CHANNELS)
        expect_int("refine", refine, 0, 64)
        expect_int("seed", seed, 0, 2**63 - 1)
        if block_frames is not None:
            expect_int("block_frames", block_frames, 1, 2**20)
        self._phase: PhaseMode = phase
        self._refine, self._seed = refine, seed
        self._listener: Listener | None = None
        self._n_codes = 0
        self._model = model
        self._channels = channels
        self._block_frames = block_frames
        self._sample_rate = host_rate(sample_rate, model.front_end.sample_rate)
        self._controls = Controls(model.n_code)
        front_end = model.front_end
        inward = Filter(self._sample_rate, front_end.sample_rate)
        outward = Filter(front_end.sample_rate, self._sample_rate)
        plan = phases.plan(front_end, phase, refine, block_frames)
        self._timing = timing(front_end, inward, outward, block_frames, int(plan.look_ahead))
        self._precision_mode = precision
        self._prepared: WeakKeyDictionary[Model, Compiled] = WeakKeyDictionary()
        compiled = self._compiled(model)
        self._precision = compiled.precision
        self._handle = EngineHandle(
            compiled.loaded(self._controls.buffer, channels),
            inward,
            outward,
            front_end,
            np.random.default_rng(seed).random(front_end.n_fft_bins),
            self._timing,
            channels,
            plan,
        )

    def __repr__(self) -> str:
        channels = f"{self._channels} channel{'s' * (self._channels > 1)}"
        return (
            f"<Engine: {self._model!r}, {channels} at {self._sample_rate:g} Hz, latency {self.latency_frames} frames "
            f"({1000 * self.latency_s:.1f} ms), weights {self._precision}>"
        )

    @property
    def listener(self) -> Listener | None:
        """Called for every change to the controls and the model. One listener at a time; None: no listener."""
        return self._listener

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        with self._controls.together():
            if listener is not None:
                listener.published(self._controls.version, self._controls.everything())
            self._controls.listener = listener
            self._listener = listener

    def effects(self, x_or_path: npt.ArrayLike | str | os.PathLike[str] | None = None) -> Float64:
        """What each unit changes: ``10 log10(Σ|out without it - out|² / Σ|out|²)`` under the current controls.

        Parameters
        ----------
        x_or_path : array like the `x` of `process`, or path of an audio file, optional
            Measured on this, which runs once for each unit and is held in memory. None: estimated from the last 5 s
            that it has processed, up to 3 dB high; safe to call from any thread, also during a stream.

        Returns
        -------
        float64 array (n_code,)
            In dB; -300 for a unit that changes nothing: a muted one, or all before anything is heard.
        """
        if x_or_path is None:
            return self.estimate_effects(self._controls.everything(), range(self._model.n_code))
        x = effects.audio(x_or_path, self._sample_rate, self._channels)
        return effects.measured(self._twin, x, self._model.n_code)

    def estimate_effects(self, state: State, units: Sequence[int], newest: int = RECENT_ROWS) -> Float64:
        """`effects` of some units with other controls, on the `newest` of the spectra that the engine remembers."""
        analysed, heard, codes = self._handle.recent()
        return effects.estimated(self._model, analysed[-newest:], heard[-newest:], codes[-newest:], state, units)

    def _twin(self) -> Engine:
        """A new engine with the same settings and controls, for blocks of any length."""
        twin = Engine(
            self._model, self._sample_rate, channels=self._channels, phase=self._phase, refine=self._refine,
            precision=self._precision_mode, seed=self._seed,
        )  # fmt: skip
        twin.controls.restore(self._controls.everything())
        return twin

    def reset(self) -> None:
        """Clear audio, phases, limiter and statistics. The controls keep their values and apply at once."""
        self._handle.reset()

    def swap(self, model: Model, *, path: str | None = None) -> None:
        """Switch to another model at the next hop; the overlapping windows make the crossfade.

        Controls keep their values by unit index; additional units start neutral. Safe to call from any thread, also
        while the engine processes or plays in a stream: the weights are prepared here, the audio thread exchanges a
        pointer, and the old model is freed at the next swap or at the end. path: the file of the model, for recorded
        gestures.

        Raises
        ------
        SwapError
            The front end differs from the engine's, or the audio thread has not taken the last models yet.
        """
        self._expect_same_front_end(model)
        compiled = self._compiled(model)
        with self._controls.resized(model.n_code) as buffer:
            if self._listener is not None:
                self._listener.swapped(model, path)
            if not self._handle.swap(compiled.loaded(buffer, self._channels)):
                if self._listener is not None:
                    self._listener.swap_failed()
                self._prepared[model] = self._compiled(model)
                raise SwapError("the audio thread has not taken the last models yet; is the stream running? try again")
        self._model, self._precision = model, compiled.precision

    def prepare(self, model: Model) -> None:
        """Do the work of the next `swap` to this model now: it then takes about a millisecond.

        Without it `swap` chooses the storage of the weights (once for each model) and converts them: from 2 ms for the
        shipped models to a second for 3,500 units, in the caller's thread; the audio thread never waits for it.

        Raises
        ------
        SwapError
            The front end differs from the engine's.
        """
        self._expect_same_front_end(model)
        self._prepared[model] = self._compiled(model)

    def _compiled(self, model: Model) -> Compiled:
        found = self._prepared.pop(model, None)
        return found or compile_model(model, _storage(model, self._precision_mode))

    def _expect_same_front_end(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"model is {type(model).__name__}; expected aedsp.Model, e.g. aedsp.Model.load(path)")
        if model.front_end != self._model.front_end:
            raise SwapError(
                f"{model.name or 'the model'} has {model.front_end}; the engine has {self._model.front_end}: "
                "only models with the same front end can be swapped; make a new Engine for this one"
            )

    def process(
        self,
        x: npt.ArrayLike,
        *,
        out: Float32 | None = None,
        phase_from: npt.ArrayLike | None = None,
        codes: Float32 | None = None,
    ) -> Float32:
        """Resynthesize one block.

        Parameters
        ----------
        x : array (frames,) or (frames, channels)
            Real floats in [-1, 1], converted to float32. Samples that are not finite or beyond ±16 count as 0
            (`statistics.refused_samples`).
        out : float32 array like `x`, optional
            Receives the result; may be `x` itself. With `out` and a float32 `x`, no audio memory is allocated.
        phase_from : array like `x`, optional
            A second sound, block by block: the code comes from `x`, the phases from `phase_from` (cross-synthesis).
            Default: phases from `x`.
        codes : float32 array (n, n_code), or (n, channels, n_code) for more than one channel, optional
            Receives the code of every hop that this block completes, before gains and overrides, oldest first;
            n >= ``most_hops(frames)``. `n_codes` rows are written; `code_frame` is where each belongs.

        Returns
        -------
        array like `x`, float32
            The output, delayed by `latency_frames`.

        Raises
        ------
        TypeError
            `x` is not real floating-point, or `out` is not float32.
        ValueError
            The shape does not match the engine's channels or fixed block length, `out` partly overlaps `x`, or
            `phase_from` is given and the engine's phases are not the input's.
        RuntimeError
            The engine is in use by another thread or a stream.
        """
        if (
            type(x) is np.ndarray and type(out) is np.ndarray and x.dtype is _FLOAT32 and out.dtype is _FLOAT32
            and x.ndim == 1 and self._block_frames in (None, len(x)) and phase_from is None and codes is None
        ):  # fmt: skip
            try:
                self._handle.process_mono(x, out)
            except ValueError:  # nothing was computed; the checks below raise the specific error
                pass
            else:
                return out
        x = as_audio("x", x, self._channels, self._block_frames)
        y = None
        if phase_from is not None:
            y = as_phases(phase_from, self._phase, x, self._channels).reshape(-1, self._channels)
        out = as_out(out, "x", x.shape)
        self._run(x.reshape(-1, self._channels), out.reshape(-1, self._channels), y, codes)
        return out

    def _run(self, x: Float32 | None, out: Float32, y: Float32 | None, codes: Float32 | None) -> None:
        """Process frames (n, channels) and note how many codes were written."""
        rows = None
        if codes is not None:
            rows = as_codes(codes, self.most_hops(len(out)), self._channels, self._model.n_code)
        self._n_codes = self._handle.process(x, out, y, rows)

    __call__ = process

    def process_file(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        automation: Automation | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Resynthesize an audio file to another, with the current controls; latency removed, memory constant.

        Resets the engine first. The file is converted to the engine's rate and channels.

        Parameters
        ----------
        source, target : path
            `target` is WAV, FLAC, Ogg or AIFF by its name, and written whole or not at all.
        automation, progress
            As in `aedsp.resynthesize`; the controls stay where the automation ends.

        Returns
        -------
        int
            Frames written: as many as the file has at the engine's rate.

        Raises
        ------
        ValueError
            The engine has fixed blocks, `target` is `source`, or the automation does not fit.
        OSError, AudioFileError
            A file cannot be read or written.

        Warns
        -----
        UserWarning
            Part of the file is not read.
        """
        return whole_files.process_file(self, source, target, automation, progress)

    def generate(
        self,
        n_frames: int,
        *,
        drive: str | npt.ArrayLike = "constant",
        out: Float32 | None = None,
        codes: Float32 | None = None,
    ) -> Float32:
        """Generate sound from the decoder alone: the drive sets every unit, then the unit gains apply.

        Parameters
        ----------
        n_frames : int
            Length of the result.
        drive : str or array (n_hops, n_code)
            "constant": 1 for every unit, attenuated by 12 dB (the paper). "typical" or "typical:RANK": a percentile of
            each unit's own activations, default 90. "walk" or "walk:HZ": a smooth random walk through them with the
            engine's seed, default 0.5 Hz. "hold": the last code. An array: one code for each hop that begins in this
            call; the last one is held. All but "hold" fade in over 0.5 s after input.
        out : float32 array (n_frames,) or (n_frames, channels), optional
        codes : float32 array, optional
            As in `process`: the codes that the drive made.

        Returns
        -------
        float32 array (n_frames,), or (n_frames, channels) for more than one channel

        Raises
        ------
        ValueError
            The drive is unknown or does not fit the model; "typical" and "walk" need a model with code statistics.
        """
        expect_int("n_frames", n_frames, 0, 2**40)
        self.set_drive(drive)
        shape = (n_frames,) if self._channels == 1 else (n_frames, self._channels)
        if out is None:
            out = np.empty(expect_shape("n_frames", shape, self._channels, self._block_frames), np.float32)
        else:
            expect_out(out)
            expect_shape("out", out.shape, self._channels, self._block_frames)
            if out.shape[0] != n_frames:
                raise ValueError(f"out has {out.shape[0]} frames; n_frames is {n_frames}")
        self._run(None, out.reshape(-1, self._channels), None, codes)
        return out

    def set_drive(self, drive: str | npt.ArrayLike) -> None:
        """Set the drive used without input, as in `generate`. Raises ValueError if it does not fit the model."""
        drives.set_drive(self._handle, drive, self._model, self._seed)


def _storage(model: Model, precision: PrecisionMode) -> str:
    if precision != "auto":
        return precision
    from aedsp.engine import precision as probing  # loads excerpts of the demo clips

    return probing.choose(model)
