"""The table of actions: everything that a player can do.

`ACTIONS` defines text commands and their help, keys, MIDI targets, MIDI learn and the table in docs/playing.md. A new
action is one entry. Actions work on a `Performer`; nothing above this package is imported. `actions` runs them.
"""

from __future__ import annotations

from aedsp import data
from aedsp._kernels.time_stretch import STRETCH_RANGE, TRANSPOSE_RANGE
from aedsp.control import answers
from aedsp.control.action import Action, Argument, Keys
from aedsp.control.macros import MACROS
from aedsp.control.performer import Performer
from aedsp.model.directions import DIRECTIONS

SNAPSHOTS = (1, 9)
LONGEST_MORPH_S = 3600.0
SEEK_S = 5.0

_UNIT = Argument("UNIT", "unit")
_SELECTED = Argument("UNIT", "unit", optional=True)
_VALUE = Argument("VALUE", "number")
_SHARE = Argument("VALUE", "number", "", 0, 1)


def _learn(p: Performer, what: str | None, place: int | None) -> str | None:
    if what is None:
        per_unit = ", ".join(f"{name} PLACE" for name in FADERS + UNIT_BUTTONS)
        amounts = f"targets for a fader: {', '.join(AMOUNT_FADERS + MACRO_FADERS)}"
        return f"targets for one unit of the bank: {per_unit}\n{amounts}\ntargets for a button: {', '.join(BUTTONS)}"
    if what not in (known := FADERS + AMOUNT_FADERS + MACRO_FADERS + UNIT_BUTTONS + BUTTONS):
        raise ValueError(f"target is {what!r}; expected one of {', '.join(known)}")
    if what in AMOUNT_FADERS + MACRO_FADERS + BUTTONS:
        p.learn(what, None)
        return None
    if place is None:
        raise ValueError("missing argument PLACE")
    if not 1 <= place <= p.bank_size:
        raise ValueError(f"place is {place}; expected 1 to {p.bank_size}")
    p.learn(what, place - 1)
    return None


_NUMBER = Argument("1..9", "integer", "", *SNAPSHOTS)
_DIGITS = [str(i) for i in range(SNAPSHOTS[0], SNAPSHOTS[1] + 1)]

_NUDGED = ("gain", "scale", "override", *answers.AMOUNTS, *DIRECTIONS, "stretch", "transpose")
_ON_OFF = Argument("STATE", "choice", choices=("on", "off"))

#: By name, in the order of the help.
ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "play", "play or pause", answers.quiet(lambda p: p.toggle_play()), midi="button",
            keys=(Keys("space", "play or pause", {"space": ""}),), led=lambda p: p.transport == "play",
        ),
        Action(
            "stop", "stop and rewind", answers.said("stop", lambda p: p.stop()), midi="button",
            keys=(Keys("x", "stop and rewind", {"x": ""}),), led=lambda p: p.transport in ("stop", "end"),
        ),
        Action(
            "seek", "go to a position; with + or -: relative", answers.seek, (Argument("SECONDS", "rest", "s"),),
            keys=(Keys(", .", "5 s back, forward", {"comma": f"-{SEEK_S:g}", "full_stop": f"+{SEEK_S:g}"}),),
        ),
        Action(
            "open", "switch to a song, a folder or an M3U file; the old song fades out",
            answers.quiet(lambda p, path: p.open_song(path)), (Argument("FILE", "file"),),
            keys=(Keys("L", "open a song", {"L": "", "upper_l": ""}, prompt=True),),
        ),
        Action(
            "next", "the next song of the folder or playlist", answers.quiet(lambda p: p.step_song(1)), midi="button",
            keys=(Keys("pgdn", "next song", {"pagedown": ""}),),
        ),
        Action(
            "previous", "the previous song", answers.quiet(lambda p: p.step_song(-1)), midi="button",
            keys=(Keys("pgup", "previous song", {"pageup": ""}),),
        ),
        Action(
            "drive", "play the decoder alone: constant, typical[:PERCENTILE], walk[:HZ]",
            answers.quiet(lambda p, drive: p.play_drive(drive)), (Argument("DRIVE", "word"),),
        ),
        Action(
            "input", "play a live input, muted until play; by number or part of the name",
            answers.quiet(lambda p, device: p.play_input(device)), (Argument("DEVICE", "rest", optional=True),),
        ),
        Action(
            "monitor", "switch between original and resynthesized",
            answers.monitor, keys=(Keys("t", "original or resynthesized", {"t": ""}),),
        ),
        Action(
            "original", "hear the source", answers.named("original"), midi="button",
            led=lambda p: p.controls.monitor == "original",
        ),
        Action(
            "resynthesized", "hear the output of the model", answers.named("resynthesized"), midi="button",
            led=lambda p: p.controls.monitor == "resynthesized",
        ),
        Action(
            "freeze", "freeze the spectrum; again: release it", answers.quiet(lambda p: p.toggle_frozen()),
            midi="button", keys=(Keys("f", "freeze; again: release", {"f": ""}),), led=lambda p: p.controls.frozen,
        ),
        Action(
            "stretch", "time-stretch the file, 0.25 to 4 times its duration",
            answers.quiet(lambda p, times: p.set_stretch(stretch=times)),
            (Argument("TIMES", "number", "times", *STRETCH_RANGE),),
        ),
        Action(
            "transpose", "transpose the file, -24 to 24 semitones",
            answers.quiet(lambda p, semitones: p.set_stretch(transpose=semitones)),
            (Argument("SEMITONES", "number", "semitones", *TRANSPOSE_RANGE),),
        ),
        Action(
            "detail", "keep the original's fine structure: 0 (resynthesis alone) to 1 (faders shape the original)",
            answers.set_amount("detail"), (_SHARE,), midi="amount",
        ),
        Action(
            "toggle-detail", "detail 0 or 1", lambda p: f"detail {p.toggle_detail():g}", midi="button",
            keys=(Keys("d", "detail 0, 1", {"d": ""}),), led=lambda p: p.controls.detail > 0,
        ),
        Action("mix", "mix: 0 (original) to 1 (resynthesis)", answers.set_amount("mix"), (_SHARE,), midi="amount"),
        Action(
            "volume", "volume in dB; -60: silence", answers.set_amount("volume_db", " dB"),
            (Argument("DB", "number", "dB", -1000, 12),), midi="amount",
        ),
        Action(
            "target", "take the code towards the target: 0 to 1", answers.set_amount("target_amount"), (_SHARE,),
            midi="amount",
        ),
        Action(
            "take-target", "make the current activations the target",
            answers.said("target taken", lambda p: p.take_target()), midi="button",
            keys=(Keys("a", "take the target", {"a": ""}),),
        ),
        Action("gain", "multiply a unit's activation", answers.set_unit("gain"), (_UNIT, _VALUE), midi="fader"),
        Action(
            "scale", "multiply a unit's activation once more", answers.set_unit("scale"), (_UNIT, _VALUE), midi="fader",
        ),
        Action(
            "override", "replace a unit's activation with a fixed value", answers.set_unit("override"),
            (_UNIT, Argument("VALUE", "number", off=True)), midi="fader",
        ),
        Action(
            "pin", "override a unit at its current activation; again: clear the override", answers.pin, (_SELECTED,),
            keys=(Keys("o", "set or clear an override", {"o": ""}),),
        ),
        Action(
            "nudge", "change a value in steps, as the keys do", answers.nudge,
            (
                Argument("WHAT", "choice", choices=_NUDGED),
                Argument("STEPS", "integer"),
            ),
            keys=(
                Keys("left right", "gain down/up", {"left": "gain -1", "right": "gain 1"}),
                Keys("- +", "scale down/up", {"minus": "scale -1", "plus": "scale 1", "equals_sign": "scale 1"}),
                Keys("j k", "mix: original/resynthesis", {"j": "mix -1", "k": "mix 1"}),
                Keys("v V", "volume down/up", {"v": "volume -1", "V": "volume 1", "upper_v": "volume 1"}),
                Keys("b B", "target less/more", {"b": "target -1", "B": "target 1", "upper_b": "target 1"}),
                Keys("e E", "duller/brighter", {"e": "bright -1", "E": "bright 1", "upper_e": "bright 1"}),
                Keys("h H", "softer/louder (macro)", {"h": "loud -1", "H": "loud 1", "upper_h": "loud 1"}),
                Keys("p P", "smoother/rougher", {"p": "rough -1", "P": "rough 1", "upper_p": "rough 1"}),
                Keys("( )", "override down/up", {"left_parenthesis": "override -1", "right_parenthesis": "override 1"}),
                Keys("< >", "slower, faster", {"less_than_sign": "stretch 1", "greater_than_sign": "stretch -1"}),
                Keys(
                    "{ }", "transpose down/up",
                    {"left_curly_bracket": "transpose -1", "right_curly_bracket": "transpose 1"},
                ),
            ),
        ),
        Action(
            "mute", "mute a unit; again: unmute it", answers.mute, (_SELECTED,), midi="unit",
            keys=(Keys("m", "mute, unmute", {"m": ""}),),
        ),
        Action(
            "solo", "hear this unit, and others that are soloed; again: not", answers.solo, (_SELECTED,), midi="unit",
            keys=(Keys("s", "solo; again: not", {"s": ""}),),
        ),
        Action(
            "hold-solo", "solo a unit while the button is held", answers.hold_solo, (_UNIT, _ON_OFF), midi="held unit",
        ),
        Action(
            "mute-solos", "while on (while the button is held), mute buttons solo units", answers.mute_solos,
            (_ON_OFF,), midi="held", led=lambda p: p.mute_solos,
        ),
        Action(
            "all-but", "hear all but the soloed units; again: only these", answers.all_but, midi="button",
            keys=(Keys("A", "all but the soloed", {"A": "", "upper_a": ""}),), led=lambda p: p.mutes.state.all_but,
        ),
        Action(
            "unsolo", "end all solos", answers.said("no solo", lambda p: p.clear_solo()), midi="button",
            keys=(Keys("S", "end all solos", {"S": "", "upper_s": ""}),), led=lambda p: bool(p.mutes.state.solo),
        ),
        Action(
            "macro", "move many units: bright, loud, rough from -3 to 3, a group from 0 to 1", answers.macro,
            (Argument("NAME", "choice", choices=MACROS), _VALUE), midi="macro",
        ),
        Action(
            "group", "the units of a group and their gains, e.g. group 1 3=0..1 5=1..0; without units: remove it",
            answers.group, (Argument("1..8", "integer", "", 1, 8), Argument("UNIT=LOW..HIGH", "rest", optional=True)),
        ),
        Action("macros", "list the macros", answers.describe_macros),
        Action(
            "name", "name a unit, e.g. name 3 kick; without a name: the model's own again",
            lambda p, unit, name: p.name_unit(unit, name or ""), (_UNIT, Argument("NAME", "rest", optional=True)),
            keys=(Keys("N", "name the unit", {"N": "UNIT ", "upper_n": "UNIT "}, prompt=True),),
        ),
        Action(
            "sign", "invert a unit's polarity", lambda p, unit: f"unit {unit}: sign {p.invert_polarity(unit):+.0f}",
            (_SELECTED,), midi="unit", keys=(Keys("i", "invert polarity", {"i": ""}),),
        ),
        Action(
            "restore", "restore a unit's original activation", answers.restore, (_SELECTED,), midi="unit",
            keys=(Keys("u", "restore the unit", {"u": ""}),),
        ),
        Action(
            "reset", "restore all original activations", answers.said("reset", lambda p: p.reset()), midi="button",
            keys=(Keys("R", "restore all units", {"R": "", "upper_r": ""}),), led=lambda p: p.is_recording,
        ),
        Action(
            "undo", "undo the last change of controls or snapshots", answers.stepped("undo", lambda p: p.undo()),
            midi="button", keys=(Keys("backspace", "undo", {"backspace": "", "ctrl+z": ""}),),
        ),
        Action(
            "redo", "redo what was undone last", answers.stepped("redo", lambda p: p.redo()), midi="button",
            keys=(Keys("y", "redo", {"y": "", "ctrl+y": ""}),),
        ),
        Action(
            "silence", "silence all units; again: bring them back",
            lambda p: "all units " + ("silent" if p.toggle_silence() else "back"), midi="button",
            keys=(Keys("z", "silence all; again: back", {"z": ""}),), led=lambda p: p.silenced,
        ),
        Action(
            "bank", "choose the bank in view", answers.bank, (Argument("next|previous|NUMBER", "rest", optional=True),),
            midi="button",
            keys=(
                Keys(
                    "[ ]", "previous, next bank", {"left_square_bracket": "previous", "right_square_bracket": "next"}
                ),
            ),
        ),
        Action(
            "sort", "put the units that change the sound most on the first banks; again: back", answers.sort,
            midi="button", keys=(Keys("O", "sort by effect; again: back", {"O": "", "upper_o": ""}),),
            led=lambda p: p.is_sorted,
        ),
        Action(
            "select", "select another unit of the bank for the keys", answers.quiet(lambda p, step: p.select(step)),
            (Argument("STEP", "integer"),), keys=(Keys("up down", "select a unit", {"up": "-1", "down": "1"}),),
        ),
        Action("units", "list the units in view", answers.describe_units),
        Action(
            "store", "store the settings as a snapshot", answers.quiet(lambda p, number: p.store(number)), (_NUMBER,),
            midi="button", keys=(Keys("w 1-9", "store a snapshot", {f"w {digit}": digit for digit in _DIGITS}),),
        ),
        Action(
            "recall", "recall a snapshot, at once or as a morph",
            answers.quiet(lambda p, number, seconds: p.recall(number, seconds)),
            (_NUMBER, Argument("SECONDS", "number", "s", 0, LONGEST_MORPH_S, optional=True)), midi="button",
            keys=(Keys("1-9", "recall a snapshot", {digit: digit for digit in _DIGITS}),),
        ),
        Action(
            "morph", "set the morph time; without argument: the next of 0, 1, 2, 5, 10 s", answers.morph,
            (Argument("SECONDS", "number", "s", 0, LONGEST_MORPH_S, optional=True),),
            keys=(Keys("g", "next morph time", {"g": ""}),),
        ),
        Action(
            "record", "record the output; again: stop", answers.quiet(lambda p, path: p.toggle_recording(path)),
            (Argument("FILE.wav", "file", optional=True),), midi="button",
            keys=(Keys("c", "record; again: stop", {"c": ""}),), led=lambda p: p.is_recording,
        ),
        Action(
            "model", "switch models while playing", answers.quiet(lambda p, path: p.load_model(path)),
            (Argument("FILE.h5", "file", choices=data.MODELS),),
            keys=(Keys("n", "switch models", {"n": ""}, prompt=True),),
        ),
        Action(
            "learn", "MIDI learn, e.g. learn gain 3, learn play; alone: list all targets", _learn,
            (Argument("WHAT", "word", optional=True), Argument("PLACE", "integer", optional=True)),
            keys=(Keys("l", "MIDI learn", {"l": "gain PLACE"}, prompt=True),),
        ),
        Action(
            "save", "save the session", answers.quiet(lambda p, path: p.save_session(path or "session.toml")),
            (Argument("FILE.toml", "file", optional=True),),
        ),
        Action("latency", "show the latency and its parts", lambda p: p.describe_latency()),
        Action("status", "show the statistics of the stream", lambda p: p.describe_status()),
        Action("help", "list the commands", lambda p: "\n".join(help_lines())),
        Action(
            "quit", "quit", answers.said("quit", lambda p: p.quit()), midi="button",
            keys=(Keys("q", "quit", {"q": ""}),),
        ),
    )
}  # fmt: skip

#: Names of MIDI targets: faders of the units of the bank and of amounts, buttons per unit, and global buttons.
FADERS = tuple(action.name for action in ACTIONS.values() if action.midi == "fader")
AMOUNT_FADERS = tuple(action.name for action in ACTIONS.values() if action.midi == "amount")
MACRO_FADERS = tuple(f"macro-{name}" for name in MACROS)
UNIT_BUTTONS = tuple(action.name for action in ACTIONS.values() if action.midi in ("unit", "held unit"))
#: Buttons that act when they are pressed, and again when they are released.
HELD = tuple(action.name for action in ACTIONS.values() if action.midi in ("held unit", "held"))
WITH_WORDS = {"bank": ("previous", "next"), "recall": tuple(_DIGITS), "store": tuple(_DIGITS)}
#: Button name to its action and arguments.
BUTTON_ACTIONS: dict[str, tuple[Action, str]] = {
    **{a.name: (a, "") for a in ACTIONS.values() if a.midi in ("button", "held") and a.name not in WITH_WORDS},
    **{f"{name}-{word}": (ACTIONS[name], word) for name, words in WITH_WORDS.items() for word in words},
}
BUTTONS = tuple(BUTTON_ACTIONS)


def help_lines() -> list[str]:
    """One line of help per action."""
    return [f"{action.usage:<30} {action.help}" for action in ACTIONS.values()]
