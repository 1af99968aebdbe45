"""Reads and writes gesture files: everything done while a stream played, as a standard MIDI file.

One tick is one frame. The file holds the controllers' messages as played, which any MIDI program can show, and every
change that took effect, whatever caused it, as a sequencer-specific meta event: manufacturer 7D, then ``aedsp``, then
one JSON object in ASCII. These events hold the exact values and the frame at which the audio thread applied them, so
that a replay is bit-identical.

    {"controls": [["gain", 3, 1, 0.5], ...]}     name, first unit, number of units, value (null: no override)
    {"monitor": "original"}  {"frozen": true}  {"transport": "play" | "pause" | "stop"}
    {"detail": 1.0}  {"mix": 0.5}  {"volume_db": -6.0}  {"target_amount": 0.5}
    {"scheduled": [name, unit, value]}           a change of the schedule, at the beginning of its hop
    {"stretch": 1.5, "transpose": -2.0}          file only
    {"seek": frame of the file, "dry": bool}     dry: the old segment had run out, there was nothing to fade
    {"open": path of the song, "loop": bool, "frame": its first frame, "dry": bool,
     "fading": {"open", "loop", "frame", "gain"} of the song that fades out; absent: none}
    {"input": "ring" | "device" | "none"}        the kind of the source; with "open", "loop", "frame": the first song
    {"drive": name}
    {"missing": frames, "after": frames}         underrun: the source's ring was empty
    {"swap": path of the model}

    each but "missing" with "hop": the hop that applied it, counted since the sound was last cleared

The first event, at tick 0, is the header: {"aedsp": 1, "sample_rate", "channels", "block_frames", "phase", "refine",
"seed", "stretch", "transpose", "detail", "mix", "volume_db", "target_amount" (absent: neutral), "drive", "model",
"source", "loop", "start_frame"}; the last event is {"end": frames}.
Recorded by `gesture_recorder`, rendered by `replay`. Control thread only; the only module that imports mido.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aedsp.atomic import atomic_write
from aedsp.errors import GestureFileError, MissingExtraError

_PREFIX = b"\x7daedsp"
_LONGEST_DELTA = (1 << 28) - 1
_READING = threading.Lock()


@dataclass(frozen=True)
class Gesture:
    """One entry: a frame of the stream with either a change that took effect or a MIDI message as played."""

    frame: int
    change: dict[str, Any] | None = None
    message: bytes | None = None


@dataclass(frozen=True)
class GestureFile:
    """The contents of a MIDI file: its entries in order, and their frames per second."""

    path: str
    entries: list[Gesture]
    frames_a_second: float

    @property
    def header(self) -> dict[str, Any] | None:
        """The header of a performance recorded by aedsp; None for any other MIDI file."""
        first = self.entries[0].change if self.entries else None
        return first if first and "aedsp" in first else None


def write(path: str | os.PathLike[str], gestures: list[Gesture]) -> None:
    """Write gestures, ordered by frame, as a standard MIDI file; the first one is the header."""
    mido = require_mido()
    rate = gestures[0].change["sample_rate"] if gestures[0].change else 44_100.0
    # one tick is one frame: choose ticks and microseconds per beat that are exact at every common rate
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
    """Read a MIDI file, or the ``.part`` file of an interrupted performance.

    Frames are ticks if aedsp wrote the file (it begins with the header), else microseconds.

    Raises
    ------
    GestureFileError
        If it is not a MIDI file, or its changes cannot be read.
    """
    if os.fspath(path).endswith(".part"):
        entries = read_part(path)
        rate = (entries[0].change or {}).get("sample_rate") if entries else None
        if rate is None:
            raise GestureFileError(f"{path}: missing header; expected a recorded performance of aedsp")
        return GestureFile(
            os.fspath(path), [*entries, Gesture(entries[-1].frame, {"end": entries[-1].frame})], float(rate)
        )
    mido = require_mido()
    try:
        with open(path, "rb") as opened, _tolerant_of_meta_events():
            file = mido.MidiFile(file=opened, clip=True)
        messages = list(mido.merge_tracks(file.tracks))
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.strerror:
            raise
        raise GestureFileError(f"{path}: not a MIDI file ({error or 'unexpected end of file'})") from None
    except Exception as error:  # mido raises whatever its parser meets
        raise GestureFileError(f"{path}: not a MIDI file ({error or 'unexpected end of file'})") from None
    gestures: list[tuple[int, float, dict[str, Any] | None, bytes | None]] = []
    tick, micros, tempo = 0, 0.0, 500_000
    if file.ticks_per_beat < 1:
        raise GestureFileError(f"{path}: division is {file.ticks_per_beat}; expected ticks per beat")
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
    """Read the ``.part`` file of a recording; an incomplete last line is skipped."""
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
            raise ValueError("expected a JSON object")
        if change.get("aedsp", 1) != 1:
            raise GestureFileError(f"{path}: gesture version is {change['aedsp']}; expected 1")
    except (ValueError, UnicodeDecodeError) as error:
        if isinstance(error, GestureFileError):
            raise
        raise GestureFileError(f"{path}: damaged event ({error})") from None
    return change


@contextlib.contextmanager
def _tolerant_of_meta_events() -> Iterator[None]:
    """Let mido read files whose meta events are damaged or unusual (a key with nine sharps): they do not matter."""
    from mido.midifiles import meta, midifiles

    build = midifiles.build_meta_message

    def built(kind: int, data: Any, delta: int = 0) -> Any:
        try:
            return build(kind, data, delta)
        except Exception:
            return meta.UnknownMetaMessage(kind, data, time=delta)

    with _READING:
        midifiles.build_meta_message = built
        try:
            yield
        finally:
            midifiles.build_meta_message = build


def mido_is_installed() -> bool:
    return importlib.util.find_spec("mido") is not None


def require_mido() -> Any:
    try:
        import mido
    except ImportError:
        raise MissingExtraError("gestures need mido; pip install 'aedsp[play]'") from None
    return mido
