"""Macros: directions move the code, groups move gains; by command, key and fader, with undo."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.control import actions, mapping
from aedsp.control.mapping import Target
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls

RNG = np.random.default_rng(1)
DIRECTIONS = {name: RNG.standard_normal(12).astype(np.float32) for name in ("bright", "loud", "rough")}


@pytest.fixture
def p():
    player = UnitPerformer(Controls(12))
    player.macros.directions = DIRECTIONS
    return player


def test_a_direction_is_an_offset_and_the_others_stay(p):
    p.move_macro("bright", 1.5)
    p.move_macro("rough", -0.5)
    expected = 1.5 * DIRECTIONS["bright"] - 0.5 * DIRECTIONS["rough"]
    assert np.allclose(p.controls.offset[:], expected, atol=1e-5)
    assert p.macros.positions() == {"bright": 1.5, "loud": 0.0, "rough": -0.5}
    p.move_macro("bright", 0)
    p.move_macro("rough", 0)
    assert (p.controls.offset[:] == 0).all(), "exactly neutral in the middle"


def test_undo_and_reset(p):
    p.move_macro("loud", 2)
    p.toggle_mute(0)
    p.undo()
    p.undo()
    assert p.macros.position("loud") == 0
    p.redo()
    assert p.macros.position("loud") == 2
    p.restore(3)
    assert p.macros.position("loud") == 2, "one unit's offset belongs to the whole code"
    p.reset()
    assert p.macros.position("loud") == 0


def test_keys_nudge_within_the_range(p):
    for _ in range(30):
        actions.run(p, "nudge bright 1")
    assert p.macros.position("bright") == 3
    actions.run(p, "nudge bright -1")
    assert p.macros.position("bright") == pytest.approx(2.7)


def test_a_group_moves_gains_each_in_its_range(p):
    assert actions.run(p, "group 2 3=0..1 5=1..0 7") == "group 2: units 3, 5, 7"
    assert (p.controls.gain[:] == 1).all(), "nothing moves until it is moved"
    assert actions.run(p, "macro 2 0.25") == "macro 2 0.25"
    assert p.controls.gain[[3, 5, 7]].tolist() == [0.25, 0.75, 0.25]
    assert "macro 2: 0.25, units 3=0..1, 5=1..0, 7=0..1" in actions.run(p, "macros")
    p.undo()
    assert (p.controls.gain[:] == 1).all() and p.macros.position("2") == 1
    assert actions.run(p, "group 2") == "group 2 removed"
    p.undo()
    assert 2 in p.macros.groups


@pytest.mark.parametrize("line, why", [
    ("macro bright 4", "value is 4; expected -3 to 3"),
    ("macro 1 0.5", "macro 1 is empty; define it"),
    ("macro nothing 0", "expected one of bright, loud, rough, 1"),
    ("group 1 12=0..1", "there is no unit 12"),
    ("group 1 x=0..1", "invalid literal"),
    ("group 1 3=0..nan", "not finite"),
    ("group 9 3", "expected 1 to 8"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(p, line, why):
    with pytest.raises(ValueError, match=why):
        actions.run(p, line)
    assert not p.macros.groups and (p.controls.offset[:] == 0).all()


def test_without_statistics_there_are_no_directions(p):
    p.macros.directions = {}
    with pytest.raises(ValueError, match="no code statistics"):
        actions.run(p, "macro loud 1")
    assert p.macros.position("loud") == 0


def test_faders_with_soft_takeover(p):
    made = mapping.load("eight_faders")
    for number, name in ((90, "macro-bright"), (91, "macro-1"), (92, "macro-2")):
        made = made.with_target("cc", number, Target(name))
    surface = Surface(p, made)
    p.define_group(1, {4: (0.0, 2.0)})

    def move(number, *values):
        for value in values:
            surface.receive(Message("cc", 1, number, value))

    move(90, 127)
    assert p.macros.position("bright") == 0 and surface.distance("macro-bright") == 64
    move(90, 64, 127)
    assert p.macros.position("bright") == 3
    move(90, 64)
    assert (p.controls.offset[:] == 0).all()
    move(91, 127, 0)
    assert p.controls.gain[4] == 0
    move(92, 127, 64)  # an empty one moves nothing and says nothing
    assert (np.delete(p.controls.gain[:], 4) == 1).all()


def test_a_groups_fader_is_where_its_gains_are(p):
    made = mapping.load("eight_faders").with_target("cc", 91, Target("macro-1"))
    surface = Surface(p, made)
    p.define_group(1, {0: (0.0, 1.0), 1: (1.0, 0.0)})
    for value in (127, 60, 20):
        surface.receive(Message("cc", 1, 91, value))
    assert p.controls.gain[0] == pytest.approx(20 / 127, abs=1e-3)
    p.reset()
    assert p.macros.position("1") == 0.5
    surface.receive(Message("cc", 1, 91, 19))
    assert p.controls.gain[0] == 1, "soft takeover"
    surface.receive(Message("cc", 1, 91, 70))
    assert p.controls.gain[0] == pytest.approx(70 / 127, abs=1e-3)


def test_another_model_keeps_the_positions(p):
    p.move_macro("loud", 1)
    positions = p.macros.positions()
    others = {name: RNG.standard_normal(7).astype(np.float32) for name in DIRECTIONS}
    with p.controls.resized(7):
        pass
    p.macros.change_model(others, positions)
    assert np.allclose(p.controls.offset[:], others["loud"], atol=1e-6)
    p.macros.change_model({}, p.macros.positions())
    assert (p.controls.offset[:] == 0).all()
