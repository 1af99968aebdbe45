"""Controls in time: scheduled at a frame of a stream of blocks, and as curves over a whole file.

python examples/automation.py
"""

import numpy as np

import aedsp

model, x = aedsp.demo_model(), aedsp.demo_audio()[:200_000]

# in a host's own blocks: at a frame, however the blocks are cut
engine = aedsp.Engine(model)
engine.schedule(44_100, muted={3: True}, detail=0.5)
engine.schedule(88_200, muted={3: False})
out = np.concatenate([engine.process(x[at : at + 512]) for at in range(0, len(x), 512)])
print(f"{len(out)} frames, {engine.statistics.late_changes} changes came late")

# over a whole signal: breakpoints in seconds, a function of the time, or one row of gains for each hop
y = aedsp.resynthesize(model, x, automation={"gain": {3: [(0, 1), (2, 0)]}, "detail": [(0, 1), (4, 0)]})
z = aedsp.resynthesize(model, x, automation=lambda t: {"volume_db": -6 * np.sin(t) ** 2})
print(f"{len(y)} and {len(z)} frames, latency removed")
