"""Mappings: the nanoKONTROL2 factory scene, valid and invalid files, learning and saving."""

from __future__ import annotations

import pytest

from aedsp.control import mapping
from aedsp.control.mapping import Target
from aedsp.control.midi_messages import Message
from aedsp.errors import MappingError


def test_the_nanokontrol2_is_the_factory_scene():
    nano = mapping.load("nanokontrol2")
    for slot in range(8):
        for first, name in ((0, "gain"), (16, "scale"), (32, "sign"), (48, "mute"), (64, "restore")):
            assert nano.target(Message("cc", 5, first + slot, 1)) == Target(name, slot)
    buttons = {
        58: "bank-previous", 59: "bank-next", 46: "quit", 60: "silence", 43: "original", 44: "resynthesized", 
        42: "stop", 41: "play", 45: "reset",
    }  # fmt: skip
    for number, name in buttons.items():
        assert nano.target(Message("cc", 1, number, 127)) == Target(name)
    assert len(nano.targets) == 40 + len(buttons) and nano.bank == 8 and nano.ports == ("nanoKONTROL2",)
    assert nano.target(Message("cc", 1, 99, 1)) is None and nano.target(Message("note", 1, 0, 1)) is None
    assert set(mapping.shipped()) == {"nanokontrol2", "eight_faders"}


def test_a_saved_mapping_loads_unchanged(tmp_path):
    for original in mapping.shipped().values():
        learnt = original.with_target("note", 60, Target("play")).with_target("cc", 99, Target("override", 2))
        assert learnt.target(Message("note", 1, 60, 1)) == Target("play")
        assert sum(target == Target("play") for target in learnt.targets.values()) == 1
        learnt.save(tmp_path / "m.toml")
        assert mapping.load(tmp_path / "m.toml") == learnt


BAD = [
    ("name = ", "not valid TOML"),
    ("speed = 3", "unknown setting 'speed'"),
    ("bank = 0", "bank is 0; expected 1 to 64 units"),
    ("channel = 17", "channel is 17; expected 1 to 16"),
    ("leds = 'disco'", "leds is 'disco'; expected one of"),
    ("ports = 'x'", "ports is 'x'; expected a list of strings"),
    ("name = 3", "name is 3; expected a string"),
    ("cc = 3", "cc is 3; expected a table"),
    ("[cc]\n128 = 'play'", "expected a number from 0 to 127"),
    ("[cc]\n'7-3' = 'gain'", "expected a number from 0 to 127, or a range"),
    ("[cc]\n3 = 'dance'", r"\[cc\] 3 = 'dance': expected one of gain, scale"),
    ("[cc]\n3 = 4", "expected one of gain"),
    ("[cc]\n3 = 'gain'", "give the unit of the bank, e.g. 'gain 1'"),
    ("[cc]\n3 = 'gain 9'", "a unit of the bank from 1 to 8"),
    ("[cc]\n'0-8' = 'gain'", "9 controls exceed the bank of 8 units"),
    ("[cc]\n'0-3' = 'play'", "play takes one control"),
    ("[note]\n3 = 'play 2'", "play takes one control"),
]


@pytest.mark.parametrize("text, error", BAD)
def test_invalid_mappings_are_refused_with_the_entry(tmp_path, text, error):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(MappingError, match=error):
        mapping.load(tmp_path / "m.toml")


def test_a_mapping_for_one_channel():
    only = mapping.parse("channel = 2\n[cc]\n'0-7' = 'gain'", "x")
    assert only.target(Message("cc", 2, 0, 1)) == Target("gain", 0) and only.target(Message("cc", 1, 0, 1)) is None


def test_a_missing_file_is_reported():
    with pytest.raises(FileNotFoundError):
        mapping.load("none.toml")
