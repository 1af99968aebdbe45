"""Text interfaces: one status line per second, JSON lines for programs, plain lines for screen readers."""

from __future__ import annotations

import io
import json
import queue
import sys
import threading
import time
from typing import Any

import numpy as np

from aedsp import cli
from aedsp.control import actions
from aedsp.engine.state import Values
from aedsp.play.instrument import Instrument


def status(instrument: Instrument) -> dict[str, Any]:
    """The current state, for programs."""
    stream, statistics = instrument.stream, instrument.stream.statistics
    return {
        "source": instrument.songs.name,
        "transport": stream.transport,
        "position_s": round(stream.position_s, 3),
        "duration_s": stream.duration_s,
        "monitor": instrument.controls.monitor,
        "frozen": instrument.controls.frozen,
        **instrument.controls.everything().amounts,
        "stretch": stream.stretch,
        "transpose": stream.transpose,
        "bank": instrument.bank,
        "recording": str(stream.recording) if stream.recording else None,
        "device": stream.output_device.name,
        "device_lost": stream.device_lost,
        "controller": instrument.controller.connected if instrument.controller else None,
        "midi_messages": instrument.controller.messages if instrument.controller else 0,
        "latency_frames": stream.latency.total,
        **{name: getattr(statistics, name) for name in statistics.__dataclass_fields__ if name != "load"},
    }


def status_line(instrument: Instrument) -> str:
    """The current state as one short line."""
    s = status(instrument)
    of = f" of {s['duration_s']:.1f}" if s["duration_s"] else ""
    frozen = ", frozen" if s["frozen"] else ""
    lost = ", device lost" if s["device_lost"] else ""
    return (
        f"{s['transport']} {s['position_s']:.1f}{of} s, {s['monitor']}{frozen}, "
        f"load {s['last_load']:.0%} worst {s['worst_load']:.0%}, "
        f"{s['misses']} missed, {s['underrun_frames']} underrun, {s['midi_messages']} MIDI{lost}"
    )


def run(instrument: Instrument, *, json_lines: bool, seconds: float | None) -> None:
    """Print one line per second until the instrument quits or `seconds` have passed."""
    said = 0.0

    lock = threading.Lock()  # messages come from other threads; lines must not interleave

    def show(text: str) -> None:
        with lock:
            print(text, flush=True)

    def say(text: str) -> None:
        show(json.dumps({"message": text}) if json_lines else text)

    _say_all(instrument, say)
    until = time.monotonic() + seconds if seconds is not None else None
    while not (instrument.quitting.is_set() or cli.output_is_lost()):
        time.sleep(0.05)
        now = time.monotonic()
        if until is not None and now >= until:
            return
        if now - said >= 1.0:
            said = now
            show(json.dumps(status(instrument)) if json_lines else status_line(instrument))


def run_lines(instrument: Instrument, *, seconds: float | None) -> None:
    """Read commands, print a line per change. At the end of the input it plays on until quit or Ctrl-C."""
    lock = threading.Lock()

    def say(text: str) -> None:
        with lock:
            print(text, flush=True)

    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(lines,), name="aedsp commands", daemon=True).start()
    _say_all(instrument, say)
    say("ready; 'help' lists the commands, 'quit' ends")
    until = time.monotonic() + seconds if seconds is not None else None
    changes = Changes(instrument)
    while not (instrument.quitting.is_set() or cli.output_is_lost()) and (until is None or time.monotonic() < until):
        try:
            line = lines.get(timeout=0.05)
        except queue.Empty:
            line = ""
        try:
            if answer := actions.run(instrument, line):
                say(answer)
                changes.accept()
        except ValueError as error:
            say(str(error))
        for text in changes.sentences(time.monotonic()):
            say(text)


class Changes:
    """Describes changes in words, whatever caused them. A moving fader is reported once it rests."""

    REST_S = 0.3
    MOST = 8  # units reported individually

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._surface: tuple[str, str, int] = ("", "", -1)
        self._moved_at: float | None = None
        self.accept()

    def accept(self) -> None:
        """Mark the current state as reported."""
        self._reported = self._last = self._instrument.controls.state()
        self._told = self._amounts = self._instrument.controls.everything().amounts

    def sentences(self, now: float) -> list[str]:
        """Describe what has changed since the last call."""
        instrument, sentences = self._instrument, []
        surface = (instrument.stream.transport, instrument.controls.monitor, instrument.bank)
        for old, new, text in zip(self._surface, surface, ("{}", "hearing {}", "bank {}"), strict=True):
            if old != new and self._surface[0]:
                sentences.append(text.format(new))
        self._surface = surface
        values, amounts = instrument.controls.state(), instrument.controls.everything().amounts
        if amounts != self._amounts or any(
            not np.array_equal(values[name], self._last[name], equal_nan=True) for name in values
        ):
            self._last, self._amounts, self._moved_at = values, amounts, now
        elif self._moved_at is not None and now - self._moved_at >= self.REST_S:
            self._moved_at = None
            sentences += self._units(values)
            told = self._told
            sentences += [f"{name.replace('_', ' ')} {v:g}" for name, v in amounts.items() if v != told[name]]
            self._reported, self._told = values, amounts
        return sentences

    def _units(self, values: Values) -> list[str]:
        sentences = []
        for name, new in values.items():
            old = self._reported[name]
            if len(old) != len(new):
                return [f"{len(new)} units"]
            changed = np.flatnonzero(old.view(np.uint32) != new.view(np.uint32))
            if len(changed) > self.MOST:
                sentences.append(f"{name} of {len(changed)} units changed")
            else:
                sentences += [f"unit {unit}: {_in_words(name, float(new[unit]))}" for unit in changed]
        return sentences


def _in_words(name: str, value: float) -> str:
    if name == "muted":
        return "muted" if value else "not muted"
    if name == "override" and value != value:
        return "override cleared"
    return f"{name} {value:.3f}"


def _read_lines(lines: queue.SimpleQueue[str]) -> None:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")  # a byte that is no text must not end the reader
    for line in sys.stdin:
        lines.put(line)


def _say_all(instrument: Instrument, say: Any) -> None:
    for _, message in list(instrument.messages):
        say(message)
    instrument.on_message = say
