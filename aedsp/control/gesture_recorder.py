"""Records gestures: every change to a stream, with the frame at which the audio thread applied it.

The file format is in `gesture_file`. Control thread only.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aedsp._rt.control import CONTROLS
from aedsp._rt.player import COMMANDS, EVENTS, KINDS
from aedsp.arrays import Int64
from aedsp.control.gesture_file import Gesture, read_part, require_mido, write
from aedsp.engine.controls import NEUTRAL_AMOUNTS
from aedsp.engine.state import NEUTRAL, State, Values
from aedsp.live.sources import FileSource, NoInput, Song
from aedsp.live.stream import Stream
from aedsp.model.model import Model


class GestureRecorder:
    """Records the gestures of one stream, from construction to `close`.

    Parameters
    ----------
    stream : Stream
        Not yet started.
    path : str or path
        ``.mid``; written at the end. Until then the entries are in JSON lines beside it (``.mid.part``), which `read`
        accepts too: a killed process loses nothing.
    model_path : str or path
        File of the engine's model.
    """

    def __init__(self, stream: Stream, path: str | os.PathLike[str], model_path: str | os.PathLike[str]) -> None:
        require_mido()
        self.path = Path(path)
        if self.path.suffix.lower() not in (".mid", ".midi"):
            raise ValueError(f"{path}: extension is {self.path.suffix!r}; expected .mid")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(2, "no such directory; create it first", str(self.path.parent))
        self._stream = stream
        self._lock = threading.Lock()
        self.part = self.path.with_name(self.path.name + ".part")
        self.error: str | None = None
        if self.path.exists():
            raise FileExistsError(17, "already exists; recordings never overwrite a file", str(self.path))
        if self.part.exists():
            raise FileExistsError(
                17, "is left over from an interrupted performance; render it with aedsp.render --gestures or move it",
                str(self.part),
            )  # fmt: skip
        self._file = open(self.part, "x", encoding="ascii")  # noqa: SIM115
        self._keep(Gesture(0, _header(stream, model_path)))
        self._swaps = 0
        self._published: deque[tuple[int, int, list[list[Any]], dict[str, Any]]] = deque()
        self._models: deque[tuple[Model, str | None]] = deque()
        self._values: Values = {}
        self._others = _others(State({}, NEUTRAL_AMOUNTS, "resynthesized", False))
        stream.engine.listener = self

    def message(self, data: bytes) -> None:
        """Record a MIDI message as played, at the current frame."""
        self._keep(Gesture(self._stream.frames, message=bytes(data)))

    def close(self) -> Path:
        """Write the file. The stream may be closed or still playing.

        Raises
        ------
        OSError
            If the disk is full; the recording stays in the ``.mid.part`` file.
        """
        stream = self._stream
        stream.deliver_events()
        if stream.engine.listener is self:
            stream.engine.listener = None
        with self._lock:
            self._file.close()
        entries = sorted(read_part(self.part), key=lambda gesture: gesture.frame)
        end = max(self._stream.frames, entries[-1].frame)
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
                    f"{self.part}: gesture recording stopped ({error.strerror}); what was recorded can be rendered"
                )
                self._stream.say(self.error)

    def published(self, version: int, state: State) -> None:
        """Called by `Controls`, under its lock: note what this publication changed."""
        before, values = self._values, state.values
        changed, others = _changes(before, values), _others(state)
        new = {name: value for name, value in others.items() if value != self._others[name]}
        resized = len(values["gain"]) != len(before["gain"]) if before else False
        self._values, self._others = {name: v.copy() for name, v in values.items()}, others
        if changed or new or resized:
            self._published.append((version, len(values["gain"]), changed, new))

    def folded(self, state: State) -> None:
        """Called by `Controls`, under its lock: scheduled changes, recorded as they took effect, are in the state."""
        self._values, self._others = {name: v.copy() for name, v in state.values.items()}, _others(state)

    def swapped(self, model: Model, path: str | None) -> None:
        """Called by the engine when it hands a model to the audio thread."""
        self._models.append((model, path))

    def swap_failed(self) -> None:
        """Called by the engine if the last swap failed."""
        self._models.pop()

    def took_effect(self, events: Int64) -> None:
        """Called by the stream with rows of (kind, frame, hop, value), in the order of the audio thread."""
        for kind, frame, hop, value in events.tolist():
            for change in self._changes_of(EVENTS[kind], hop, value):
                self._keep(Gesture(frame, {**change, "hop": hop} if "after" not in change else change))

    def _changes_of(self, kind: str, hop: int, value: int) -> Iterator[dict[str, Any]]:
        if kind == "controls":
            runs: list[list[Any]] = []
            others: dict[str, Any] = {}
            while self._published and self._published[0][0] <= value:
                _, n_units, changed, new = self._published.popleft()
                # a smaller model came in between: drop changes of units it does not have
                runs = [[name, first, min(n, n_units - first), v] for name, first, n, v in runs if first < n_units]
                for run in changed:
                    if runs and runs[-1][:3] == run[:3]:
                        runs.pop()  # was never heard
                    runs.append(run)
                others |= new
            if runs:
                yield {"controls": runs}
            for name, other in others.items():
                yield {name: other}
        elif kind == "scheduled":
            yield {"scheduled": _scheduled(value)}
        elif kind == "swap":
            model, path = self._models.popleft() if self._models else (self._stream.engine.model, None)
            yield {"swap": path or self._saved_model(model)}
        elif kind == "transport":
            yield {"transport": COMMANDS[value]}
        elif kind == "time_stretch":
            stretch, transpose = struct.unpack(">ff", value.to_bytes(8, "big", signed=True))
            yield {"stretch": stretch, "transpose": transpose}
        elif kind == "seek":
            yield self._jump(abs(value), value < 0)
        elif kind == "source":
            yield self._source(KINDS[value])
        elif kind == "drive":
            yield {"drive": self._stream.drive_taken()}
        elif kind == "underrun":
            yield {"missing": value, "after": hop}

    def _jump(self, position: int, dry: bool) -> dict[str, Any]:
        """The change of a jump to a position of the ring: within the song, or to another one."""
        segment = self._stream.segment(position)
        if segment is None or not segment.opened:
            return {"seek": 0 if segment is None else segment.frame, "dry": dry}
        change: dict[str, Any] = {**_song(segment.source), "frame": segment.frame, "dry": dry}
        if segment.fading is not None:
            fading = segment.fading
            change["fading"] = {**_song(fading.source), "frame": fading.frame, "gain": fading.gain}
        return change

    def _source(self, kind: str) -> dict[str, Any]:
        """The change to another kind of source; a song may be the first one."""
        first = self._stream.segment(0)
        if kind != "ring" or first is None:
            return {"input": kind}
        return {"input": kind, **_song(first.source), "frame": first.frame}

    def _saved_model(self, model: Model) -> str:
        """Save a model that has no file beside the gestures."""
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
        **engine.controls.everything().amounts,
        "drive": source.drive if isinstance(source, NoInput) else None,
        "model": str(Path(model_path).resolve()),
        "source": str(Path(source.path).resolve()) if isinstance(source, FileSource) else type(source).__name__,
        "loop": isinstance(source, FileSource) and source.loop,
        "start_frame": first.frame if file and (first := stream.segment(0)) else 0,
    }


def _scheduled(packed: int) -> list[Any]:
    """A change of the schedule as the event holds it (`hop_pack_change`): [name, unit, value]."""
    name, unit = CONTROLS[packed >> 56], packed >> 32 & 0xFFFFFF
    (value,) = struct.unpack(">f", (packed & 0xFFFFFFFF).to_bytes(4, "big"))
    return [name, unit, None if np.isnan(value) else value]


def _song(source: Song) -> dict[str, Any]:
    """A song by its path; only the name of its type where it is no file, which a replay refuses by that name."""
    name = str(Path(source.path).resolve()) if isinstance(source, FileSource) else type(source).__name__
    return {"open": name, "loop": source.loop}


def _others(state: State) -> dict[str, Any]:
    """Controls that are not per unit, by the name of their change."""
    return {**state.amounts, "monitor": state.monitor, "frozen": state.frozen}


def _changes(before: Values, after: Values) -> list[list[Any]]:
    """Runs of adjacent units with the same new value: [name, first, n, value]; empty before: all non-neutral ones."""
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
