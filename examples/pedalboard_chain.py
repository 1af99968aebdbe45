"""The engine in a chain of pedalboard effects, by one adapter: pedalboard has the channels first.

python examples/pedalboard_chain.py      needs pedalboard (GPL): pip install pedalboard
"""

import sys

import numpy as np

import aedsp

try:
    import pedalboard
except ImportError:
    sys.exit("cannot run: pedalboard is not installed; pip install pedalboard (its licence is the GPL)")


class Autoencoder:
    """An engine with pedalboard's layout: (channels, frames) in and out."""

    def __init__(self, model, sample_rate, channels):
        self.engine = aedsp.Engine(model, sample_rate, channels=channels)

    def __call__(self, x, sample_rate=None, reset=True):
        if reset:
            self.engine.reset()
        return self.engine(np.ascontiguousarray(x.T)).T


RATE = 44_100
x = np.tile(aedsp.demo_audio(), (2, 1))  # (2, frames)
effect = Autoencoder(aedsp.demo_model(), RATE, channels=2)
effect.engine.controls.gain[3] = 0.2
before = pedalboard.Pedalboard([pedalboard.HighpassFilter(80)])
after = pedalboard.Pedalboard([pedalboard.Reverb(room_size=0.3)])
y = after(effect(before(x, RATE)), RATE)
print(f"{y.shape[1]} frames of {y.shape[0]} channels, {effect.engine.latency_frames} frames late")
