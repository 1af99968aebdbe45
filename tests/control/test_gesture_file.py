"""MIDI files as other programs write them: unusual or damaged meta events, and files that are none."""

from __future__ import annotations

import pytest

from aedsp.control import gesture_file
from aedsp.errors import GestureFileError

mido = pytest.importorskip("mido")
CONTROL = b"\x10\xb0\x07\x40"
ODD = {
    "a key with nine sharps": b"\x00\xff\x59\x02\x09\x00",
    "a tempo of one byte": b"\x00\xff\x51\x01\x07",
    "an SMPTE offset that is none": b"\x00\xff\x54\x05\xff\xff\xff\xff\xff",
    "a time signature of one byte": b"\x00\xff\x58\x01\x04",
    "text that is no text": b"\x00\xff\x01\x03\xff\xfe\xfd",
    "an unknown kind": b"\x00\xff\x6e\x02\x01\x02",
    "an empty manufacturer": b"\x00\xff\x7f\x00",
    "a data byte above 127": b"\x00\xb0\x01\xff",
}


def midi_file(path, *events):
    track = b"".join(events) + b"\x00\xff\x2f\x00"
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96])
    path.write_bytes(header + b"MTrk" + len(track).to_bytes(4, "big") + track)
    return path


@pytest.mark.parametrize("odd", ODD)
def test_odd_events_do_not_matter(tmp_path, odd):
    found = gesture_file.read(midi_file(tmp_path / "x.mid", CONTROL, ODD[odd], CONTROL))
    assert [entry.message for entry in found.entries if entry.message][:1] == [CONTROL[1:]]
    assert found.entries[-1].message == CONTROL[1:]


def test_mido_of_the_host_is_as_before(tmp_path):
    path = midi_file(tmp_path / "x.mid", ODD["a key with nine sharps"])
    gesture_file.read(path)
    with pytest.raises(Exception, match=r"sharps|key"):
        mido.MidiFile(path)


@pytest.mark.parametrize(
    "data", [b"", b"MThd", b"RIFF1234WAVEfmt ", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x09\0\x40\x40"]
)
def test_what_is_no_midi_file_is_one_line(tmp_path, data):
    (tmp_path / "x.mid").write_bytes(data)
    with pytest.raises(GestureFileError, match=r"x\.mid: not a MIDI file") as caught:
        gesture_file.read(tmp_path / "x.mid")
    assert "\n" not in str(caught.value)
