"""Argument checks for the engine; each error says what was given and what was expected."""

from __future__ import annotations

import math
import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32, expect_samples


def as_audio(name: str, given: npt.ArrayLike, channels: int, block_frames: int | None) -> Float32:
    """Convert to contiguous float32 after checking dtype and shape."""
    x = np.asarray(given)
    expect_samples(name, x)
    expect_shape(name, x.shape, channels, block_frames)
    if x.dtype != np.float32 or not x.flags.c_contiguous:
        with np.errstate(over="ignore"):
            x = np.ascontiguousarray(x, dtype=np.float32)
    return x


def as_phases(given: npt.ArrayLike, phase: str, x: Float32, channels: int) -> Float32:
    """Convert the sound that supplies the phases of `x` for an engine whose phase mode is `phase`."""
    if phase not in ("auto", "source"):
        raise ValueError(f"phase_from is given, but phase is {phase!r}; expected 'auto' or 'source'")
    y = as_audio("phase_from", given, channels, None)
    if y.shape != x.shape:
        raise ValueError(f"phase_from has shape {y.shape}; x has {x.shape}")
    return y


def expect_shape(name: str, shape: tuple[int, ...], channels: int, block_frames: int | None) -> tuple[int, ...]:
    """The shape; ValueError unless it is (frames, channels), or (frames,) for mono, with the fixed block length."""
    n = channels
    if not (shape[1:] == (n,) or (n == 1 and len(shape) == 1)):
        expected = "(frames,) or (frames, 1)" if n == 1 else f"(frames, {n})"
        hint = f"; are the channels first? then pass {name}.T" if len(shape) == 2 and shape[0] == n else ""
        raise ValueError(
            f"{name} has shape {shape}; expected {expected}, the engine has {n} channel{'s' * (n > 1)}{hint}"
        )
    if block_frames is not None and shape[0] != block_frames:
        raise ValueError(f"{name} has {shape[0]} frames; the engine was made for block_frames={block_frames}")
    return shape


def expect_out(out: Any, name: str = "out") -> None:
    """Raise TypeError or ValueError unless results can be written to out."""
    if not isinstance(out, np.ndarray):
        hint = ": pass its NumPy view, tensor.numpy(), which shares the memory" if hasattr(out, "numpy") else ""
        kind = f"{type(out).__module__}.{type(out).__name__}".removeprefix("builtins.")
        raise TypeError(f"{name} is {kind}; expected a float32 NumPy array{hint}")
    if out.dtype != np.float32:
        raise TypeError(f"{name} is {out.dtype}; expected a float32 array")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"{name} is read-only or not C-contiguous; expected a writeable C-contiguous array")


def as_out(out: Float32 | None, name: str, shape: tuple[int, ...]) -> Float32:
    """The array that receives results like the argument `name`: `out` after a check, or a new one."""
    if out is None:
        return np.empty(shape, np.float32)
    expect_out(out)
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}; {name} has {shape}")
    return out


def as_codes(codes: Float32, most_hops: int, channels: int, n_code: int) -> Float32:
    """The array that receives codes as (n, channels, n_code), after a check."""
    expect_out(codes, "codes")
    shape = (n_code,) if channels == 1 and codes.ndim == 2 else (channels, n_code)
    if codes.shape[1:] != shape:
        expected = f"(n, {n_code})" if channels == 1 else f"(n, {channels}, {n_code})"
        raise ValueError(f"codes has shape {codes.shape}; expected {expected}")
    if len(codes) < most_hops:
        raise ValueError(
            f"codes has {len(codes)} rows; a block of this length may complete {most_hops} hops (engine.most_hops)"
        )
    return codes.reshape(len(codes), channels, n_code)


def host_rate(given: float | None, model_rate: float) -> float:
    """The host's sample rate in Hz; None gives the model's rate."""
    if given is None:
        return model_rate
    if isinstance(given, bool) or not isinstance(given, (int, float, np.integer, np.floating)):
        raise TypeError(f"sample_rate is {given!r}; expected Hz")
    rate = float(given)
    if not (math.isfinite(rate) and model_rate / 64 <= rate <= model_rate * 64):
        raise ValueError(
            f"sample_rate is {given!r}; expected {model_rate / 64:g} to {model_rate * 64:g} Hz for this model"
        )
    return rate


def expect_number(name: str, value: object) -> float:
    """The value as a float; raises TypeError or ValueError unless it is a finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {reprlib.repr(value)}; expected a number")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; expected a finite number")
    return float(value)


def expect_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless value is one of choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected one of {choices}")


def expect_int(name: str, value: object, least: int, most: int) -> None:
    """Raise TypeError or ValueError unless value is an integer from least to most."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}; expected an integer")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; expected {least} to {most}")


def expect_bool(name: str, value: object) -> None:
    """Raise ValueError unless value is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected True or False")
