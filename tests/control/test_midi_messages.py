"""MIDI bytes: running status, interleaved real time, garbage, endless SysEx; compared with mido."""

from __future__ import annotations

import pytest

from aedsp.control.midi_messages import Decoder, Message

mido = pytest.importorskip("mido")


def test_every_control_change_and_note_matches_mido():
    decoder = Decoder()
    for channel in range(16):
        for number in range(128):
            value = (number * 7 + channel) % 128
            sent = mido.Message("control_change", channel=channel, control=number, value=value)
            assert decoder.feed(bytes(sent.bytes())) == [Message("cc", channel + 1, number, value)]
            note = mido.Message("note_on", channel=channel, note=number, velocity=value)
            assert decoder.feed(bytes(note.bytes())) == [Message("note", channel + 1, number, value)]
            assert Message("cc", channel + 1, number, value).bytes() == bytes(sent.bytes())
    off = mido.Message("note_off", note=5, velocity=64)
    assert decoder.feed(bytes(off.bytes())) == [Message("note", 1, 5, 0)]


def test_running_status_and_real_time_bytes_anywhere():
    data = bytes([0xB2, 7, 0xF8, 100, 8, 0xFE, 101, 9])
    expected = [Message("cc", 3, 7, 100), Message("cc", 3, 8, 101)]
    assert Decoder().feed(data) == expected
    one_by_one = Decoder()
    assert [m for byte in data for m in one_by_one.feed(bytes([byte]))] == expected


def test_sysex_complete_truncated_and_endless():
    decoder = Decoder()
    inquiry = bytes.fromhex("F0 42 40 00 01 13 00 00 00 01 F7")
    assert decoder.feed(inquiry) == [Message("sysex", data=inquiry)]
    assert decoder.feed(bytes([0xF0, 1, 2, 0xB0, 1, 2])) == [Message("cc", 1, 1, 2)]
    assert decoder.feed(b"\xf0" + b"\x11" * 1_000_000 + b"\xf7") == []
    assert len(decoder._data) <= 4096
    assert decoder.feed(bytes([0xB0, 3, 4])) == [Message("cc", 1, 3, 4)]


def test_garbage_is_dropped_and_the_next_message_read(rng):
    decoder = Decoder()
    for _ in range(300):
        for message in decoder.feed(rng.integers(0, 256, 100, dtype="uint8").tobytes()):
            assert message.kind == "sysex" or (0 <= message.number < 128 and 0 <= message.value < 128)
        assert decoder.feed(bytes([0xB0, 1, 2]))[-1] == Message("cc", 1, 1, 2)
    assert Decoder().feed(bytes([1, 2, 3, 0xF4, 5, 0xC0, 1, 0xE0, 1, 2, 0xD0, 3])) == []
