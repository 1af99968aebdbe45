"""Runs actions: by text command, key or MIDI target, and lists them for help and docs. The table is `action_table`.

python -m aedsp.control.actions        # prints the table of docs/playing.md
"""

from __future__ import annotations

from aedsp.control.action import Action
from aedsp.control.action_table import (
    ACTIONS,
    AMOUNT_FADERS,
    BUTTON_ACTIONS,
    BUTTONS,
    FADERS,
    HELD,
    MACRO_FADERS,
    UNIT_BUTTONS,
    WITH_WORDS,
)
from aedsp.control.performer import Performer
from aedsp.control.unit_performer import UnitPerformer


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


def press(performer: Performer | UnitPerformer, button: str, unit: int | None = None, *, on: bool = True) -> str:
    """Press a button, named as a MIDI target; unit: for buttons that act on one. on=False: release one of `HELD`.

    Raises
    ------
    ValueError
        If the button is unknown.
    """
    if button in UNIT_BUTTONS and unit is not None:
        return ACTIONS[button](performer, [str(unit), *_held(button, on)])  # type: ignore[arg-type]
    if button not in BUTTON_ACTIONS:
        raise ValueError(f"unknown button {button!r}; expected one of {', '.join(BUTTONS)}")
    action, words = BUTTON_ACTIONS[button]
    return action(performer, [*words.split(), *_held(button, on)])  # type: ignore[arg-type]


def _held(button: str, on: bool) -> list[str]:
    return ["on" if on else "off"] if button in HELD else []


def led(performer: Performer, button: str) -> bool | None:
    """Whether the LED of a button is on; None if it has none."""
    action = BUTTON_ACTIONS[button][0] if button in BUTTON_ACTIONS else None
    return None if action is None or action.led is None else action.led(performer)


def needs_stream(button: str) -> bool:
    """Whether a MIDI target needs a stream: it acts on more than the units of a model."""
    of_units = FADERS + AMOUNT_FADERS + MACRO_FADERS + UNIT_BUTTONS + _OF_UNITS
    return not (button in of_units or button.startswith("bank-"))


_OF_UNITS = (
    "original", "resynthesized", "freeze", "reset", "silence", "toggle-detail", "take-target", "mute-solos", "all-but",
    "unsolo",
)  # fmt: skip


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


def markdown() -> str:
    """The table of docs/playing.md."""
    lines = ["| command | keys | MIDI target | does |", "|---|---|---|---|"]
    for action in ACTIONS.values():
        labels = [f"`{part}`" for keys in action.keys for part in keys.label.split(" ")]
        target = f"`{action.name}{' PLACE' if action.midi in ('fader', 'unit', 'held unit') else ''}`"
        target = "`macro-NAME`" if action.midi == "macro" else target if action.midi else ""
        if action.name in WITH_WORDS:
            first, *_, last = WITH_WORDS[action.name]
            between = ", " if len(WITH_WORDS[action.name]) == 2 else " to "
            target = f"`{action.name}-{first}`{between}`{action.name}-{last}`"
        usage = action.usage.replace("|", "\\|")
        lines.append(f"| `{usage}` | {' '.join(labels)} | {target} | {action.help} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
