"""The instrument in a few lines: play a file on the default device while a slow gesture moves the gains.

python examples/live.py [FILE [MODEL.h5]]
"""

import math
import sys
import time

import aedsp

SAMPLE_RATE, SECONDS = 44_100, 10

model = aedsp.Model.load(sys.argv[2]) if len(sys.argv) > 2 else aedsp.demo_model()
engine = aedsp.Engine(model, SAMPLE_RATE, block_frames=512)
try:
    source = aedsp.FileSource(sys.argv[1], loop=True) if len(sys.argv) > 1 else None  # None: the decoder alone
    with aedsp.Stream(engine, source, on_message=print) as stream:
        print(stream.latency)
        began = time.monotonic()
        while (t := time.monotonic() - began) < SECONDS:
            with engine.controls.together():  # publish all changes at once
                for unit in range(model.n_code):
                    engine.controls.gain[unit] = 0.02 * (1 + math.sin(t + unit))
            time.sleep(0.03)
        print("\n".join(stream.statistics.lines()))
except aedsp.errors.StreamError as error:
    print(f"cannot play: {error}")
