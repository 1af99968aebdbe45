"""Surfaces without a screen: one status line a second, JSON lines for programs, plain lines for a screen reader."""

from __future__ import annotations

import json
import select
import sys
import threading
import time
from typing import Any

from aedsp.play import commands
from aedsp.play.instrument import Instrument


def status(instrument: Instrument) -> dict[str, Any]:
    """Everything that a program would want to know, now."""
    stream, statistics = instrument.stream, instrument.stream.statistics
    return {
        "transport": stream.transport,
        "position_s": round(stream.position_s, 3),
        "duration_s": stream.duration_s,
        "monitor": instrument.controls.monitor,
        "bank": instrument.hand.bank,
        "recording": str(stream.recording) if stream.recording else None,
        "device": stream.output_device.name,
        "device_lost": stream.device_lost,
        "controller": instrument.controller.connected if instrument.controller else None,
        "midi_messages": instrument.controller.messages if instrument.controller else 0,
        "latency_frames": stream.latency.total,
        **{name: getattr(statistics, name) for name in statistics.__dataclass_fields__ if name != "load"},
    }


def status_line(instrument: Instrument) -> str:
    """The same for a person, short."""
    s = status(instrument)
    of = f" of {s['duration_s']:.1f}" if s["duration_s"] else ""
    lost = ", device lost" if s["device_lost"] else ""
    return (
        f"{s['transport']} {s['position_s']:.1f}{of} s, {s['monitor']}, "
        f"load {s['last_load']:.0%} worst {s['worst_load']:.0%}, "
        f"{s['misses']} missed, {s['starved_frames']} starved, {s['midi_messages']} MIDI{lost}"
    )


def run(instrument: Instrument, *, json_lines: bool, seconds: float | None) -> None:
    """One line a second until the end is asked for; with a time, until that."""
    said = 0.0

    def say(text: str) -> None:
        print(json.dumps({"message": text}) if json_lines else text, flush=True)

    _say_all(instrument, say)
    until = time.monotonic() + seconds if seconds is not None else None
    while not instrument.quitting.wait(0.05):
        now = time.monotonic()
        if until is not None and now >= until:
            return
        if now - said >= 1.0:
            said = now
            print(json.dumps(status(instrument)) if json_lines else status_line(instrument), flush=True)


def run_lines(instrument: Instrument, *, seconds: float | None) -> None:
    """Commands in, a sentence for every change out; at the input's end the music plays on until quit or Ctrl-C."""
    lock = threading.Lock()

    def say(text: str) -> None:
        with lock:
            print(text, flush=True)

    _say_all(instrument, say)
    say("ready; 'help' lists the commands, 'quit' ends")
    until = time.monotonic() + seconds if seconds is not None else None
    before = (instrument.stream.transport, instrument.controls.monitor, instrument.hand.bank)
    listening = True
    while not instrument.quitting.is_set() and (until is None or time.monotonic() < until):
        if listening and _readable():
            line = sys.stdin.readline()
            listening = bool(line)
            try:
                if answer := commands.run(instrument, line):
                    say(answer)
            except ValueError as error:
                say(str(error))
        elif not listening:
            time.sleep(0.05)
        now = (instrument.stream.transport, instrument.controls.monitor, instrument.hand.bank)
        for old, new, text in zip(before, now, ("{}", "hearing {}", "bank {}"), strict=True):
            if old != new:
                say(text.format(new))
        before = now


def _say_all(instrument: Instrument, say: Any) -> None:
    for _, message in list(instrument.messages):
        say(message)
    instrument.on_message = say


def _readable() -> bool:
    """Whether a line waits, within a twentieth of a second; on Windows, which cannot tell, reading waits for it."""
    if sys.platform == "win32":
        return True
    return bool(select.select([sys.stdin], [], [], 0.05)[0])
