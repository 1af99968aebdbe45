"""A sound that your program makes, through the instrument: a generator of blocks as a stream's source.

python examples/own_sound.py [SECONDS]
"""

import sys
import time

import numpy as np

import aedsp

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0


def plucked(sample_rate):
    """A plucked string (Karplus and Strong), a new note every half second."""
    rng, notes = np.random.default_rng(0), (110, 146.8, 164.8, 220, 293.7)
    while True:
        string = rng.uniform(-0.3, 0.3, int(sample_rate / rng.choice(notes)))
        for _ in range(int(0.5 * sample_rate) // len(string)):
            yield string
            string = 0.498 * (string + np.roll(string, 1))


try:
    source = aedsp.BlockSource(plucked(44_100), sample_rate=44_100, ahead_s=0.2)
    with aedsp.Stream(aedsp.demo_model(), source, on_message=print) as stream:
        stream.engine.controls.detail = 1.0
        time.sleep(SECONDS)
        rate, statistics = stream.engine.sample_rate, stream.statistics
        print(f"{stream.frames} frames at {rate:g} Hz, {statistics.underruns} underruns")
except aedsp.errors.StreamError as error:
    print(f"cannot play: {error}")
