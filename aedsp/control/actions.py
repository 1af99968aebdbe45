"""The table of actions: everything that a player can do.

`ACTIONS` defines text commands and their help, keys, MIDI targets, MIDI learn and the table in docs/playing.md. A new
action is one entry. Actions work on a `Performer`; nothing above this package is imported.

    python -m aedsp.control.actions        # prints the table of docs/playing.md
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from aedsp import data
from aedsp._kernels.time_stretch import STRETCH_RANGE, TRANSPOSE_RANGE
from aedsp.control.action import Action, Argument, Keys
from aedsp.control.performer import Performer, UnitPerformer

SNAPSHOTS = (1, 9)
LONGEST_MORPH_S = 3600.0
SEEK_S = 5.0

_UNIT = Argument("UNIT", "unit")
_SELECTED = Argument("UNIT", "unit", optional=True)
_VALUE = Argument("VALUE", "number")


def _set(name: Any) -> Callable[[Performer, int, float], str]:
    def set_value(p: Performer, unit: int, value: float) -> str:
        p.set_unit(name, unit, value)
        return f"unit {unit}: {name} {'off' if value != value else f'{value:g}'}"

    return set_value


def _mute(p: Performer, unit: int) -> str:
    return f"unit {unit}: {'muted' if p.toggle_mute(unit) else 'not muted'}"


def _pin(p: Performer, unit: int) -> str:
    return f"unit {unit}: override {'set' if p.toggle_override(unit) else 'cleared'}"


def _restore(p: Performer, unit: int) -> str:
    p.restore(unit)
    return f"unit {unit}: restored"


def _seek(p: Performer, where: str) -> str:
    to = float(where) + (p.position_s if where[0] in "+-" else 0)
    if not math.isfinite(to):
        raise ValueError(f"position is {to} s; expected a finite number")
    if p.duration_s is None:
        return "only a file can be played from another position"
    p.seek(max(0.0, to))
    if to >= p.duration_s:
        return f"at the end; the file lasts {p.duration_s:.1f} s"
    return f"at {max(0.0, to):.1f} s"


def _bank(p: Performer, which: str | None) -> str:
    word = which or "next"
    p.show_bank(word if word in ("next", "previous") else int(word))  # type: ignore[arg-type]
    return f"bank {p.bank}: units {p.units[0]} to {p.units[-1]}"


def _nudge(p: Performer, what: str, steps: int) -> None:
    if what == "stretch":
        p.nudge_stretch(steps)
    elif what == "transpose":
        p.nudge_transpose(steps)
    else:
        p.nudge_unit(what, steps)  # type: ignore[arg-type]


def _describe_units(p: Performer) -> str:
    controls, lines = p.controls, []
    for unit in p.units:
        override = controls.override[unit]
        lines.append(
            f"unit {unit}: gain {controls.gain[unit]:.3f}, scale {controls.scale[unit]:.3f}, "
            f"{'muted' if controls.muted[unit] else 'not muted'}, sign {controls.sign[unit]:+.0f}"
            + (f", override {override:.3f}" if override == override else "")
        )
    return "\n".join(lines)


def _morph(p: Performer, seconds: float | None) -> str:
    p.set_morph(seconds)
    return f"morph time {p.morph_s:g} s"


def _learn(p: Performer, what: str | None, place: int | None) -> str | None:
    if what is None:
        per_unit = ", ".join(f"{name} PLACE" for name in FADERS + UNIT_BUTTONS)
        return f"targets for one unit of the bank: {per_unit}\ntargets for a button: {', '.join(BUTTONS)}"
    if what not in FADERS + UNIT_BUTTONS + BUTTONS:
        raise ValueError(f"target is {what!r}; expected one of {', '.join(FADERS + UNIT_BUTTONS + BUTTONS)}")
    if what in BUTTONS:
        p.learn(what, None)
        return None
    if place is None:
        raise ValueError("missing argument PLACE")
    if not 1 <= place <= p.bank_size:
        raise ValueError(f"place is {place}; expected 1 to {p.bank_size}")
    p.learn(what, place - 1)
    return None


def _monitor(p: Performer) -> str | None:
    if not p.has_source:
        return "there is no original to hear: the decoder plays alone"
    p.toggle_monitor()
    return None


def _stepped(word: str, step: Callable[[Performer], str | None]) -> Callable[[Performer], str]:
    def do(p: Performer) -> str:
        what = step(p)
        return f"nothing to {word}" if what is None else f"{word}: {what}"

    return do


def _named(monitor: Any) -> Callable[[Performer], str]:
    def set_monitor(p: Performer) -> str:
        p.set_monitor(monitor)
        return str(monitor)

    return set_monitor


def _said(text: str, do: Callable[[Performer], object]) -> Callable[[Performer], str]:
    def say(p: Performer) -> str:
        do(p)
        return text

    return say


def _quiet(do: Callable[..., object]) -> Callable[..., None]:
    """Wrap `do` so that it returns no message."""

    def act(p: Performer, *values: Any) -> None:
        do(p, *values)

    return act


_NUMBER = Argument("1..9", "integer", "", *SNAPSHOTS)
_DIGITS = [str(i) for i in range(SNAPSHOTS[0], SNAPSHOTS[1] + 1)]

#: By name, in the order of the help.
ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "play", "play or pause", _quiet(lambda p: p.toggle_play()), midi="button",
            keys=(Keys("space", "play or pause", {"space": ""}),), led=lambda p: p.transport == "play",
        ),
        Action(
            "stop", "stop and rewind", _said("stop", lambda p: p.stop()), midi="button",
            keys=(Keys("x", "stop and rewind", {"x": ""}),), led=lambda p: p.transport in ("stop", "end"),
        ),
        Action(
            "seek", "go to a position; with + or -: relative", _seek, (Argument("SECONDS", "rest", "s"),),
            keys=(Keys(", .", "5 s back, forward", {"comma": f"-{SEEK_S:g}", "full_stop": f"+{SEEK_S:g}"}),),
        ),
        Action(
            "monitor", "switch between original and resynthesized",
            _monitor, keys=(Keys("t", "original or resynthesized", {"t": ""}),),
        ),
        Action(
            "original", "hear the source", _named("original"), midi="button",
            led=lambda p: p.controls.monitor == "original",
        ),
        Action(
            "resynthesized", "hear the output of the model", _named("resynthesized"), midi="button",
            led=lambda p: p.controls.monitor == "resynthesized",
        ),
        Action(
            "freeze", "freeze the spectrum; again: release it", _quiet(lambda p: p.toggle_frozen()),
            midi="button", keys=(Keys("f", "freeze; again: release", {"f": ""}),), led=lambda p: p.controls.frozen,
        ),
        Action(
            "stretch", "time-stretch the file, 0.25 to 4 times its duration",
            _quiet(lambda p, times: p.set_stretch(stretch=times)),
            (Argument("TIMES", "number", "times", *STRETCH_RANGE),),
        ),
        Action(
            "transpose", "transpose the file, -24 to 24 semitones",
            _quiet(lambda p, semitones: p.set_stretch(transpose=semitones)),
            (Argument("SEMITONES", "number", "semitones", *TRANSPOSE_RANGE),),
        ),
        Action("gain", "multiply a unit's activation", _set("gain"), (_UNIT, _VALUE), midi="fader"),
        Action("scale", "multiply a unit's activation once more", _set("scale"), (_UNIT, _VALUE), midi="fader"),
        Action(
            "override", "replace a unit's activation with a fixed value", _set("override"),
            (_UNIT, Argument("VALUE", "number", off=True)), midi="fader",
        ),
        Action(
            "pin", "override a unit at its current activation; again: clear the override", _pin, (_SELECTED,),
            keys=(Keys("o", "set or clear an override", {"o": ""}),),
        ),
        Action(
            "nudge", "change a value in steps, as the keys do", _nudge,
            (
                Argument("WHAT", "choice", choices=("gain", "scale", "override", "stretch", "transpose")),
                Argument("STEPS", "integer"),
            ),
            keys=(
                Keys("left right", "gain down/up", {"left": "gain -1", "right": "gain 1"}),
                Keys("- +", "scale down/up", {"minus": "scale -1", "plus": "scale 1", "equals_sign": "scale 1"}),
                Keys("( )", "override down/up", {"left_parenthesis": "override -1", "right_parenthesis": "override 1"}),
                Keys("< >", "slower, faster", {"less_than_sign": "stretch 1", "greater_than_sign": "stretch -1"}),
                Keys(
                    "{ }", "transpose down/up",
                    {"left_curly_bracket": "transpose -1", "right_curly_bracket": "transpose 1"},
                ),
            ),
        ),
        Action(
            "mute", "mute a unit; again: unmute it", _mute, (_SELECTED,), midi="unit",
            keys=(Keys("m", "mute, unmute", {"m": ""}),),
        ),
        Action(
            "sign", "invert a unit's polarity", lambda p, unit: f"unit {unit}: sign {p.invert_polarity(unit):+.0f}",
            (_SELECTED,), midi="unit", keys=(Keys("i", "invert polarity", {"i": ""}),),
        ),
        Action(
            "restore", "restore a unit's original activation", _restore, (_SELECTED,), midi="unit",
            keys=(Keys("u", "restore the unit", {"u": ""}),),
        ),
        Action(
            "reset", "restore all original activations", _said("reset", lambda p: p.reset()), midi="button",
            keys=(Keys("R", "restore all units", {"R": "", "upper_r": ""}),), led=lambda p: p.is_recording,
        ),
        Action(
            "undo", "undo the last change of controls or snapshots", _stepped("undo", lambda p: p.undo()),
            midi="button", keys=(Keys("backspace", "undo", {"backspace": "", "ctrl+z": ""}),),
        ),
        Action(
            "redo", "redo what was undone last", _stepped("redo", lambda p: p.redo()), midi="button",
            keys=(Keys("y", "redo", {"y": "", "ctrl+y": ""}),),
        ),
        Action(
            "silence", "silence all units; again: bring them back",
            lambda p: "all units " + ("silent" if p.toggle_silence() else "back"), midi="button",
            keys=(Keys("z", "silence all; again: back", {"z": ""}),), led=lambda p: p.silenced,
        ),
        Action(
            "bank", "choose the bank in view", _bank, (Argument("next|previous|NUMBER", "rest", optional=True),),
            midi="button",
            keys=(
                Keys(
                    "[ ]", "previous, next bank", {"left_square_bracket": "previous", "right_square_bracket": "next"}
                ),
            ),
        ),
        Action(
            "select", "select another unit of the bank for the keys", _quiet(lambda p, step: p.select(step)),
            (Argument("STEP", "integer"),), keys=(Keys("up down", "select a unit", {"up": "-1", "down": "1"}),),
        ),
        Action("units", "list the units in view", _describe_units),
        Action(
            "store", "store the settings as a snapshot", _quiet(lambda p, number: p.store(number)), (_NUMBER,),
            midi="button", keys=(Keys("w 1-9", "store a snapshot", {f"w {digit}": digit for digit in _DIGITS}),),
        ),
        Action(
            "recall", "recall a snapshot, at once or as a morph",
            _quiet(lambda p, number, seconds: p.recall(number, seconds)),
            (_NUMBER, Argument("SECONDS", "number", "s", 0, LONGEST_MORPH_S, optional=True)), midi="button",
            keys=(Keys("1-9", "recall a snapshot", {digit: digit for digit in _DIGITS}),),
        ),
        Action(
            "morph", "set the morph time; without argument: the next of 0, 1, 2, 5, 10 s", _morph,
            (Argument("SECONDS", "number", "s", 0, LONGEST_MORPH_S, optional=True),),
            keys=(Keys("g", "next morph time", {"g": ""}),),
        ),
        Action(
            "record", "record the output; again: stop", _quiet(lambda p, path: p.toggle_recording(path)),
            (Argument("FILE.wav", "file", optional=True),), midi="button",
            keys=(Keys("c", "record; again: stop", {"c": ""}),), led=lambda p: p.is_recording,
        ),
        Action(
            "model", "switch models while playing", _quiet(lambda p, path: p.load_model(path)),
            (Argument("FILE.h5", "file", choices=data.MODELS),),
            keys=(Keys("n", "switch models", {"n": ""}, prompt=True),),
        ),
        Action(
            "learn", "MIDI learn, e.g. learn gain 3, learn play; alone: list all targets", _learn,
            (Argument("WHAT", "word", optional=True), Argument("PLACE", "integer", optional=True)),
            keys=(Keys("l", "MIDI learn", {"l": "gain PLACE"}, prompt=True),),
        ),
        Action(
            "save", "save the session", _quiet(lambda p, path: p.save_session(path or "session.toml")),
            (Argument("FILE.toml", "file", optional=True),),
        ),
        Action("latency", "show the latency and its parts", lambda p: p.describe_latency()),
        Action("status", "show the statistics of the stream", lambda p: p.describe_status()),
        Action("help", "list the commands", lambda p: "\n".join(help_lines())),
        Action(
            "quit", "quit", _said("quit", lambda p: p.quit()), midi="button", keys=(Keys("q", "quit", {"q": ""}),),
        ),
    )
}  # fmt: skip

#: Names of MIDI targets: faders and buttons per unit of the bank, and global buttons.
FADERS = tuple(action.name for action in ACTIONS.values() if action.midi == "fader")
UNIT_BUTTONS = tuple(action.name for action in ACTIONS.values() if action.midi == "unit")
_WITH_WORDS = {"bank": ("previous", "next"), "recall": tuple(_DIGITS), "store": tuple(_DIGITS)}
#: Button name to its action and arguments.
_BUTTONS: dict[str, tuple[Action, str]] = {
    **{a.name: (a, "") for a in ACTIONS.values() if a.midi == "button" and a.name not in _WITH_WORDS},
    **{f"{name}-{word}": (ACTIONS[name], word) for name, words in _WITH_WORDS.items() for word in words},
}
BUTTONS = tuple(_BUTTONS)


def run(performer: Performer, line: str) -> str:
    """Run a text command; returns a message, empty for an empty line.

    Raises
    ------
    ValueError
        If the command is unknown or its arguments are not valid; nothing was changed.
    """
    name, _, rest = line.strip().partition(" ")
    if not name:
        return ""
    action = ACTIONS.get(name)
    if action is None:
        raise ValueError(f"unknown command {name!r}; 'help' lists the commands")
    try:
        return action(performer, rest)
    except (IndexError, ValueError) as error:
        raise ValueError(f"{line.strip()}: {error}; expected: {action.usage}") from None


def press(performer: Performer | UnitPerformer, button: str, unit: int | None = None) -> str:
    """Press a button, named as a MIDI target; unit: for buttons that act on one.

    Raises
    ------
    ValueError
        If the button is unknown.
    """
    if button in UNIT_BUTTONS and unit is not None:
        return ACTIONS[button](performer, [str(unit)])  # type: ignore[arg-type]
    if button not in _BUTTONS:
        raise ValueError(f"unknown button {button!r}; expected one of {', '.join(BUTTONS)}")
    action, words = _BUTTONS[button]
    return action(performer, words.split())  # type: ignore[arg-type]


def led(performer: Performer, button: str) -> bool | None:
    """Whether the LED of a button is on; None if it has none."""
    action = _BUTTONS[button][0] if button in _BUTTONS else None
    return None if action is None or action.led is None else action.led(performer)


def needs_stream(button: str) -> bool:
    """Whether a MIDI target needs a stream: it acts on more than the units of a model."""
    return not (button in FADERS + UNIT_BUTTONS or button.startswith("bank-") or button in _OF_UNITS)


_OF_UNITS = ("original", "resynthesized", "freeze", "reset", "silence")


def key_bindings() -> dict[str, tuple[Action, str, bool]]:
    """Key name, or two names in sequence, to action, arguments and whether to open the prompt."""
    return {
        key: (action, words, keys.prompt)
        for action in ACTIONS.values()
        for keys in action.keys
        for key, words in keys.bindings.items()
    }


def key_table() -> list[tuple[str, str]]:
    """Key labels and what they do."""
    return [(keys.label, keys.help) for action in ACTIONS.values() for keys in action.keys]


def help_lines() -> list[str]:
    """One line of help per action."""
    return [f"{action.usage:<30} {action.help}" for action in ACTIONS.values()]


def markdown() -> str:
    """The table of docs/playing.md."""
    lines = ["| command | keys | MIDI target | does |", "|---|---|---|---|"]
    for action in ACTIONS.values():
        labels = [f"`{part}`" for keys in action.keys for part in keys.label.split(" ")]
        targets = {"fader": f"`{action.name} PLACE`", "unit": f"`{action.name} PLACE`", "button": f"`{action.name}`"}
        target = targets[action.midi] if action.midi else ""
        if action.name in _WITH_WORDS:
            first, *_, last = _WITH_WORDS[action.name]
            between = ", " if len(_WITH_WORDS[action.name]) == 2 else " to "
            target = f"`{action.name}-{first}`{between}`{action.name}-{last}`"
        usage = action.usage.replace("|", "\\|")
        lines.append(f"| `{usage}` | {' '.join(labels)} | {target} | {action.help} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
