"""The engine in your own audio application: one `process` call in the callback of a sounddevice stream.

python examples/in_a_callback.py [--offline]      live, input to output; --offline: run the callback without a device

A Python callback is the simplest integration. It works for blocks of 512 frames or more while no other Python thread
is busy: the hop runs without the GIL, but entering the callback needs it.
"""

import sys

import numpy as np

import aedsp

SAMPLE_RATE, BLOCK_FRAMES = 44_100, 512

engine = aedsp.Engine(aedsp.demo_model(), SAMPLE_RATE, block_frames=BLOCK_FRAMES)
engine.controls.gain[:8] = 0.5  # halve the first eight units; from any thread, at any time


def callback(indata, outdata, frames, time, status):
    engine.process(indata, out=outdata)  # allocates nothing


def offline():
    """Call the callback as a stream would, with noise as input."""
    rng = np.random.default_rng(0)
    block, out = np.empty((BLOCK_FRAMES, 1), np.float32), np.empty((BLOCK_FRAMES, 1), np.float32)
    for _ in range(100):
        block[:] = rng.uniform(-0.1, 0.1, block.shape)
        callback(block, out, BLOCK_FRAMES, None, None)
    print(f"latency {1000 * engine.latency_s:.1f} ms, {engine.statistics}")


def live():
    import sounddevice

    with sounddevice.Stream(SAMPLE_RATE, BLOCK_FRAMES, channels=1, dtype="float32", callback=callback):
        print(f"latency {1000 * engine.latency_s:.1f} ms plus the device's; beware of feedback; press Enter to stop")
        input()


offline() if "--offline" in sys.argv else live()
