"""Chooses the phase modes of an engine with and without input; `docs/phase.md` describes the modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aedsp._kernels.pghi import GAMMA
from aedsp.model.front_end import FrontEnd

PhaseMode = Literal["auto", "source", "advance", "spsi", "pghi", "pghi1"]


@dataclass(frozen=True)
class Phases:
    """with_input, without: "source", "advance", "spsi" or "pghi"; gamma: the window's, in frames², 0 without "pghi"."""

    with_input: str
    without: str
    look_ahead: bool
    refine: int
    gamma: float


def plan(front_end: FrontEnd, phase: PhaseMode, refine: int, block_frames: int | None) -> Phases:
    """Resolve a phase mode for a front end.

    Raises
    ------
    ValueError
        The window has no phase gradients, the windows overlap too little, or a fixed block rules out the look-ahead.
    """
    window, hop, length = front_end.window, front_end.hop_length, front_end.window_length
    if phase in ("pghi", "pghi1"):
        if window not in GAMMA:
            raise ValueError(
                f"phase is {phase!r} and the window {window!r}; expected {', '.join(GAMMA)}, or phase='spsi'"
            )
        if 2 * hop > length:
            raise ValueError(
                f"phase is {phase!r} with hops of {hop} frames, windows of {length}; expected windows that overlap by "
                "at least half, or phase='spsi'"
            )
    if phase == "pghi1" and block_frames is not None:
        raise ValueError(
            f"phase is 'pghi1' and block_frames {block_frames}: a fixed block gives the shortest latency, but pghi1 "
            "adds a hop; use phase='pghi', or leave block_frames out (--block 0)"
        )
    if refine and hop == length:
        raise ValueError(f"refine is {refine}, but windows of {length} frames every {hop} do not overlap; expected 0")
    with_input = {"auto": "source", "pghi1": "pghi"}.get(phase, phase)
    without = with_input
    if phase in ("auto", "source"):  # without input there is no source phase
        without = "pghi" if 4 * hop <= length and window in GAMMA else "spsi"
    gamma = GAMMA[window] * length**2 if "pghi" in (with_input, without) else 0.0
    return Phases(with_input, without, phase == "pghi1", refine, gamma)
