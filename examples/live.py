"""The instrument in a few lines: play a file on the default device while a slow gesture moves the gains.

python examples/live.py [FILE [MODEL.h5 [SECONDS]]]
"""

import math
import sys
import time

import aedsp

FILE = sys.argv[1] if len(sys.argv) > 1 else None  # None: the decoder alone
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0

model = aedsp.Model.load(sys.argv[2]) if len(sys.argv) > 2 else aedsp.demo_model()
source = aedsp.FileSource(FILE, loop=True) if FILE else None
try:
    with aedsp.Stream(model, source, on_message=print) as stream:  # an engine at the device's own rate
        print(stream.latency)
        controls = stream.engine.controls
        began = time.monotonic()
        while (t := time.monotonic() - began) < SECONDS:
            with controls.together():  # publish all changes at once
                for unit in range(model.n_code):
                    controls.gain[unit] = 0.02 * (1 + math.sin(t + unit))
            time.sleep(0.03)
        print("\n".join(stream.statistics.lines()))
except aedsp.errors.StreamError as error:
    print(f"cannot play: {error}")
