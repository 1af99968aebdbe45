"""Resynthesize a file with changed controls on a few units.

python examples/render_a_file.py [IN.wav [OUT.wav]]      default: the shipped clip, to rendered.wav
"""

import sys

import soundfile

import aedsp

model = aedsp.demo_model()
if len(sys.argv) > 1:
    audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32")
else:
    audio, sample_rate = aedsp.demo_audio(), model.front_end.sample_rate

result = aedsp.resynthesize(
    model,
    audio,
    sample_rate,
    gain={0: 0.2, 3: 1.5},  # unit 0 softer, unit 3 louder
    muted={1: True},  # unit 1 silent
)
target = sys.argv[2] if len(sys.argv) > 2 else "rendered.wav"
soundfile.write(target, result, int(sample_rate), subtype="FLOAT")
print(f"{target}: {len(result) / sample_rate:.1f} s through {model.name}, {model.n_code} units")
