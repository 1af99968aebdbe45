"""Faders move without zipper noise: a full sweep at 30 messages a second on a steady tone."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from aedsp.control import mapping
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer


def identity(sample_rate=22_050.0):
    """An identity model with one unit per bin."""
    front_end = aedsp.FrontEnd(sample_rate=sample_rate)
    n = front_end.n_bins
    layer = aedsp.Layer(
        encoder_weight=np.eye(n), encoder_bias=np.zeros(n), decoder_weight=np.eye(n), decoder_bias=np.zeros(n),
        encoder_activation="linear",
    )  # fmt: skip
    return aedsp.Model(front_end=front_end, layers=(layer,))


@pytest.mark.parametrize("frequency", [1000.0, 440.0, 3217.3])
def test_a_full_sweep_adds_less_than_minus_60_db_beside_the_tone(frequency):
    rate, n_fft = 22_050, 2048
    engine = aedsp.Engine(identity())
    surface = Surface(UnitPerformer(engine.controls), mapping.load("nanokontrol2"))
    x = (0.5 * np.sin(2 * np.pi * frequency * np.arange(8 * rate) / rate)).astype(np.float32)
    every = rate // 30
    out = []
    for i, at in enumerate(range(0, len(x), every)):
        position = abs(127 - (i - 20) * 127 // 45 % 254) if i > 20 else 127  # down and up, 1.5 s each way
        with engine.controls.together():
            for slot in range(8):
                surface.receive(Message("cc", 1, slot, position))
            engine.controls.gain[:] = engine.controls.gain[0]
        out.append(engine.process(x[at : at + every]))
    y = np.concatenate(out)[8000:-2000]
    assert np.abs(y).min() < 0.01 and np.abs(y).max() > 0.45
    window = np.blackman(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[:: n_fft // 4] * window
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    tone = round(frequency * n_fft / rate)
    near = np.abs(np.arange(len(power)) - tone) <= 6
    beside = 10 * np.log10(power[~near].sum() / power[near].sum())
    print(f"{frequency} Hz: {beside:.1f} dB beyond ±6 bins")
    assert beside < -60
