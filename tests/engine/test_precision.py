"""Storage of the weights: the hop uses exactly the stored weights; "auto" takes float16 only if it is inaudible."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import aedsp
from aedsp._kernels import _cpu
from aedsp.engine import precision
from models import autoencoder, front_end, level_db, music
from reference import dense
from reference import engine as reference


def as_kept(model: aedsp.Model, how: str) -> aedsp.Model:
    """The model with its weights rounded as stored, by the float64 reference."""
    layers = []
    for layer in model.layers:
        decoder = layer.decoder_weight
        if decoder is not None:
            older, newest = np.split(decoder, [len(decoder) - len(decoder) // layer.context_spectra])
            decoder = np.concatenate([older, dense.stored(newest.T, how).T])
        encoder = dense.stored(layer.encoder_weight, how)
        layers.append(dataclasses.replace(layer, encoder_weight=encoder, decoder_weight=decoder))
    return dataclasses.replace(model, layers=tuple(layers))


@pytest.mark.parametrize("how", ["float16", "int8"])
@pytest.mark.parametrize("options", [{}, {"tied": True}, {"widths": (40,), "level": 0.01}, {"context": 3}])
def test_the_hop_computes_with_exactly_the_weights_that_are_stored(rng, how, options):
    model, x = autoencoder(rng, **options), music(rng, 8000)
    engine = aedsp.Engine(model, precision=how)
    assert engine.precision == how
    y, expected = engine.process(x), reference.resynthesize(as_kept(model, how), x)
    latency = engine.latency_frames
    assert level_db(y[latency:] - expected[: len(x) - latency]) - level_db(expected) < -80


def sensitive(rng) -> aedsp.Model:
    """Large weights of both signs that nearly cancel, so that rounding dominates the output."""
    model = autoencoder(rng)
    layer = model.layers[0]
    weight = np.concatenate([layer.decoder_weight, layer.decoder_weight], axis=1) * 100
    weight[:, 16:] *= -0.999
    encoder = np.tile(layer.encoder_weight, (2, 1))
    wide = dataclasses.replace(
        layer, encoder_weight=encoder, encoder_bias=np.zeros(32), decoder_weight=weight, decoder_bias=np.zeros(257)
    )
    return dataclasses.replace(model, layers=(wide,))


def test_auto_takes_float16_only_if_the_error_is_60_db_below_the_output(rng):
    if not _cpu.fast_halves():
        pytest.skip("this instruction set has no float16 conversion")
    for model, expected in (
        (autoencoder(rng), "float16"),
        (sensitive(rng), "float32"),
        (aedsp.demo_model(), "float16"),
    ):
        difference = precision.difference_db(model, "float16")
        assert (difference <= -60) == (expected == "float16"), difference
        engine = aedsp.Engine(model)
        assert engine.precision == expected
        x = music(rng, 8000)
        exact = aedsp.Engine(model, precision="float32").process(x)
        if expected == "float16":
            assert level_db(engine.process(x) - exact) - level_db(exact) < -55


def test_auto_takes_float32_without_float16_hardware(rng, monkeypatch):
    monkeypatch.setattr(_cpu, "fast_halves", lambda: False)
    assert aedsp.Engine(autoencoder(rng)).precision == "float32"
    assert aedsp.Engine(autoencoder(rng), precision="float16").precision == "float16"


def test_the_difference_is_that_of_the_reconstructed_magnitudes(rng):
    model, worst = autoencoder(rng), -np.inf
    for spectra in precision.probe(model.front_end):
        assert spectra.shape[1] == 257 and (spectra >= 0).all() and spectra.any()
        before = model.reconstruct(spectra.astype(np.float64))[0]
        error = as_kept(model, "int8").reconstruct(spectra.astype(np.float64))[0] - before
        worst = max(worst, 10 * np.log10(np.sum(error**2) / np.sum(before**2)))
    assert precision.difference_db(model, "int8") == pytest.approx(worst, abs=0.1)


def test_pink_noise_has_the_requested_level():
    """RMS 1, and equal power in every octave."""
    x = precision._pink_noise(1 << 16)
    assert np.sqrt(np.mean(np.square(x))) == pytest.approx(1, rel=1e-3)
    power = np.abs(np.fft.rfft(x)) ** 2
    octaves = [power[n : 2 * n].sum() for n in (64, 256, 1024, 4096)]
    assert np.ptp(10 * np.log10(octaves)) < 2


@pytest.mark.parametrize("kind", ["stft", "cqft"])
def test_any_front_end_can_be_probed(kind):
    geometry = front_end(kind=kind, sample_rate=44_100.0)
    assert all(x.shape == (6, geometry.n_bins) for x in precision.probe(geometry))


def test_precision_is_chosen_again_for_a_swapped_model(rng):
    if not _cpu.fast_halves():
        pytest.skip("this instruction set has no float16 conversion")
    engine = aedsp.Engine(autoencoder(rng))
    engine.swap(sensitive(rng))
    assert engine.precision == "float32"
    engine.swap(autoencoder(rng))
    assert engine.precision == "float16"
    forced = aedsp.Engine(autoencoder(rng), precision="int8")
    forced.swap(autoencoder(rng))
    assert forced.precision == "int8"
