"""Gestures: what a player did, as a standard MIDI file; written while a stream plays, read, and rendered again offline.

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
Control thread only; the only importer of mido's files.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aedsp._rt.player import COMMANDS, EVENTS
from aedsp.arrays import Int64
from aedsp.atomic import atomic_write
from aedsp.engine.controls import NEUTRAL, Monitor, Values
from aedsp.errors import GestureFileError, MissingExtraError
from aedsp.live.sources import FileSource, NoInput
from aedsp.live.stream import Stream
from aedsp.model.model import Model

_PREFIX = b"\x7daedsp"
_LONGEST_DELTA = (1 << 28) - 1


@dataclass(frozen=True)
class Gesture:
    """One entry: the frame of the stream, and either a change that took effect or a MIDI message as played."""

    frame: int
    change: dict[str, Any] | None = None
    message: bytes | None = None


class Recorder:
    """Writes the gestures of one stream, from its making to `close`.

    Parameters
    ----------
    stream : Stream
        Not yet started.
    path : str or path
        ``.mid``; written at the end. Until then the entries lie beside it in a file of JSON lines (``.mid.part``),
        which `read` takes too: a killed process loses nothing.
    model_path : str or path
        Where the engine's model was loaded from.
    """

    def __init__(self, stream: Stream, path: str | os.PathLike[str], model_path: str | os.PathLike[str]) -> None:
        _mido()
        self.path = Path(path)
        if self.path.suffix.lower() not in (".mid", ".midi"):
            raise ValueError(f"{path}: extension is {self.path.suffix!r}; gestures are .mid files")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(2, "is no folder; make it first", str(self.path.parent))
        self._stream = stream
        self._lock = threading.Lock()
        self.part = self.path.with_name(self.path.name + ".part")
        self.error: str | None = None
        if self.path.exists():
            raise FileExistsError(17, "exists already; recordings overwrite nothing", str(self.path))
        if self.part.exists():
            raise FileExistsError(
                17, "is left of a performance that broke off, aedsp.render --gestures renders it; move it away",
                str(self.part),
            )  # fmt: skip
        self._file = open(self.part, "x", encoding="ascii")  # noqa: SIM115
        self._keep(Gesture(0, _header(stream, model_path)))
        self._swaps = 0
        self._published: deque[tuple[int, int, list[list[Any]], Monitor | None, bool | None]] = deque()
        self._models: deque[tuple[Model, str | None]] = deque()
        self._values: Values = {}
        self._monitor: Monitor = "resynthesized"
        self._frozen = False
        controls = stream.engine.controls
        with controls.together():
            self._publication(controls.version, controls.state(), controls.monitor, controls.frozen)
            controls.listener = self._publication
        stream.engine.on_swap = self._swapped
        stream.on_events.append(self._took_effect)

    def message(self, data: bytes) -> None:
        """A MIDI message as played, now."""
        self._keep(Gesture(self._stream.player.counters()["frames"], message=bytes(data)))

    def close(self) -> Path:
        """Write the file. The stream may be closed already, or still play.

        Raises
        ------
        OSError
            The disk is full; what was recorded stays in the ``.mid.part`` beside it.
        """
        stream = self._stream
        stream.hand_on_events()
        if self._took_effect in stream.on_events:
            stream.on_events.remove(self._took_effect)
        stream.engine.controls.listener = stream.engine.on_swap = None
        with self._lock:
            self._file.close()
        entries = sorted(_read_part(self.part), key=lambda gesture: gesture.frame)
        end = max(self._stream.player.counters()["frames"], entries[-1].frame)
        write(self.path, [*entries, Gesture(end, {"end": end})])
        self.part.unlink()
        return self.path

    def _keep(self, gesture: Gesture) -> None:
        message = gesture.message.hex() if gesture.message else None
        line = json.dumps([gesture.frame, gesture.change, message]) + "\n"
        with self._lock:
            if self._file.closed or self.error is not None:
                return
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                self.error = (
                    f"{self.part}: gestures are recorded no longer ({error.strerror}); what is there can be rendered"
                )
                self._stream.say(self.error)

    def _publication(self, version: int, values: Values, monitor: Monitor, frozen: bool) -> None:
        """From `Controls`, under its lock: what this publication changed."""
        before, changed = self._values, _changes(self._values, values)
        self._values = {name: v.copy() for name, v in values.items()}
        told = monitor if monitor != self._monitor else None
        resized = len(values["gain"]) != len(before["gain"]) if before else False
        freezes = frozen if frozen != self._frozen else None
        self._monitor, self._frozen = monitor, frozen
        if changed or told or resized or freezes is not None:
            self._published.append((version, len(values["gain"]), changed, told, freezes))

    def _swapped(self, model: Model | None, path: str | None) -> None:
        if model is None:
            self._models.pop()  # the swap did not come about
        else:
            self._models.append((model, path))

    def _took_effect(self, events: Int64) -> None:
        """From the stream's housekeeper: rows of (kind, frame, hop, value), in the order of the audio thread."""
        for kind, frame, hop, value in events.tolist():
            for change in self._changes_of(EVENTS[kind], hop, value):
                self._keep(Gesture(frame, {**change, "hop": hop} if "after" not in change else change))

    def _changes_of(self, kind: str, hop: int, value: int) -> Iterator[dict[str, Any]]:
        if kind == "controls":
            runs: list[list[Any]] = []
            monitor: Monitor | None = None
            frozen: bool | None = None
            while self._published and self._published[0][0] <= value:
                _, n_units, changed, told, freezes = self._published.popleft()
                # a smaller model came in between: what its units never had is gone
                runs = [[name, first, min(n, n_units - first), v] for name, first, n, v in runs if first < n_units]
                for run in changed:
                    if runs and runs[-1][:3] == run[:3]:
                        runs.pop()  # it was never heard
                    runs.append(run)
                monitor = told or monitor
                frozen = frozen if freezes is None else freezes
            if runs:
                yield {"controls": runs}
            if monitor:
                yield {"monitor": monitor}
            if frozen is not None:
                yield {"frozen": frozen}
        elif kind == "swap":
            model, path = self._models.popleft() if self._models else (self._stream.engine.model, None)
            yield {"swap": path or self._saved_model(model)}
        elif kind == "transport":
            yield {"transport": COMMANDS[value]}
        elif kind == "stretch":
            stretch, transpose = struct.unpack(">ff", value.to_bytes(8, "big", signed=True))
            yield {"stretch": stretch, "transpose": transpose}
        elif kind == "cut":
            yield {"seek": self._stream.file_position(abs(value)), "dry": value < 0}
        elif kind == "starved":
            yield {"missing": value, "after": hop}

    def _saved_model(self, model: Model) -> str:
        """A model that came from no file is kept beside the gestures."""
        self._swaps += 1
        path = self.path.with_name(f"{self.path.stem}.model-{self._swaps}.h5").resolve()
        model.save(path)
        return str(path)


def _header(stream: Stream, model_path: str | os.PathLike[str]) -> dict[str, Any]:
    engine, source = stream.engine, stream.source
    file = isinstance(source, FileSource)
    return {
        "aedsp": 1,
        "sample_rate": engine.sample_rate,
        "channels": engine.channels,
        "block_frames": engine.block_frames,
        "phase": engine.phase,
        "refine": engine.refine,
        "seed": engine.seed,
        "stretch": stream.stretch,
        "transpose": stream.transpose,
        "drive": source.drive if isinstance(source, NoInput) else None,
        "model": str(Path(model_path).resolve()),
        "source": str(Path(source.path).resolve()) if isinstance(source, FileSource) else type(source).__name__,
        "loop": isinstance(source, FileSource) and source.loop,
        "start_frame": stream.file_position(0) if file else 0,
    }


def _changes(before: Values, after: Values) -> list[list[Any]]:
    """Runs of neighbouring units with one new value: [name, first, n, value]; before empty: all that is not neutral."""
    runs: list[list[Any]] = []
    for name, new in after.items():
        old = np.full(len(new), NEUTRAL[name], np.float32)
        kept = min(len(new), len(before[name])) if name in before else 0
        if name in before:
            old[:kept] = before[name][:kept]
        units = np.flatnonzero(old.view(np.uint32) != new.view(np.uint32))
        for unit in units.tolist():
            value = None if np.isnan(new[unit]) else float(new[unit])
            last = runs[-1] if runs else None
            if last and last[0] == name and last[1] + last[2] == unit and last[3] == value:
                last[2] += 1
            else:
                runs.append([name, unit, 1, value])
    return runs


def write(path: str | os.PathLike[str], gestures: list[Gesture]) -> None:
    """Gestures, in order of their frames, as a standard MIDI file; the first one is the header."""
    mido = _mido()
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


def read(path: str | os.PathLike[str]) -> tuple[list[Gesture], float]:
    """The entries of a MIDI file, and its ticks a second at the beginning.

    Frames are ticks where aedsp wrote the file (its header comes first); in any other MIDI file they are microseconds.

    Raises
    ------
    GestureFileError
        It is no MIDI file, or its changes are not readable.
    """
    if os.fspath(path).endswith(".part"):
        entries = _read_part(path)
        rate = (entries[0].change or {}).get("sample_rate") if entries else None
        if rate is None:
            raise GestureFileError(f"{path}: does not begin with the header of a performance")
        return [*entries, Gesture(entries[-1].frame, {"end": entries[-1].frame})], float(rate)
    mido = _mido()
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
    return entries, float(entries[0].change["sample_rate"]) if ours and entries[0].change else 1e6


def _read_part(path: str | os.PathLike[str]) -> list[Gesture]:
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


def _mido() -> Any:
    try:
        import mido
    except ImportError:
        raise MissingExtraError("gestures need mido; pip install 'aedsp[play]'") from None
    return mido
