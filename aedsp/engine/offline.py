"""Offline resynthesis of arrays and files, latency removed; `aedsp.render` is its command."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32, expect_samples
from aedsp.engine import drives
from aedsp.engine.controls import NEUTRAL_AMOUNTS, Controls
from aedsp.engine.curves import Automation, Curves
from aedsp.engine.engine import Engine, PrecisionMode
from aedsp.engine.phases import PhaseMode
from aedsp.engine.state import Monitor
from aedsp.engine.through import BLOCK_FRAMES, Controlled, Progress, count, through
from aedsp.engine.time_stretch import Stretched
from aedsp.model.model import Model

#: Values for some units (by index), one value for all units, or one per unit.
UnitSettings = Mapping[int, float] | npt.ArrayLike

#: Default duration of sound without input.
NO_INPUT_S = 10.0


def resynthesize(
    model: Model,
    x_or_path: npt.ArrayLike | str | os.PathLike[str],
    sample_rate: float | None = None,
    *,
    gain: UnitSettings | None = None,
    scale: UnitSettings | None = None,
    muted: UnitSettings | None = None,
    sign: UnitSettings | None = None,
    override: UnitSettings | None = None,
    target: UnitSettings | None = None,
    offset: UnitSettings | None = None,
    target_amount: float = 0,
    detail: float = 0,
    mix: float = 1,
    volume_db: float = 0,
    monitor: Monitor = "resynthesized",
    phase: PhaseMode = "auto",
    refine: int = 0,
    precision: PrecisionMode = "auto",
    seed: int = 0,
    phase_from: npt.ArrayLike | None = None,
    stretch: float = 1,
    transpose: float = 0,
    automation: Automation | None = None,
    progress: Progress | None = None,
) -> Float32:
    """Resynthesize a whole signal or file.

    Parameters
    ----------
    model : Model
    x_or_path : array (frames,) or (frames, channels), or the path of an audio file
    sample_rate : float, optional
        Rate of the array in Hz. None: the model's rate. Leave it out for a file.
    gain, scale, muted, sign, override, target, offset : mapping from unit to value, or one value or array, optional
        Unit controls, as in `Engine.controls`.
    target_amount, detail, mix, volume_db : float
        As in `Engine.controls`.
    monitor, phase, refine, precision, seed
        As in `Controls.monitor` and `Engine`.
    phase_from : array like the signal, optional
        A second sound at the same rate that supplies the phases; padded with silence.
    stretch, transpose : float
        Applied before the engine: duration factor, 0.25 to 4, and semitones, -24 to 24.
    automation : array (n_hops, n_code) of gains, mapping of curves, callable or path, optional
        Controls over time, as in `aedsp.engine.curves.Curves`: ``{"gain": {3: [(0, 1), (2.5, 0)]}}``, times in s of the
        output.
    progress : callable, optional
        Called after each block with (frames done, frames in all).

    Returns
    -------
    float32 array
        The input's rate, its length times `stretch`; latency removed, tail flushed. A file gives (frames,) or
        (frames, channels).

    Warns
    -----
    UserWarning
        Part of the file is not read: its header promises more than there is, or several files were joined.
    """
    if isinstance(x_or_path, (str, os.PathLike)):
        from aedsp.audio.reader import Reader

        if sample_rate is not None:
            raise ValueError(f"sample_rate is {sample_rate}, but a file has its own rate; leave it out")
        with Reader(x_or_path) as reader:
            x, sample_rate = np.concatenate(list(reader.blocks())), reader.sample_rate
        if reader.warning:
            warnings.warn(reader.warning, stacklevel=2)
        x = x[:, 0] if x.shape[1] == 1 else x
    else:
        x = np.asarray(x_or_path)
    expect_samples("x", x)
    engine = Engine(
        model,
        sample_rate,
        channels=1 if x.ndim == 1 else x.shape[1],
        phase=phase,
        refine=refine,
        precision=precision,
        seed=seed,
    )
    set_controls(
        engine.controls, monitor, gain=gain, scale=scale, muted=muted, sign=sign, override=override, target=target,
        offset=offset, target_amount=target_amount, detail=detail, mix=mix, volume_db=volume_db,
    )  # fmt: skip
    engine.reset()
    frames = x.reshape(len(x), engine.channels)
    blocks = (frames[i : i + BLOCK_FRAMES] for i in range(0, len(x), BLOCK_FRAMES))
    other = None if phase_from is None else [_as_frames(phase_from, engine.channels)]
    played = Stretched(blocks, engine.sample_rate, engine.channels, stretch, transpose)
    automate = None if automation is None else Curves(engine, automation).split
    counted = count(through(engine, played, other, automate), round(len(x) * stretch), progress)
    out = np.concatenate([np.empty((0, engine.channels), np.float32), *counted])
    return out[:, 0] if x.ndim == 1 else out


def _as_frames(phase_from: npt.ArrayLike, channels: int) -> Float32:
    y = np.asarray(phase_from)
    if y.ndim not in (1, 2) or y.dtype.kind != "f" or (y.shape[1:] or (1,)) != (channels,):
        raise ValueError(
            f"phase_from is {y.dtype} of shape {y.shape}; expected floats (frames, {channels}), like the signal"
        )
    return y.reshape(-1, channels).astype(np.float32)


def set_controls(controls: Controls, monitor: Monitor, **settings: UnitSettings | None) -> None:
    """Apply unit settings, amounts and monitor to an engine's controls in one publication."""
    with controls.together():
        controls.monitor = monitor
        for name, values in settings.items():
            if name in NEUTRAL_AMOUNTS:
                setattr(controls, name, values)
                continue
            target = getattr(controls, name)
            if isinstance(values, Mapping):
                for unit, value in values.items():
                    target[unit] = value
            elif values is not None:
                target[:] = values


def generate_file(
    engine_options: Mapping[str, Any],
    model: Model,
    target: Path,
    settings: Mapping[str, Any],
    drive: str,
    duration_s: float,
) -> Engine:
    """Write sound from the decoder alone to a file: mono, at the model's rate.

    Raises
    ------
    ValueError
        The drive or a setting does not fit.
    AudioFileError
        `target` cannot be written.
    """
    from aedsp.audio import file as audio_file

    engine = Engine(model, **engine_options)
    set_controls(engine.controls, **settings)
    drives.named_from_the_start(drive)  # check the drive before a file is created
    engine.generate(0, drive=drive)
    left = round(duration_s * engine.sample_rate)
    with audio_file.written(target, engine.sample_rate, 1) as out:
        while left:
            n = min(left, BLOCK_FRAMES)
            out.write(engine.generate(n, drive=drive)[:, None])
            left -= n
    return engine


@dataclass(frozen=True)
class Rendered:
    """Result of `render_file`: the engine, frames read, what of the file was not read, samples refused as no audio."""

    engine: Engine
    n_frames: int
    remark: str
    n_refused: int

    def warnings(self) -> list[str]:
        """Warnings for the user, one line each."""
        statistics, lines = self.engine.statistics, []
        if self.remark:
            lines.append(f"the input {self.remark}")
        if statistics.limited_frames:
            lines.append(f"{statistics.limited_frames} frames were limited to full scale; lower the gains to avoid it")
        if self.n_refused:
            lines.append(f"{self.n_refused} samples were not finite or beyond ±16 and counted as 0")
        return lines


def render_file(
    engine_options: Mapping[str, Any],
    model: Model,
    source: Path,
    target: Path,
    settings: Mapping[str, Any],
    automate: Callable[[Engine], Controlled] | None = None,
    phase_from: Path | None = None,
    stretch: float = 1,
    transpose: float = 0,
) -> Rendered:
    """Resynthesize one file to another in blocks; memory does not grow with the length.

    automate: called with the engine, returns a filter that passes the blocks on and moves the controls in time.
    phase_from: a file at any rate that supplies the phases. stretch, transpose: as in `resynthesize`.

    Raises
    ------
    ValueError
        `target` is `source`, or a setting does not fit.
    AudioFileError
        `source` holds no audio or cannot be read, or `target` cannot be written.
    """
    from aedsp.audio import file as audio_file
    from aedsp.audio.reader import Reader

    if target.exists() and source.exists() and target.samefile(source):
        raise ValueError(f"{target} is the input file; choose another name for the output")
    with Reader(source, block_frames=BLOCK_FRAMES) as reader, ExitStack() as stack:
        rate, channels = reader.sample_rate, reader.channels
        engine = Engine(model, rate, channels=channels, **engine_options)
        set_controls(engine.controls, **settings)
        played = Stretched(reader.blocks(), rate, channels, stretch, transpose)
        other = None
        if phase_from is not None:
            other = stack.enter_context(Reader(phase_from, rate, channels)).blocks()
        out = stack.enter_context(audio_file.written(target, rate, channels))
        for block in through(engine, played, other, automate and automate(engine)):
            out.write(block)
        n_refused = engine.statistics.refused_samples + played.refused
        return Rendered(engine, played.taken, reader.remark, n_refused)
