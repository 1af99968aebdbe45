"""What text commands do: calls of the performer, each with its answer in words. The actions are in `actions`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from aedsp.control.performer import Performer
from aedsp.model.directions import DIRECTIONS

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
    if p.mute_solos:
        return solo(p, unit)
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
    elif what in DIRECTIONS:
        p.nudge_macro(what, steps)
    elif what in AMOUNTS:
        p.nudge_amount(AMOUNTS[what], steps)  # type: ignore[arg-type]
    else:
        p.nudge_unit(what, steps)  # type: ignore[arg-type]


def describe_units(p: Performer) -> str:
    controls, lines, effects = p.controls, [], p.effects()
    for unit in p.units:
        override, name = controls.override[unit], p.name_of(unit)
        lines.append(
            f"unit {unit}: gain {controls.gain[unit]:.3f}, scale {controls.scale[unit]:.3f}, "
            f"{'muted' if controls.muted[unit] else 'not muted'}, sign {controls.sign[unit]:+.0f}"
            + (f", override {override:.3f}" if override == override else "")
            + (f", {name}" if name else "")
            + (f", changes {effects[unit]:.1f} dB" if effects is not None and unit < len(effects) else "")
        )
    return "\n".join(lines)


def sort(p: Performer) -> str:
    if not p.toggle_sorted():
        return "units in the order of the model"
    first = ", ".join(f"{unit} {p.name_of(unit)}".strip() for unit in p.units)
    return f"sorted by what they change now: {first}"


def solo(p: Performer, unit: int) -> str:
    p.toggle_solo(unit)
    return soloed(p)


def soloed(p: Performer) -> str:
    units = ", ".join(map(str, sorted(p.mutes.state.solo)))
    if not units:
        return "no solo"
    return f"all but {units}" if p.mutes.state.all_but else f"solo {units}"


def all_but(p: Performer) -> str:
    p.toggle_all_but()
    return soloed(p)


def hold_solo(p: Performer, unit: int, state: str) -> str:
    p.hold_solo(unit, state == "on")
    return soloed(p)


def mute_solos(p: Performer, state: str) -> str:
    p.mute_solos = state == "on"
    return f"mute buttons {'solo' if p.mute_solos else 'mute'}"


def macro(p: Performer, name: str, value: float) -> str:
    p.move_macro(name, value)
    return f"macro {name} {p.macros.position(name):g}"


def group(p: Performer, number: int, text: str | None) -> str:
    """Define a group from "3=0..1 5=1..0", or "3 5" for 0 to 1; nothing: remove it."""
    ranges = {}
    for word in (text or "").replace(",", " ").split():
        unit, _, span = word.partition("=")
        low, _, high = (span or "0..1").partition("..")
        ranges[int(unit)] = (float(low), float(high or low))
    if not all(math.isfinite(end) for ends in ranges.values() for end in ends):
        raise ValueError("a range is not finite")
    p.define_group(number, ranges)
    return f"group {number}: units {', '.join(map(str, ranges))}" if ranges else f"group {number} removed"


def describe_macros(p: Performer) -> str:
    lines = [f"macro {name}: {position:+.2f} standard deviations" for name, position in p.macros.positions().items()]
    for number, each in sorted(p.macros.groups.items()):
        units = ", ".join(f"{unit}={low:g}..{high:g}" for unit, (low, high) in each.ranges.items())
        lines.append(f"macro {number}: {p.macros.position(str(number)):.2f}, units {units}")
    return "\n".join(lines) or "no macros: this model has no code statistics, and no group is defined"


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
