"""The gesture file: what was done while a stream played, as a standard MIDI file; read and written.

A tick is a frame. The file holds the controllers' messages as they were played, for any MIDI program to show, and
beside them every change that took effect, whatever made it, as a sequencer-specific meta event: manufacturer 7D, then
``aedsp``, then one JSON object in ASCII. Those hold the values in full, and the frame at which the audio thread took
them, so that rendering them again gives the same samples.

    {"controls": [["gain", 3, 1, 0.5], ...]}     name, first unit, number of units, value (null: no override)
    {"monitor": "original"}  {"frozen": true}  {"transport": "play" | "pause" | "stop"}
    {"stretch": 1.5, "transpose": -2.0}          of the file
    {"seek": frame of the file, "dry": bool}     dry: the old stretch had run out, there was nothing to fade
    {"missing": frames, "after": frames}         the source's ring was empty
    {"swap": path of the model}

    each with "hop": the hop that took it, since the sound was last cleared; "missing" excepted

The first one, at tick 0, is the header: {"aedsp": 1, "sample_rate", "channels", "block_frames", "phase", "refine",
"seed", "stretch", "transpose", "drive", "model", "source", "loop", "start_frame"}; the last one is {"end": frames}.
Recorded by `gesture_recorder`, rendered again by `replay`. Control thread only; the only importer of mido.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from aedsp.atomic import atomic_write
from aedsp.errors import GestureFileError, MissingExtraError

_PREFIX = b"\x7daedsp"
_LONGEST_DELTA = (1 << 28) - 1


@dataclass(frozen=True)
class Gesture:
    """One entry: the frame of the stream, and either a change that took effect or a MIDI message as played."""

    frame: int
    change: dict[str, Any] | None = None
    message: bytes | None = None


@dataclass(frozen=True)
class GestureFile:
    """A MIDI file, read: its entries in order, and how many of their frames make a second."""

    path: str
    entries: list[Gesture]
    frames_a_second: float

    @property
    def header(self) -> dict[str, Any] | None:
        """Of a performance that aedsp recorded; None for any other MIDI file."""
        first = self.entries[0].change if self.entries else None
        return first if first and "aedsp" in first else None


def write(path: str | os.PathLike[str], gestures: list[Gesture]) -> None:
    """Gestures, in order of their frames, as a standard MIDI file; the first one is the header."""
    mido = require_mido()
    rate = gestures[0].change["sample_rate"] if gestures[0].change else 44_100.0
    # a tick is a frame: ticks a beat and microseconds a beat that divide exactly for every usual rate
    ticks = round(rate / 50) if rate < 1_600_000 else 32_000
    file = mido.MidiFile(type=0, ticks_per_beat=ticks)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=min(round(ticks * 1e6 / rate), 0xFFFFFF))])
    file.tracks.append(track)
    at = 0
    for gesture in gestures:
        delta = gesture.frame - at
        while delta > _LONGEST_DELTA:
            track.append(mido.MetaMessage("marker", text="", time=_LONGEST_DELTA))
            delta -= _LONGEST_DELTA
        at = gesture.frame
        if gesture.change is not None:
            data = _PREFIX + json.dumps(gesture.change, separators=(",", ":")).encode("ascii")
            track.append(mido.MetaMessage("sequencer_specific", data=tuple(data), time=delta))
        elif gesture.message:
            track.append(mido.Message.from_bytes(gesture.message, time=delta))
    with atomic_write(path) as unfinished:
        file.save(os.fspath(unfinished))


def read(path: str | os.PathLike[str]) -> GestureFile:
    """Read a MIDI file, or the ``.part`` of a performance that broke off.

    Frames are ticks where aedsp wrote the file (its header comes first); in any other MIDI file they are microseconds.

    Raises
    ------
    GestureFileError
        It is no MIDI file, or its changes are not readable.
    """
    if os.fspath(path).endswith(".part"):
        entries = read_part(path)
        rate = (entries[0].change or {}).get("sample_rate") if entries else None
        if rate is None:
            raise GestureFileError(f"{path}: does not begin with the header of a performance")
        return GestureFile(
            os.fspath(path), [*entries, Gesture(entries[-1].frame, {"end": entries[-1].frame})], float(rate)
        )
    mido = require_mido()
    try:
        file = mido.MidiFile(os.fspath(path))
        messages = list(mido.merge_tracks(file.tracks))
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.strerror:
            raise
        raise GestureFileError(f"{path}: is no MIDI file ({error or 'it ends too early'})") from None
    except (ValueError, EOFError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        raise GestureFileError(f"{path}: is no MIDI file ({error or 'it ends too early'})") from None
    gestures: list[tuple[int, float, dict[str, Any] | None, bytes | None]] = []
    tick, micros, tempo = 0, 0.0, 500_000
    if file.ticks_per_beat < 1:
        raise GestureFileError(f"{path}: has a division of {file.ticks_per_beat}; expected ticks a beat")
    for message in messages:
        tick += message.time
        micros += message.time * tempo / file.ticks_per_beat
        if message.type == "set_tempo":
            tempo = message.tempo
        elif message.type == "sequencer_specific" and bytes(message.data).startswith(_PREFIX):
            gestures.append((tick, micros, _parsed(path, bytes(message.data)[len(_PREFIX) :]), None))
        elif not message.is_meta:
            gestures.append((tick, micros, None, bytes(message.bytes())))
    ours = bool(gestures) and any(g[2] and "aedsp" in g[2] for g in gestures[:1])
    entries = [Gesture(tick if ours else round(micros), change, data) for tick, micros, change, data in gestures]
    rate = float(entries[0].change["sample_rate"]) if ours and entries[0].change else 1e6
    return GestureFile(os.fspath(path), entries, rate)


def read_part(path: str | os.PathLike[str]) -> list[Gesture]:
    """The entries of a performance that is still being recorded; a last line that is cut off is left out."""
    entries = []
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            try:
                frame, change, message = json.loads(line)
                entries.append(Gesture(int(frame), change, bytes.fromhex(message) if message else None))
            except (ValueError, TypeError):
                break
    return entries


def _parsed(path: str | os.PathLike[str], data: bytes) -> dict[str, Any]:
    try:
        change = json.loads(data)
        if not isinstance(change, dict):
            raise ValueError("no object")
        if change.get("aedsp", 1) != 1:
            raise GestureFileError(f"{path}: gestures of version {change['aedsp']}; this aedsp reads version 1")
    except (ValueError, UnicodeDecodeError) as error:
        if isinstance(error, GestureFileError):
            raise
        raise GestureFileError(f"{path}: a change is damaged ({error})") from None
    return change


def require_mido() -> Any:
    try:
        import mido
    except ImportError:
        raise MissingExtraError("gestures need mido; pip install 'aedsp[play]'") from None
    return mido
