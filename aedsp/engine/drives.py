"""Drives, which activate the units without input: parses and checks names and codes for `_rt/drive`."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aedsp._rt.handle import EngineHandle
from aedsp.arrays import Float32
from aedsp.model.model import Model

KINDS = ("constant", "typical", "hold", "walk")
_EXPECTED = "constant, typical[:PERCENTILE], walk[:HZ], hold, or an array of codes (n_hops, n_code)"
TYPICAL_RANK, WALK_HZ = 90.0, 0.5


@dataclass(frozen=True)
class Drive:
    """kind: one of `KINDS`; value: percentile for "typical", rate in Hz for "walk"."""

    kind: str
    value: float = 0.0


def named(text: str) -> Drive:
    """Parse text such as "walk:0.2" into a Drive.

    Raises
    ------
    ValueError
        The drive is unknown, or its number is out of range.
    """
    kind, colon, number = text.partition(":")
    if kind not in KINDS or (colon and kind not in ("typical", "walk")):
        raise ValueError(f"drive is {reprlib.repr(text)}; expected {_EXPECTED}")
    try:
        value = float(number) if colon else TYPICAL_RANK if kind == "typical" else WALK_HZ
    except ValueError:
        value = math.nan
    most = 100 if kind == "typical" else 1000
    if kind in ("typical", "walk") and not 0 <= value <= most:
        unit = "a percentile, 0 to 100" if kind == "typical" else "a rate in Hz, 0 to 1000"
        raise ValueError(f"drive is {text!r}; expected {unit} after the colon")
    return Drive(kind, value)


def named_from_the_start(text: str) -> Drive:
    """`named`, for use before any input was heard.

    Raises
    ------
    ValueError
        The drive is "hold", which needs earlier input, or is unknown.
    """
    if named(text).kind == "hold":
        raise ValueError("drive is 'hold', but there is no earlier input to hold; expected constant, typical or walk")
    return named(text)


def request_drive(handle: EngineHandle, drive: str, model: Model, seed: int) -> bool:
    """Set a named drive of an engine that plays; False if the audio thread has not taken the last ones yet.

    Raises
    ------
    ValueError
        As `set_drive`.
    """
    chosen = _fitting(drive, model)
    if chosen.kind == "typical":
        return handle.request_drive("typical", rank=chosen.value)
    if chosen.kind == "walk":
        return handle.request_drive("walk", rate_hz=chosen.value, seed=seed)
    return handle.request_drive(chosen.kind)


def set_drive(handle: EngineHandle, drive: str | npt.ArrayLike, model: Model, seed: int) -> None:
    """Set the drive; it applies from the next hop without input.

    Raises
    ------
    ValueError
        The drive is unknown or does not fit the model.
    """
    if not isinstance(drive, str):
        handle.set_drive("rows", rows=_rows(drive, model.n_code))
        return
    chosen = _fitting(drive, model)
    if chosen.kind == "typical":
        handle.set_drive("typical", rank=chosen.value)
    elif chosen.kind == "walk":
        handle.set_drive("walk", rate_hz=chosen.value, seed=seed)
    else:
        handle.set_drive(chosen.kind)


def _fitting(drive: str, model: Model) -> Drive:
    chosen = named(drive)
    if chosen.kind in ("typical", "walk") and model.code_statistics is None:
        raise ValueError(
            f"drive is {drive!r}, but {model.name or 'the model'} has no code statistics; "
            "use constant, or an array of codes"
        )
    return chosen


def _rows(drive: npt.ArrayLike, n_code: int) -> Float32:
    rows = np.asarray(drive)
    if rows.dtype.kind not in "fiu" or rows.ndim != 2 or rows.shape[1] != n_code or not len(rows):
        raise ValueError(f"drive is {rows.dtype} of shape {rows.shape}; expected {_EXPECTED} with n_code {n_code}")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(rows, np.float32)
    if not np.isfinite(rows).all():
        raise ValueError(
            f"drive has {np.count_nonzero(~np.isfinite(rows))} values that are not finite; expected numbers"
        )
    return rows
