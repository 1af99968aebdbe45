"""What an engine says of itself, what it refuses, and how to mend it."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import aedsp
from models import autoencoder


@pytest.mark.parametrize("doubled", [copy.copy, copy.deepcopy, pickle.dumps])
def test_engine_and_controls_are_not_copied(rng, doubled):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(
        TypeError, match="Engine cannot be copied or pickled: make it from the Model where it is needed"
    ):
        doubled(engine)
    with pytest.raises(TypeError, match=r"Controls cannot be copied or pickled: .* state\(\)"):
        doubled(engine.controls)
    with pytest.raises(
        TypeError, match=r"UnitValues cannot be copied or pickled: take a copy of the values with \[:\]"
    ):
        doubled(engine.controls.gain)


def test_repr_says_what_it_is(rng):
    engine = aedsp.Engine(autoencoder(rng, n_code=7), 48_000, channels=2, precision="float32")
    assert repr(engine.model) == "<Model 'test': stft 512/128 at 22050 Hz, units 257-7>"
    assert repr(engine) == (
        f"<Engine: {engine.model!r}, 2 channels at 48000 Hz, latency {engine.latency_frames} frames "
        f"({1000 * engine.latency_s:.1f} ms), weights float32>"
    )
    assert repr(engine.model.layers[0]) == "<Layer: 257-7, relu, linear>"


@pytest.mark.parametrize("dtype, divisor", [(np.int16, 32_768), (np.int32, 2_147_483_648), (np.int8, 128)])
def test_integers_are_refused_with_their_scale(rng, dtype, divisor):
    x, model = np.zeros(1000, dtype), autoencoder(rng)
    for call in (lambda: aedsp.resynthesize(model, x), lambda: aedsp.Engine(model).process(x)):
        with pytest.raises(TypeError, match=f"expected floating-point samples .*; divide integers by {divisor}$"):
            call()


def test_channels_first_is_recognised(rng):
    model = autoencoder(rng)
    with pytest.raises(ValueError, match=r"shape \(2, 48000\); expected \(frames, channels\): .* pass x\.T"):
        aedsp.resynthesize(model, np.zeros((2, 48_000), np.float32))
    for n in (480, 64):
        with pytest.raises(ValueError, match=r"are the channels first\? then pass x\.T"):
            aedsp.Engine(model, channels=2).process(np.zeros((2, n), np.float32))


def test_code_is_never_torn(rng):
    """Read from another thread while the engine runs: all units of one hop, never of two."""
    geometry = aedsp.FrontEnd(fft_length=64, window_length=64, hop_length=16)
    n = 4096
    weight = np.zeros((n, geometry.n_bins), np.float32)
    weight[:, 10] = 1  # every unit shows the magnitude of the same bin
    layer = aedsp.Layer(
        encoder_weight=weight, encoder_bias=np.zeros(n), decoder_weight=weight.T / n, decoder_bias=np.zeros(33),
        encoder_activation="linear",
    )  # fmt: skip
    engine = aedsp.Engine(aedsp.Model(front_end=geometry, layers=(layer,)), precision="float32")
    x, stop, seen, torn = rng.standard_normal(200_000).astype(np.float32), threading.Event(), set(), []

    def watch():
        while not stop.is_set():
            code = engine.code
            seen.add(float(code[0]))
            if not (code == code[0]).all():
                torn.append(code)

    thread = threading.Thread(target=watch)
    thread.start()
    for i in range(0, len(x), 5000):
        engine.process(x[i : i + 5000])
    stop.set()
    thread.join()
    assert not torn and len(seen) > 3


def test_writes_inside_together_do_not_copy_all_values(rng):
    """160 of them publish once, and copy the values once (counted, not timed)."""
    controls = aedsp.Engine(autoencoder(rng, n_code=160)).controls
    version, copies = controls.version, []

    class Counted(dict):
        def items(self):
            copies.append(1)
            return super().items()

    controls._values = Counted(controls._values)
    with controls.together():
        for unit in range(160):
            controls.gain[unit] = 0.5
            controls.muted[unit] = True
    assert controls.version == version + 1 and len(copies) == 1 and (controls.gain[:] == 0.5).all()


def test_an_engine_can_be_called(rng):
    one, other = (aedsp.Engine(autoencoder(rng)) for rng in (np.random.default_rng(1), np.random.default_rng(1)))
    x = rng.standard_normal(700).astype(np.float32)
    assert np.array_equal(one(x), other.process(x))
