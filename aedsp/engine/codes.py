"""Audio to spectra to codes and back, for whole signals: the paper's round trip, step by step.

A spectrum is exactly what the engine's hop sees: spectrum m is of the window that ends at frame (m + 1) hop, the signal
being preceded and followed by silence, so that every frame is in as many windows as any other. Nothing here streams;
`Engine` does. Control thread only.
"""

from __future__ import annotations

import os
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from aedsp._kernels.pghi import Integration
from aedsp._kernels.phase import Phases
from aedsp.arrays import Float32, Float64, Floats, expect_samples
from aedsp.engine import phases as phase_modes
from aedsp.engine.arguments import expect_choice
from aedsp.engine.phases import PhaseMode
from aedsp.model import constant_q
from aedsp.model.analysis import transform, windows_of
from aedsp.model.front_end import FrontEnd
from aedsp.model.model import Model


class Spectra(NamedTuple):
    """Spectra of a signal.

    magnitudes : float32 (n, n_bins), a full-scale sine 1.0; for constant-Q, of the bands.
    phases : float32 (n, n_fft_bins), radians, of the FFT's bins.
    times : float64 (n,), s: the middle of each window (`FrontEnd.window_centre`).
    """

    magnitudes: Float32
    phases: Float32
    times: Float64


class Codes(NamedTuple):
    """Codes of a signal. codes : float32 (n, n_code); times : float64 (n,), s, as in `Spectra`."""

    codes: Float32
    times: Float64


def spectra(x: npt.ArrayLike, model_or_front_end: Model | FrontEnd) -> Spectra:
    """Magnitudes and phases of a signal as the engine sees them, and the time of each spectrum.

    Parameters
    ----------
    x : float array (frames,)
        Mono, at the front end's sample rate.
    model_or_front_end : Model or FrontEnd

    Returns
    -------
    Spectra
        ``(frames + reach_length - hop_length) / hop_length`` of them, rounded up: as many as `resynthesize` makes.

    Raises
    ------
    TypeError, ValueError
        `x` is not real floating-point, or not mono.
    """
    front_end = model_or_front_end.front_end if isinstance(model_or_front_end, Model) else model_or_front_end
    blocks = list(windows_of(_mono(x), front_end))
    magnitudes, phases = (np.concatenate([block[i] for block in blocks]) for i in range(2))
    return Spectra(magnitudes, phases, _times(len(magnitudes), front_end))


def encode_file(model: Model, x_or_path: npt.ArrayLike | str | os.PathLike[str]) -> Codes:
    """The codes of a signal at the model's rate, or of an audio file, mixed to mono and resampled.

    Raises
    ------
    TypeError, ValueError
        The signal is not real floating-point, or not mono.
    OSError, AudioFileError
        The file cannot be read.
    """
    x = _audio(x_or_path, model.front_end)
    n_context = model.layers[0].context_spectra - 1
    before = np.zeros((n_context, model.front_end.n_bins), np.float32)
    parts = []
    for magnitudes, _ in windows_of(x, model.front_end):
        known = np.concatenate([before, magnitudes])
        parts.append(np.asarray(model.encode(known), np.float32)[n_context:])
        before = known[len(known) - n_context :]
    codes = np.concatenate(parts)
    return Codes(codes, _times(len(codes), model.front_end))


def decode_codes(
    model: Model,
    codes: npt.ArrayLike,
    *,
    phases: PhaseMode | npt.ArrayLike = "auto",
    source: npt.ArrayLike | str | os.PathLike[str] | None = None,
    n_frames: int | None = None,
    seed: int = 0,
) -> Float32:
    """Sound of codes: decoded, with phases, overlapped and added.

    Parameters
    ----------
    model : Model
    codes : array (n, n_code)
        One code a hop.
    phases : "auto", "advance", "spsi" or "pghi", or array (n, n_fft_bins), optional
        Computed from the magnitudes, as an engine without input does; or given, in radians, as from `spectra`.
    source : array (frames,) or path, optional
        A sound that supplies the phases: that of `encode_file`, or another (cross-synthesis).
    n_frames : int, optional
        Length of the result. Default: that of an array `source`; else all frames that the codes fill.
    seed : int
        Of the start phases.

    Returns
    -------
    float32 array (n_frames,), at the model's rate

    Raises
    ------
    TypeError, ValueError
        The codes, phases or source do not fit the model; `phases` and `source` are both given.
    """
    front_end = model.front_end
    y = np.asarray(codes)
    if y.ndim != 2 or y.shape[1] != model.n_code or y.dtype.kind not in "fiu":
        raise ValueError(f"codes are {y.dtype} of shape {y.shape}; expected numbers (n, {model.n_code})")
    magnitudes = constant_q.to_bins(np.asarray(model.decode(y.astype(np.float32)), np.float32), front_end)
    if source is not None:
        if not (isinstance(phases, str) and phases == "auto"):
            raise ValueError("phases and source are both given; expected one of them")
        x = _audio(source, front_end)
        n_frames = len(x) if n_frames is None else n_frames
        given = _padded(np.concatenate([block[1] for block in windows_of(x, front_end)]), len(y))
        units = np.exp(1j * given)
    elif isinstance(phases, str):
        units = _synthesized(magnitudes, front_end, phases, seed)
    else:
        given = np.asarray(phases)
        if given.shape != magnitudes.shape or given.dtype.kind not in "fiu":
            raise ValueError(f"phases are {given.dtype} of shape {given.shape}; expected numbers {magnitudes.shape}")
        units = np.exp(1j * given)
    out = _overlapped(magnitudes, units, front_end)
    return out if n_frames is None else _padded(out[:n_frames], n_frames)


def _mono(x: npt.ArrayLike) -> Float32:
    array = np.asarray(x)
    expect_samples("x", array)
    if array.ndim != 1:
        raise ValueError(f"x has shape {array.shape}; expected (frames,), one channel at a time: x[:, 0]")
    return np.ascontiguousarray(array, np.float32)


def _audio(x_or_path: npt.ArrayLike | str | os.PathLike[str], front_end: FrontEnd) -> Float32:
    if not isinstance(x_or_path, (str, os.PathLike)):
        return _mono(x_or_path)
    from aedsp.audio.reader import Reader

    with Reader(x_or_path, front_end.sample_rate, 1) as reader:
        return np.concatenate(list(reader.blocks()))[:, 0]


def _overlapped(magnitudes: Float32, units: npt.NDArray[np.complexfloating], front_end: FrontEnd) -> Float32:
    """Spectra to sound; the first frame is that of the signal."""
    stft, scale = transform(front_end), np.float32(1 / front_end.magnitude_scale)
    hops = [np.zeros(0, np.float32)]
    for magnitude, unit in zip(magnitudes, units, strict=True):
        spectrum = magnitude * scale * unit
        re, im = (np.ascontiguousarray(part, np.float32) for part in (spectrum.real, spectrum.imag))
        hops.append(stft.inverse(re, im))
    return np.concatenate(hops)[front_end.reach_length - front_end.hop_length :]


def _synthesized(magnitudes: Float32, front_end: FrontEnd, mode: str, seed: int) -> npt.NDArray[np.complexfloating]:
    """Phasors of magnitudes, as an engine without input makes them."""
    expect_choice("phases", mode, tuple(m for m in get_args(PhaseMode) if m not in ("source", "pghi1")))
    plan = phase_modes.plan(front_end, mode, 0, None)  # type: ignore[arg-type]
    start = np.random.default_rng(seed).random(front_end.n_fft_bins)
    lengths = front_end.fft_length, front_end.window_length, front_end.hop_length
    if plan.without == "pghi":
        pghi = Integration(*lengths, start, front_end.window, window_centre=front_end.window_centre)
        rows = [pghi.run(np.ascontiguousarray(z)) for z in magnitudes]
    else:
        kernel = Phases(*lengths, start, front_end.window_centre)
        spsi = plan.without == "spsi"
        rows = [kernel.spsi(np.ascontiguousarray(z)) if spsi else kernel.advance(m) for m, z in enumerate(magnitudes)]
    re, im = (np.array(part) for part in zip(*rows, strict=True)) if rows else (np.zeros((0, 1)), np.zeros((0, 1)))
    return np.asarray(re + 1j * im)


def _times(n: int, front_end: FrontEnd) -> Float64:
    ends = (np.arange(n) + 1) * front_end.hop_length
    return np.asarray((ends - front_end.window_length + front_end.window_centre) / front_end.sample_rate)


def _padded(x: Floats, n: int) -> Float32:
    """The first n rows, followed by zeros if there are not as many."""
    missing = np.zeros((max(0, n - len(x)), *x.shape[1:]), np.float32)
    return np.concatenate([np.asarray(x[:n], np.float32), missing])
