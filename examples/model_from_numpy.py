"""A model built by hand from NumPy arrays, without training or another framework.

Sixteen units, each a triangle on the frequency axis: an equaliser with hidden units as its bands.

python examples/model_from_numpy.py [OUT.h5]
"""

import sys

import numpy as np

import aedsp

front_end = aedsp.FrontEnd()  # 22,050 Hz, FFT 2048, hop 512, Hann
n_units, n_bins = 16, front_end.n_bins

octaves = np.log2(np.maximum(np.arange(n_bins), 1))
centres = np.linspace(2, octaves[-1], n_units)
bumps = np.maximum(0, 1 - np.abs(octaves[None, :] - centres[:, None]) / (centres[1] - centres[0]))

layer = aedsp.Layer(
    encoder_weight=bumps / bumps.sum(axis=1, keepdims=True),  # a unit is the mean magnitude of its band
    encoder_bias=np.zeros(n_units),
    decoder_weight=bumps.T,  # a unit sounds as its band
    decoder_bias=np.zeros(n_bins),
    encoder_activation="relu",
)
model = aedsp.Model(front_end=front_end, layers=(layer,), name="sixteen bands", license="CC0-1.0")

target = sys.argv[1] if len(sys.argv) > 1 else "bands.h5"
model.save(target)
model = aedsp.Model.load(target)

sound = aedsp.resynthesize(model, aedsp.demo_audio(), muted={i: True for i in range(8, 16)})  # the low half only
print(f"{target}: {model.name}, {model.n_code} units; the low half of the demo clip has level {np.std(sound):.4f}")
