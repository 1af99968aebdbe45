"""What text commands do: calls of the performer, each with its answer in words. The actions are in `actions`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from aedsp.control.performer import Performer

#: Amounts by the name of their action.
AMOUNTS = {"detail": "detail", "mix": "mix", "volume": "volume_db", "target": "target_amount"}


def set_unit(name: Any) -> Callable[[Performer, int, float], str]:
    def set_value(p: Performer, unit: int, value: float) -> str:
        p.set_unit(name, unit, value)
        return f"unit {unit}: {name} {'off' if value != value else f'{value:g}'}"

    return set_value


def set_amount(name: Any, unit: str = "") -> Callable[[Performer, float], str]:
    def set_value(p: Performer, value: float) -> str:
        p.set_amount(name, value)
        return f"{name.split('_')[0]} {getattr(p.controls, name):g}{unit}"

    return set_value


def mute(p: Performer, unit: int) -> str:
    return f"unit {unit}: {'muted' if p.toggle_mute(unit) else 'not muted'}"


def pin(p: Performer, unit: int) -> str:
    return f"unit {unit}: override {'set' if p.toggle_override(unit) else 'cleared'}"


def restore(p: Performer, unit: int) -> str:
    p.restore(unit)
    return f"unit {unit}: restored"


def seek(p: Performer, where: str) -> str:
    to = float(where) + (p.position_s if where[0] in "+-" else 0)
    if not math.isfinite(to):
        raise ValueError(f"position is {to} s; expected a finite number")
    if p.duration_s is None:
        return "only a file can be played from another position"
    p.seek(max(0.0, to))
    if to >= p.duration_s:
        return f"at the end; the file lasts {p.duration_s:.1f} s"
    return f"at {max(0.0, to):.1f} s"


def bank(p: Performer, which: str | None) -> str:
    word = which or "next"
    p.show_bank(word if word in ("next", "previous") else int(word))  # type: ignore[arg-type]
    return f"bank {p.bank}: units {p.units[0]} to {p.units[-1]}"


def nudge(p: Performer, what: str, steps: int) -> None:
    if what == "stretch":
        p.nudge_stretch(steps)
    elif what == "transpose":
        p.nudge_transpose(steps)
    elif what in AMOUNTS:
        p.nudge_amount(AMOUNTS[what], steps)  # type: ignore[arg-type]
    else:
        p.nudge_unit(what, steps)  # type: ignore[arg-type]


def describe_units(p: Performer) -> str:
    controls, lines = p.controls, []
    for unit in p.units:
        override = controls.override[unit]
        lines.append(
            f"unit {unit}: gain {controls.gain[unit]:.3f}, scale {controls.scale[unit]:.3f}, "
            f"{'muted' if controls.muted[unit] else 'not muted'}, sign {controls.sign[unit]:+.0f}"
            + (f", override {override:.3f}" if override == override else "")
        )
    return "\n".join(lines)


def morph(p: Performer, seconds: float | None) -> str:
    p.set_morph(seconds)
    return f"morph time {p.morph_s:g} s"


def monitor(p: Performer) -> str | None:
    if not p.has_source:
        return "there is no original to hear: the decoder plays alone"
    p.toggle_monitor()
    return None


def stepped(word: str, step: Callable[[Performer], str | None]) -> Callable[[Performer], str]:
    def do(p: Performer) -> str:
        what = step(p)
        return f"nothing to {word}" if what is None else f"{word}: {what}"

    return do


def named(monitor: Any) -> Callable[[Performer], str]:
    def set_monitor(p: Performer) -> str:
        p.set_monitor(monitor)
        return str(monitor)

    return set_monitor


def said(text: str, do: Callable[[Performer], object]) -> Callable[[Performer], str]:
    def say(p: Performer) -> str:
        do(p)
        return text

    return say


def quiet(do: Callable[..., object]) -> Callable[..., None]:
    """Wrap `do` so that it returns no message."""

    def act(p: Performer, *values: Any) -> None:
        do(p, *values)

    return act
