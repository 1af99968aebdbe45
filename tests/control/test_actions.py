"""The table of actions: everything generated from it is complete and consistent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aedsp.control import action, action_table, actions, answers
from aedsp.control.action_table import ACTIONS, AMOUNT_FADERS, BUTTONS, FADERS, HELD, MACRO_FADERS, UNIT_BUTTONS
from aedsp.control.performer import Performer
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls

DOCUMENT = Path(__file__).parents[2] / "docs" / "playing.md"


def test_the_documentation_contains_the_generated_table():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert actions.markdown() in text, "run python -m aedsp.control.actions and paste its output"


def test_help_names_every_action_with_its_arguments():
    lines = action_table.help_lines()
    assert len(lines) == len(ACTIONS)
    for line, each in zip(lines, ACTIONS.values(), strict=True):
        assert line.startswith(each.usage) and line.endswith(each.help) and each.help


def test_no_key_has_two_actions():
    keys = [key for each in ACTIONS.values() for group in each.keys for key in group.bindings]
    assert len(keys) == len(set(keys))


def test_every_key_passes_valid_arguments_to_its_action():
    for key, (acts, words, asks) in actions.key_bindings().items():
        if asks:
            continue
        given, left = words.split(), len(words.split())
        for argument in acts.arguments:
            if left and argument.kind != "rest":
                argument.parse(given[len(given) - left])
            left -= left > 0
        assert left == 0, f"{key} gives {acts.name} too many arguments"


def test_every_midi_target_is_an_action():
    assert {"gain", "scale", "override"} == set(FADERS) and {"mute", "solo", "hold-solo", "sign", "restore"} == set(
        UNIT_BUTTONS
    )
    assert {"bank-previous", "bank-next", "recall-1", "recall-9", "store-1", "store-9", "quit", "play"} <= set(BUTTONS)
    assert {"detail", "mix", "volume", "target"} == set(AMOUNT_FADERS)
    assert {"macro-bright", "macro-loud", "macro-rough", "macro-1", "macro-8"} <= set(MACRO_FADERS)
    assert {"hold-solo", "mute-solos"} == set(HELD)
    names = (*FADERS, *AMOUNT_FADERS, *MACRO_FADERS, *UNIT_BUTTONS, *BUTTONS)
    assert all(name in ACTIONS or name.split("-")[0] in ACTIONS for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("button", ["bank-nxt", "dance", "recall-0", "", "gain"])
def test_unknown_buttons_are_refused(button):
    performer = UnitPerformer(Controls(8))
    with pytest.raises(ValueError, match=f"unknown button '{button}'; expected one of play, stop"):
        actions.press(performer, button)


@pytest.mark.parametrize(
    "line, error",
    [
        ("mute 1 2", "unexpected argument '2'; expected: mute"),
        ("nudge colour 1", "what is 'colour'; expected one of gain, scale, override"),
        ("bank sideways", "invalid literal for int"),
        ("select up", "invalid literal for int"),
        ("gain x 1", "invalid literal for int"),
        ("silence now", "unexpected argument 'now'"),
    ],
)
def test_invalid_arguments_are_refused(line, error):
    performer = UnitPerformer(Controls(8))
    with pytest.raises(ValueError, match=error):
        actions.run(performer, line)


def test_actions_on_units_need_no_stream():
    controls = Controls(20)
    performer = UnitPerformer(controls, 8)
    for line in (
        "gain 3 0.5",
        "mute 4",
        "sign 5",
        "override 6 0.25",
        "bank 2",
        "select 1",
        "mute",
        "monitor",
        "freeze",
        "detail 0.5",
        "mix 0.25",
        "volume -6",
        "target 0.75",
        "take-target",
        "nudge mix -1",
    ):
        actions.run(performer, line)
    assert controls.gain[3] == 0.5 and controls.muted[4] and controls.sign[5] == -1 and controls.override[6] == 0.25
    assert controls.muted[17] and controls.monitor == "original" and controls.frozen
    amounts = controls.detail, controls.mix, controls.volume_db, controls.target_amount
    assert amounts == (0.5, pytest.approx(0.2), -6, 0.75)
    for line, error in (("detail 2", "value is 2.0; expected 0 to 1"), ("volume 13", "db is 13.0; expected")):
        with pytest.raises(ValueError, match=error):
            actions.run(performer, line)
    assert not any(actions.needs_stream(name) for name in ("gain", "mix", "mute", "bank-next", "silence", "reset"))
    assert all(actions.needs_stream(name) for name in ("play", "stop", "quit", "record", "recall-3", "store-1"))


def test_the_protocol_holds_only_what_actions_call():
    """Every method of the protocol is used by an action."""
    sources = (Path(module.__file__).read_text(encoding="utf-8") for module in (action, action_table, actions, answers))
    source = "".join(sources)
    methods = [name for name in vars(Performer) if not name.startswith("_")]
    unused = [name for name in methods if not re.search(rf"\b(p|performer)\.{name}\b", source)]
    assert not unused
