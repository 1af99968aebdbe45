"""The one table of actions: what is made from it is whole and says the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aedsp.control import action, actions
from aedsp.control.actions import ACTIONS, BUTTONS, FADERS, UNIT_BUTTONS
from aedsp.control.performer import Performer, UnitPerformer
from aedsp.engine.controls import Controls

DOCUMENT = Path(__file__).parents[2] / "docs" / "playing.md"


def test_the_table_of_the_documentation_is_made_from_it():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert actions.markdown() in text, "python -m aedsp.control.actions prints it as it should be"


def test_help_names_every_action_with_its_arguments():
    lines = actions.help_lines()
    assert len(lines) == len(ACTIONS)
    for line, each in zip(lines, ACTIONS.values(), strict=True):
        assert line.startswith(each.usage) and line.endswith(each.help) and each.help


def test_no_key_does_two_things():
    keys = [key for each in ACTIONS.values() for group in each.keys for key in group.bindings]
    assert len(keys) == len(set(keys))


def test_every_key_has_words_that_its_action_takes():
    for key, (acts, words, asks) in actions.key_bindings().items():
        if asks:
            continue
        given, left = words.split(), len(words.split())
        for argument in acts.arguments:
            if left and argument.kind != "rest":
                argument.parse(given[len(given) - left])
            left -= left > 0
        assert left == 0, f"{key} gives {acts.name} too many words"


def test_every_midi_target_is_an_action():
    assert {"gain", "scale", "override"} == set(FADERS) and {"mute", "sign", "restore"} == set(UNIT_BUTTONS)
    assert {"bank-previous", "bank-next", "recall-1", "recall-9", "store-1", "store-9", "quit", "play"} <= set(BUTTONS)
    assert all(name.split("-")[0] in ACTIONS for name in (*FADERS, *UNIT_BUTTONS, *BUTTONS))
    assert not set(FADERS) & set(BUTTONS)


@pytest.mark.parametrize("button", ["bank-nxt", "dance", "recall-0", "", "gain"])
def test_a_button_that_does_not_exist_is_refused(button):
    performer = UnitPerformer(Controls(8))
    with pytest.raises(ValueError, match=f"there is no button '{button}'; expected one of play, stop"):
        actions.press(performer, button)


@pytest.mark.parametrize(
    "line, error",
    [
        ("mute 1 2", "'2' is one argument too many; expected: mute"),
        ("nudge volume 1", "what is 'volume'; expected one of gain, scale, override"),
        ("bank sideways", "invalid literal for int"),
        ("select up", "invalid literal for int"),
        ("gain x 1", "invalid literal for int"),
        ("silence now", "'now' is one argument too many"),
    ],
)
def test_words_that_do_not_fit_are_refused(line, error):
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
    ):
        actions.run(performer, line)
    assert controls.gain[3] == 0.5 and controls.muted[4] and controls.sign[5] == -1 and controls.override[6] == 0.25
    assert controls.muted[17] and controls.monitor == "original" and controls.frozen
    assert not any(actions.needs_stream(name) for name in ("gain", "mute", "bank-next", "silence", "reset"))
    assert all(actions.needs_stream(name) for name in ("play", "stop", "quit", "record", "recall-3", "store-1"))


def test_what_an_instrument_must_do_is_what_the_table_calls():
    """Every method of the protocol is used by an action, so that it holds nothing else."""
    sources = (Path(module.__file__).read_text(encoding="utf-8") for module in (action, actions))
    source = "".join(sources)
    methods = [name for name in vars(Performer) if not name.startswith("_")]
    unused = [name for name in methods if not re.search(rf"\b(p|performer)\.{name}\b", source)]
    assert not unused
