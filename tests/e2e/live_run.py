"""Run by test_load.py: plays the instrument on JACK while a Python thread holds the GIL; prints JSON.

python live_run.py FOLDER SECONDS LIBRARY compiled|python      FOLDER: m.h5 and x.flac; the performance goes to g.mid
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

import aedsp
from aedsp.control import mapping
from aedsp.live import portaudio, stream
from aedsp.play.instrument import Instrument

BLOCK, RATE = 512, 44_100
MODEL = "m.h5"


class Empty(ctypes.Structure):
    _fields_ = [
        ("rate", ctypes.c_double),
        ("calls", ctypes.c_uint64),
        ("late", ctypes.c_uint64),
        ("last", ctypes.c_int64),
    ]


class Guard(ctypes.Structure):
    _fields_ = [
        ("inner", ctypes.c_void_p), ("user", ctypes.c_void_p), ("calls", ctypes.c_uint64), ("dirty", ctypes.c_uint64),
        ("total", ctypes.c_uint64),
    ]  # fmt: skip


class Addresses:
    """Replaces a Callback where its addresses are needed."""

    def __init__(self, function, state):
        self.pair = ctypes.cast(function, ctypes.c_void_p).value, ctypes.addressof(state)

    def addresses(self):
        return self.pair


def hold_the_gil(stop):
    while not stop.is_set():
        sorted(range(600_000))


def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    folder, seconds, library, kind = Path(sys.argv[1]), float(sys.argv[2]), ctypes.CDLL(sys.argv[3]), sys.argv[4]
    device = portaudio.find_device("system", "output")
    empty = Empty(rate=RATE)
    beside = portaudio.open_stream(Addresses(library.empty_callback, empty), device, None, 0, 1, RATE, BLOCK, "low")
    beside.start()
    stop = threading.Event()
    hog = threading.Thread(target=hold_the_gil, args=(stop,), daemon=True)
    result = {}
    run = compiled if kind == "compiled" else python
    run(folder, seconds, library, hog, result)
    stop.set()
    hog.join()
    result |= {"empty_calls": empty.calls, "empty_late": empty.late}
    beside.close()
    portaudio.release()
    print(json.dumps(result), flush=True)


def compiled(folder, seconds, library, hog, result):
    guard = Guard()

    def guarded(callback, *rest):
        guard.inner, guard.user = callback.addresses()
        return opened(Addresses(library.guard_callback, guard), *rest)

    opened, portaudio.open_stream = portaudio.open_stream, guarded
    engine = aedsp.Engine(aedsp.Model.load(folder / MODEL), RATE, block_frames=BLOCK)
    live = stream.Stream(engine, aedsp.FileSource(folder / "x.flac", loop=True), "system")
    instrument = Instrument(live, mapping.load("nanokontrol2"), folder / MODEL, folder)
    instrument.record_gestures(folder / "g.mid")
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()  # wait until the recorder is connected
    while instrument.controller.connected is None:
        time.sleep(0.05)
    live.start()
    hog.start()
    resident, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1.0)
        resident.append(resident_mb())
        turn = len(resident) % 7
        live.stretch, live.transpose = (1, 1, 1.3, 0.6, 1, 1, 2)[turn], (0, 0, 0, -5, 7, 0, 0)[turn]
        engine.controls.frozen = turn == 6
    statistics = live.statistics
    instrument.close()
    result |= {name: getattr(statistics, name) for name in statistics.__dataclass_fields__ if name != "load"}
    result |= {"guard_calls": guard.calls, "guard_dirty": guard.dirty, "guard_total": guard.total, "resident": resident}
    result |= {"midi": instrument.controller.messages}


def python(folder, seconds, library, hog, result):
    """The negative control: the same engine in a Python callback."""
    sd = portaudio.sounddevice()
    engine = aedsp.Engine(aedsp.Model.load(folder / MODEL), RATE, block_frames=BLOCK)
    calls, late, last = 0, 0, time.monotonic()

    def callback(indata, outdata, frames, when, status):
        nonlocal calls, late, last
        now = time.monotonic()
        late += now - last > 2 * frames / RATE
        calls, last = calls + 1, now
        engine.process(np.zeros((frames, 1), np.float32), out=outdata)

    print(json.dumps({"ready": True}), flush=True)
    with sd.OutputStream(RATE, BLOCK, "system", 1, "float32", "low", callback=callback):
        hog.start()
        time.sleep(seconds)
    result |= {"callbacks": calls, "late": late, "misses": late}


main()
