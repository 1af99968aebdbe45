"""Text commands: the whole instrument for a keyboard, a script or a screen reader. One table; help is made from it.

Units are counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aedsp.control.mapping import BUTTONS, FADERS, UNIT_BUTTONS, Target
from aedsp.engine import time_stretch
from aedsp.play.instrument import Instrument


@dataclass(frozen=True)
class Command:
    """usage: the words as typed; does: in words; run: with the words after the name, returns what to say."""

    usage: str
    does: str
    run: Callable[[Instrument, list[str]], str]


def run(instrument: Instrument, line: str) -> str:
    """Do what a line says; returns a sentence, empty for an empty line.

    Raises
    ------
    ValueError
        There is no such command, or its words are not what it expects; nothing was changed.
    """
    words = line.split()
    if not words:
        return ""
    command = COMMANDS.get(words[0])
    if command is None:
        raise ValueError(f"there is no command {words[0]!r}; 'help' lists them")
    try:
        return command.run(instrument, words[1:])
    except (IndexError, ValueError) as error:
        text = str(error)
        if isinstance(error, IndexError) and "there is no unit" not in text:
            text = "words are missing"
        raise ValueError(f"{line.strip()}: {text}; expected: {command.usage}") from None


def help_lines() -> list[str]:
    """Every command, a line each."""
    return [f"{command.usage:<28} {command.does}" for command in COMMANDS.values()]


def _set(name: str) -> Callable[[Instrument, list[str]], str]:
    def set_value(instrument: Instrument, words: list[str]) -> str:
        unit, value = int(words[0]), float("nan") if words[1] == "off" else float(words[1])
        if name != "override" and value != value:
            raise ValueError("off is for override")
        getattr(instrument.controls, name)[unit] = value
        return f"unit {unit}: {name} {words[1]}"

    return set_value


def _toggle(name: str) -> Callable[[Instrument, list[str]], str]:
    def toggle(instrument: Instrument, words: list[str]) -> str:
        unit = int(words[0])
        if name == "mute":
            instrument.controls.muted[unit] = not instrument.controls.muted[unit]
            return f"unit {unit}: {'muted' if instrument.controls.muted[unit] else 'not muted'}"
        if name == "sign":
            instrument.controls.sign[unit] = -instrument.controls.sign[unit]
            return f"unit {unit}: sign {instrument.controls.sign[unit]:+.0f}"
        instrument.controls.reset(unit)
        return f"unit {unit}: original activation"

    return toggle


def _bank(instrument: Instrument, words: list[str]) -> str:
    hand = instrument.hand
    if words and words[0] not in ("next", "previous"):
        wanted = int(words[0])
        if not 0 <= wanted < hand.n_banks:
            raise ValueError(f"there are banks 0 to {hand.n_banks - 1}")
        while hand.bank != wanted:
            hand.press(Target("bank-next"))
    else:
        hand.press(Target(f"bank-{words[0] if words else 'next'}"))
    return f"bank {hand.bank}: units {hand.units[0]} to {hand.units[-1]}"


def _units(instrument: Instrument, words: list[str]) -> str:
    controls, lines = instrument.controls, []
    for unit in instrument.hand.units:
        override = controls.override[unit]
        lines.append(
            f"unit {unit}: gain {controls.gain[unit]:.3f}, scale {controls.scale[unit]:.3f}, "
            f"{'muted' if controls.muted[unit] else 'sounding'}, sign {controls.sign[unit]:+.0f}"
            + (f", override {override:.3f}" if override == override else "")
        )
    return "\n".join(lines)


def _seek(instrument: Instrument, words: list[str]) -> str:
    word = words[0]
    to = float(word) + (instrument.stream.position_s if word[0] in "+-" else 0)
    instrument.seek(to)
    return f"at {max(0.0, to):.1f} s"


def _recall(instrument: Instrument, words: list[str]) -> str:
    instrument.recall(int(words[0]), float(words[1]) if len(words) > 1 else None)
    return ""


def _store(instrument: Instrument, words: list[str]) -> str:
    if not 1 <= int(words[0]) <= 9:
        raise ValueError("snapshots are 1 to 9")
    instrument.store(int(words[0]))
    return ""


def _press(action: str) -> Callable[[Instrument, list[str]], str]:
    def press(instrument: Instrument, words: list[str]) -> str:
        instrument.do(action)
        return {"silence": "all units " + ("silent" if instrument.hand.silenced else "back")}.get(action, action)

    return press


def _play(instrument: Instrument, words: list[str]) -> str:
    instrument.toggle_play()
    return ""


def _stretch(instrument: Instrument, words: list[str]) -> str:
    time_stretch.check(float(words[0]), 0)
    instrument.set_pace(stretch=float(words[0]))
    return ""


def _transpose(instrument: Instrument, words: list[str]) -> str:
    time_stretch.check(1, float(words[0]))
    instrument.set_pace(transpose=float(words[0]))
    return ""


def _freeze(instrument: Instrument, words: list[str]) -> str:
    instrument.toggle_frozen()
    return ""


def _record(instrument: Instrument, words: list[str]) -> str:
    instrument.toggle_recording(" ".join(words) or None)
    return ""


def _model(instrument: Instrument, words: list[str]) -> str:
    instrument.load_model(" ".join(words) or words[0])
    return ""


def _save(instrument: Instrument, words: list[str]) -> str:
    path = " ".join(words) or "session.toml"
    instrument.attempt(lambda: instrument.session().save(path), f"session saved in {path}")
    return ""


def _learn(instrument: Instrument, words: list[str]) -> str:
    name = words[0]
    if name in FADERS + UNIT_BUTTONS:
        slot = int(words[1]) - 1
        if not 0 <= slot < instrument.hand.mapping.bank:
            raise ValueError(f"the bank has places 1 to {instrument.hand.mapping.bank}")
        instrument.learn(Target(name, slot))
    elif name in BUTTONS:
        instrument.learn(Target(name))
    else:
        raise ValueError(f"expected one of {', '.join(FADERS + UNIT_BUTTONS + BUTTONS[:11])}")
    return ""


def _morph(instrument: Instrument, words: list[str]) -> str:
    seconds = float(words[0])
    if not 0 <= seconds < 3600:
        raise ValueError("expected 0 to 3600 s")
    instrument.morph_s = seconds
    return f"recalls take {seconds:g} s"


COMMANDS = {
    "play": Command("play", "play or pause", _play),
    "stop": Command("stop", "stop and rewind", _press("stop")),
    "seek": Command("seek SECONDS", "go to a position; +5 and -5 from here", _seek),
    "original": Command("original", "hear the source itself", _press("original")),
    "resynthesized": Command("resynthesized", "hear what the model makes of it", _press("resynthesized")),
    "freeze": Command("freeze", "hold the sound of this moment; again: let it go on", _freeze),
    "stretch": Command("stretch TIMES", "the file's duration, 0.25 to 4 times its own", _stretch),
    "transpose": Command("transpose SEMITONES", "the file's pitch, -24 to 24", _transpose),
    "gain": Command("gain UNIT VALUE", "multiply a unit's activation", _set("gain")),
    "scale": Command("scale UNIT VALUE", "multiply it once more", _set("scale")),
    "override": Command("override UNIT VALUE|off", "take a unit over altogether", _set("override")),
    "mute": Command("mute UNIT", "mute a unit, or not any more", _toggle("mute")),
    "sign": Command("sign UNIT", "turn a unit's sign", _toggle("sign")),
    "restore": Command("restore UNIT", "a unit's original activation", _toggle("restore")),
    "reset": Command("reset", "all units' original activations", _press("reset")),
    "silence": Command("silence", "all units to 0; again: back", _press("silence")),
    "bank": Command("bank [next|previous|NUMBER]", "which units are in view", _bank),
    "units": Command("units", "say the units in view", _units),
    "store": Command("store 1..9", "keep the settings", _store),
    "recall": Command("recall 1..9 [SECONDS]", "back to kept settings, at once or by a morph", _recall),
    "morph": Command("morph SECONDS", "how long a recall takes", _morph),
    "record": Command("record [FILE.wav]", "record what is heard; again: finish", _record),
    "model": Command("model FILE.h5", "another model, without a stop", _model),
    "learn": Command("learn WHAT [PLACE]", "map a control: learn gain 3, learn play", _learn),
    "save": Command("save [FILE.toml]", "save the session", _save),
    "latency": Command("latency", "what it adds up to", lambda i, words: str(i.stream.latency)),
    "status": Command("status", "how it goes", lambda i, words: "\n".join(i.stream.statistics.lines())),
    "help": Command("help", "this", lambda i, words: "\n".join(help_lines())),
    "quit": Command("quit", "end", _press("quit")),
}
