"""Threads that share an engine and a stream, for ThreadSanitizer (`scripts/sanitize.py thread`)."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

import aedsp
import fake_device
from aedsp._rt.control import ControlBuffer
from models import autoencoder

SECONDS = 4.0


def together(*tasks):
    """Run each task in a loop in a thread of its own for some seconds; raises the first error."""
    end, errors = time.monotonic() + SECONDS, []

    def run(task):
        try:
            while time.monotonic() < end:
                task()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def one_engine(rng):
    """Process, controls, readings and swaps."""
    models = [autoencoder(rng, n_code=n) for n in (3, 16, 300)]
    engine = aedsp.Engine(models[1], channels=2)
    x, out = rng.standard_normal((5000, 2)).astype(np.float32), np.empty((5000, 2), np.float32)

    def control():
        engine.controls.gain[0] = 0.5
        engine.controls.monitor = "original"
        engine.controls.monitor = "resynthesized"
        engine.controls.reset()

    def read():
        assert engine.code.shape[0] == 2 and engine.statistics.frames >= 0
        assert len(engine.effects()) > 0

    def swap():
        for model in models:
            try:
                engine.swap(model)
            except aedsp.errors.SwapError:
                time.sleep(0.001)

    together(lambda: engine.process(x, out=out), control, read, swap)
    assert engine.statistics.hops > 100


def one_stream(rng, folder):
    """A playing file: seek, stretch, record, meter, statistics, swap."""
    song = folder / "song.wav"
    soundfile.write(song, 0.1 * rng.standard_normal((60_000, 2)), 22_050)
    model = autoencoder(rng)

    fake_device.install(fake_device.paced(256, 0.0005))
    stream = aedsp.Stream(aedsp.Engine(model, channels=2), aedsp.FileSource(song, loop=True))
    takes = iter(range(1 << 20))

    def transport():
        stream.seek(float(rng.random()))
        stream.pause()
        stream.start()
        with contextlib.suppress(ValueError):  # without a file
            stream.stretch = 1.5
            stream.stretch = 1.0
        time.sleep(0.01)

    def record():
        stream.record(folder / f"{next(takes)}.wav")
        time.sleep(0.02)
        stream.stop_recording()

    def read():
        stream.meter()
        assert stream.statistics.frames >= 0 and stream.position_s >= 0 and stream.engine.code.shape[0] == 2
        time.sleep(0.001)

    def songs():
        stream.change(aedsp.FileSource(song, True, float(rng.random())))
        time.sleep(0.05)
        stream.change(aedsp.NoInput())
        time.sleep(0.02)

    def change():
        stream.engine.controls.gain[3] = 0.2
        stream.engine.schedule(stream.engine.frame + 300, gain={3: 0.5}, detail=0.5)
        try:
            stream.swap(model)
        except aedsp.errors.SwapError:
            time.sleep(0.001)

    with stream:
        together(transport, record, read, change, songs)


def a_race():
    """The control: two readers of one triple buffer, against its contract. The sanitizer must see it."""
    buffer = ControlBuffer(16)
    units, amounts = np.ones((7, 16), np.float32), np.zeros(6, np.float32)
    together(lambda: buffer.watch(1000), lambda: buffer.watch(1000), lambda: buffer.publish(units, amounts))


if __name__ == "__main__":
    if "race" in sys.argv:
        SECONDS = 1.0
        a_race()
        sys.exit()
    one_engine(np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as scratch:
        one_stream(np.random.default_rng(2), Path(scratch))
    print("done")
