"""Detail, mix, volume and target by keys, commands, MIDI, snapshots, morphs and sessions."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.control import mapping
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls

MAPPING = mapping.parse(
    '[cc]\n"1" = "detail"\n"2" = "volume"\n"3" = "mix"\n"4" = "target"\n"5" = "toggle-detail"\n', "m"
)


@pytest.fixture
def performer():
    return UnitPerformer(Controls(20))


def move(surface, number, *values):
    for value in values:
        surface.receive(Message("cc", 1, number, value))


def test_faders_of_amounts_take_over_softly(performer):
    surface, c = Surface(performer, MAPPING), performer.controls
    move(surface, 3, 60)
    assert c.mix == 1 and surface.distance("mix") == -67  # not touched until the fader passes the value
    move(surface, 3, 127, 64)
    assert c.mix == pytest.approx(64 / 127) and surface.distance("mix") is None
    move(surface, 1, 0, 127)
    assert c.detail == 1
    move(surface, 4, 0, 32)
    assert c.target_amount == pytest.approx(32 / 127)


def test_the_volume_fader_begins_with_silence_and_ends_at_12_db(performer):
    surface, c = Surface(performer, MAPPING), performer.controls
    move(surface, 2, 100, 110)  # 0 dB lies between
    assert c.volume_db == pytest.approx(-60 + 72 * 110 / 127)
    move(surface, 2, 127)
    assert c.volume_db == 12
    move(surface, 2, 0)
    assert c.volume_db == -60


def test_a_button_turns_detail(performer):
    surface, c = Surface(performer, MAPPING), performer.controls
    move(surface, 5, 127, 0)
    assert c.detail == 1
    move(surface, 5, 127, 0)
    assert c.detail == 0 and performer.undo() == "detail" and c.detail == 1


def test_steps_stay_within_the_range(performer):
    c = performer.controls
    for _ in range(30):
        performer.nudge_amount("detail", 1)
        performer.nudge_amount("volume_db", 5)
    assert (c.detail, c.volume_db) == (1, 12)
    for _ in range(30):
        performer.nudge_amount("mix", -1)
        performer.nudge_amount("volume_db", -5)
    assert (c.mix, c.volume_db) == (0, -60)


def test_the_target_is_what_sounds(performer):
    performer.activation = lambda unit: unit / 10
    performer.take_target()
    np.testing.assert_allclose(performer.controls.target[:], np.arange(20) / 10)
    assert performer.undo() == "target" and not performer.controls.target[:].any()


def test_a_mapping_refuses_a_place_for_an_amount():
    with pytest.raises(mapping.MappingError, match="detail takes one control and no unit number"):
        mapping.parse('[cc]\n"1" = "detail 3"\n', "m")
