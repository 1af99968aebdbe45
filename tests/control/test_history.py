"""Undo and redo: steps, continuous moves, and what they bring back."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.control import actions, history
from aedsp.control.mapping import load
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls


@pytest.fixture
def performer():
    return UnitPerformer(Controls(20))


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(history.time, "monotonic", lambda: Clock.now)
    return Clock


CHANGES = [
    lambda p: p.set_unit("gain", 3, 0.25),
    lambda p: p.nudge_unit("scale", 4),
    lambda p: p.toggle_override(5),
    lambda p: p.toggle_mute(6),
    lambda p: p.invert_polarity(7),
    lambda p: p.toggle_silence(),
    lambda p: p.toggle_silence(),
    lambda p: p.toggle_solo(2),
    lambda p: p.toggle_solo(9),
    lambda p: p.toggle_all_but(),
    lambda p: p.clear_solo(),
    lambda p: p.define_group(1, {3: (0.0, 1.0), 4: (1.0, 0.0)}),
    lambda p: p.move_macro("1", 0.3),
    lambda p: p.toggle_monitor(),
    lambda p: p.toggle_frozen(),
    lambda p: p.set_amount("detail", 1.0),
    lambda p: p.nudge_amount("volume_db", -3),
    lambda p: p.take_target(),
    lambda p: p.restore(3),
    lambda p: p.reset(),
]


def same(a, b):
    return (
        all(
            np.array_equal(a.controls.values[name], values, equal_nan=True)
            for name, values in b.controls.values.items()
        )
        and a.controls.amounts == b.controls.amounts
        and (a.controls.monitor, a.controls.frozen) == (b.controls.monitor, b.controls.frozen)
        and (a.mutes.silenced, a.mutes.solo, a.mutes.all_but) == (b.mutes.silenced, b.mutes.solo, b.mutes.all_but)
        and a.groups == b.groups
    )


def test_every_change_is_a_step_back_and_forth(performer):
    states = [performer.settings()]
    for change in CHANGES:
        change(performer)
        states.append(performer.settings())
    for state in states[-2::-1]:
        assert performer.undo() is not None and same(performer.settings(), state)
    assert performer.undo() is None
    for state in states[1:]:
        assert performer.redo() is not None and same(performer.settings(), state)
    assert performer.redo() is None


def test_a_continuous_move_is_one_step(performer, clock):
    surface = Surface(performer, load("nanokontrol2"))
    for position in range(127, 40, -1):
        clock.now += 0.03
        surface.receive(Message("cc", 1, 0, position))
    clock.now += 0.6  # a pause: the next move is another step
    for position in range(40, 60):
        clock.now += 0.03
        surface.receive(Message("cc", 1, 0, position))
        surface.receive(Message("cc", 1, 1, 127))
    performer.undo()
    assert performer.controls.gain[0] < 0.48
    while performer.undo():
        pass
    assert performer.controls.gain[0] == 1


def test_a_new_change_forgets_what_could_be_redone(performer):
    performer.toggle_mute(1)
    performer.undo()
    performer.toggle_mute(2)
    assert performer.redo() is None and performer.controls.muted[2]


def test_faders_must_meet_the_values_that_undo_brings_back(performer):
    surface = Surface(performer, load("nanokontrol2"))
    for position in (127, 30):
        surface.receive(Message("cc", 1, 0, position))
    while performer.undo():
        pass
    surface.receive(Message("cc", 1, 0, 31))
    assert performer.controls.gain[0] == 1 and surface.distance("gain", 0) == 31 - 127


def test_undo_is_an_action_like_any_other(performer):
    performer.reset()
    assert actions.run(performer, "undo") == "undo: reset" and actions.run(performer, "redo") == "redo: reset"
    assert actions.run(performer, "redo") == "nothing to redo"
    actions.press(performer, "undo")


def test_after_a_swap_to_a_smaller_model_the_units_that_exist_come_back():
    performer = UnitPerformer(Controls(20))
    performer.set_unit("gain", 3, 0.5)
    performer.toggle_mute(19)
    with performer.controls.resized(8):
        pass
    performer.undo()
    performer.undo()
    assert performer.controls.gain[3] == 1 and performer.controls.n_units == 8


def test_controls_moved_together_are_a_step_each(performer, clock):
    for i in range(300):
        clock.now += 0.02
        performer.set_unit("gain", i % 2, 0.5 + i / 1000)
    assert performer.undo() and performer.undo() and performer.undo() is None
    assert performer.controls.is_neutral(0) and performer.controls.is_neutral(1)


def test_a_refused_change_is_no_step_and_keeps_what_can_be_redone(performer):
    performer.toggle_mute(1)
    performer.undo()
    with pytest.raises(IndexError):
        performer.set_unit("gain", 9999, 1)
    with pytest.raises(ValueError):
        performer.set_unit("gain", 1, float("inf"))
    assert performer.redo() == "mute of unit 1" and performer.undo() == "mute of unit 1" and performer.undo() is None
