"""Codes: the paper's round trip, a change of the codes, and codes block by block.

python examples/codes.py [FILE]
"""

import sys

import numpy as np

import aedsp

model = aedsp.demo_model()
sound = sys.argv[1] if len(sys.argv) > 1 else aedsp.demo_audio()  # a path, or an array at the model's rate

codes, times = aedsp.encode_file(model, sound)  # (spectra, units), and the second of each
print(f"{len(codes)} codes of {model.n_code} units, one every {1000 * (times[1] - times[0]):.2f} ms")
codes[:, 3] *= 0.2  # the fourth unit at a fifth
y = aedsp.decode_codes(model, codes, source=sound)  # with the phases of the sound
print(f"{len(y)} frames at {model.front_end.sample_rate:g} Hz")

engine = aedsp.Engine(model, 48_000)
block = np.zeros(512, np.float32)
rows = np.empty((engine.most_hops(len(block)), model.n_code), np.float32)
engine.process(block, codes=rows)
for hop in range(engine.n_codes):
    print(f"hop {hop} belongs to input frame {engine.code_frame(hop):.1f}")
