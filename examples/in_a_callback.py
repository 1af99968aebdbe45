"""The engine in your own audio application: one `process` call in the callback of a sounddevice stream.

python examples/in_a_callback.py [--offline | SECONDS]      live, input to output; --offline: without a device

A Python callback is the simplest integration. It works for blocks of 512 frames or more while no other Python thread
is busy: the hop runs without the GIL, but entering the callback needs it.
"""

import sys
import time

import numpy as np

import aedsp

BLOCK_FRAMES = 512


def make_callback(sample_rate):
    engine = aedsp.Engine(aedsp.demo_model(), sample_rate, block_frames=BLOCK_FRAMES)
    engine.controls.gain[:8] = 0.5  # halve the first eight units; from any thread, at any time

    def callback(indata, outdata, frames, time, status):
        engine.process(indata, out=outdata)  # allocates nothing

    return engine, callback


def offline():
    """Call the callback as a stream would, with noise as input."""
    engine, callback = make_callback(44_100)
    rng = np.random.default_rng(0)
    block, out = np.empty((BLOCK_FRAMES, 1), np.float32), np.empty((BLOCK_FRAMES, 1), np.float32)
    for _ in range(100):
        block[:] = rng.uniform(-0.1, 0.1, block.shape)
        callback(block, out, BLOCK_FRAMES, None, None)
    print(f"latency {1000 * engine.latency_s:.1f} ms, {engine.statistics}")


def live(seconds):
    try:
        import sounddevice

        rate = sounddevice.query_devices(kind="output")["default_samplerate"]
        engine, callback = make_callback(rate)
        with sounddevice.Stream(rate, BLOCK_FRAMES, channels=1, dtype="float32", callback=callback):
            print(f"latency {1000 * engine.latency_s:.1f} ms plus the device's; beware of feedback")
            time.sleep(seconds)
    except (ImportError, OSError) as error:
        print(f"cannot play: {error}; pip install 'aedsp[play]' and PortAudio")
    except (sounddevice.PortAudioError, ValueError) as error:
        print(f"cannot play: {error}; python -m aedsp.devices lists the devices")
    else:
        print(engine.statistics)


if "--offline" in sys.argv:
    offline()
else:
    live(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
