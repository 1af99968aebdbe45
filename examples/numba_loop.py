"""The engine inside a compiled loop: a level follower that moves a gain after every block, without Python in between.

python examples/numba_loop.py      needs numba: pip install 'aedsp[train]'
"""

import sys

import numpy as np

import aedsp

try:
    import numba
except ImportError:
    sys.exit("cannot compile: numba is not installed; pip install 'aedsp[train]'")

GAIN, NEXT_HOP = 0, -(2**63)  # AEDSP_GAIN and AEDSP_NEXT_HOP of aedsp.h

engine = aedsp.Engine(aedsp.demo_model())
x = aedsp.demo_audio()
out = np.empty_like(x)
with engine.as_c() as lent:
    process, set_at, address = lent.process, lent.set_at, lent.address

    @numba.njit
    def follow(x, out, block):
        for at in range(0, len(x) - block + 1, block):
            level = np.sqrt(np.mean(x[at : at + block] ** 2))
            set_at(address, NEXT_HOP, GAIN, 3, min(1.0, 10 * level))
            process(address, x[at:].ctypes.data, out[at:].ctypes.data, block)

    follow(x, out, 256)
print(f"{len(x)} frames in a compiled loop; the gain of unit 3 is {engine.controls.gain[3]:.2f} at the end")
