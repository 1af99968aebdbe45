"""Spectra, codes and back, against the engine and the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from aedsp.audio.file import written
from models import autoencoder, front_end, level_db, music
from reference import engine as engine_reference
from reference import stft as reference

ASYMMETRIC = dict(hop_length=32, window="asymmetric", synthesis_length=128)
CQ = dict(kind="cqft", fft_length=1024, window_length=512, hop_length=128, f_min_hz=60.0)
GEOMETRIES = {"symmetric": dict(), "odd hop": dict(hop_length=100), "asymmetric": ASYMMETRIC, "constant-Q": CQ}


def close(a, b, bar=-90):
    return level_db(a - b) - level_db(b) < bar


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("options", [dict(), dict(context=3), dict(widths=(40,), level=0.01)], ids=str)
def test_the_round_trip_is_the_engines(rng, geometry, options):
    model = autoencoder(rng, front_end(**geometry), **options)
    x = np.float32(0.5 * music(rng, 9001))
    codes, times = aedsp.encode_file(model, x)
    y = aedsp.decode_codes(model, codes, source=x)
    assert y.dtype == np.float32 and y.shape == x.shape and len(codes) == len(times)
    assert close(y, aedsp.resynthesize(model, x, precision="float32"))
    magnitudes, phases, _ = aedsp.spectra(x, model)
    assert close(aedsp.decode_codes(model, codes, phases=phases, n_frames=len(x)), y, -110)
    assert np.array_equal(model.magnitudes(x), magnitudes)
    if "context" not in options:
        assert np.allclose(model.encode(magnitudes), codes, atol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_codes_are_those_of_the_engine(rng, geometry):
    model = autoencoder(rng, front_end(**geometry))
    hop = model.front_end.hop_length
    x = np.float32(0.5 * music(rng, 20 * hop))
    engine = aedsp.Engine(model, block_frames=hop, precision="float32")
    found = []
    for at in range(0, len(x), hop):
        engine.process(x[at : at + hop])
        found.append(engine.code)
    codes, _ = aedsp.encode_file(model, x)
    assert np.abs(codes[:20] - np.array(found)).max() < 1e-4


@pytest.mark.parametrize("geometry", [dict(), ASYMMETRIC], ids=str)
def test_spectra_are_the_references(rng, geometry):
    one = front_end(**geometry)
    x = np.float32(0.5 * music(rng, 5000))
    magnitudes, phases, times = aedsp.spectra(x, one)
    padded = np.concatenate([np.zeros(one.window_length - one.hop_length), x, np.zeros(one.window_length)])
    expected = reference.forward(padded, one)[: len(magnitudes)]
    found = magnitudes / one.magnitude_scale * np.exp(1j * phases)
    assert 20 * np.log10(np.abs(found - expected).max() / np.abs(expected).max()) < -100
    assert times[0] == (one.hop_length - one.window_length + one.window_centre) / one.sample_rate
    assert np.allclose(np.diff(times), one.hop_length / one.sample_rate)


def test_a_tone_is_where_its_time_says(rng):
    one = front_end()
    x = np.zeros(20_000, np.float32)
    x[12_000:] = np.sin(np.arange(8000) / 3)
    magnitudes, _, times = aedsp.spectra(x, one)
    level = magnitudes.max(axis=1)
    assert np.interp(12_000 / one.sample_rate, times, level) == pytest.approx(0.5, abs=0.05), "half of the window"


@pytest.mark.parametrize("mode", ["auto", "advance", "spsi", "pghi"])
def test_phases_without_a_source_are_those_of_an_engine_without_input(rng, mode):
    model = autoencoder(rng)
    one = model.front_end
    codes = aedsp.encode_file(model, np.float32(0.5 * music(rng, 6000)))[0]
    y = aedsp.decode_codes(model, codes, phases=mode, seed=3)
    assert not np.array_equal(y, aedsp.decode_codes(model, codes, phases=mode, seed=4))
    turns, z = np.random.default_rng(3).random(one.n_fft_bins), model.decode(codes.astype(float))
    units = engine_reference.phases_of(z, one, "pghi" if mode == "auto" else mode, turns)
    expected = reference.inverse(z / one.magnitude_scale * units, one)[one.window_length - one.hop_length :]
    n = len(y) - one.window_length
    assert close(y[:n], expected[:n], -60)


def test_a_file_is_mixed_and_resampled(rng, tmp_path):
    model = autoencoder(rng)
    x = np.float32(0.4 * music(rng, 22_050))
    with written(tmp_path / "x.wav", 22_050, 2) as file:
        file.write(np.stack([2 * x, 0 * x], axis=1))
    codes, _ = aedsp.encode_file(model, tmp_path / "x.wav")
    assert np.abs(codes - aedsp.encode_file(model, x)[0]).max() < 1e-3
    y = aedsp.decode_codes(model, codes, source=tmp_path / "x.wav")
    assert close(y[: len(x)], aedsp.decode_codes(model, codes, source=x)[: len(y)], -50)


def test_what_does_not_fit_is_refused(rng):
    model = autoencoder(rng)
    with pytest.raises(ValueError, match=r"x has shape \(10, 2\); expected \(frames,\), one channel at a time"):
        aedsp.spectra(np.zeros((10, 2)), model)
    with pytest.raises(TypeError, match="x has dtype int64"):
        aedsp.encode_file(model, np.arange(5))
    with pytest.raises(ValueError, match=r"codes are float64 of shape \(3, 4\); expected numbers \(n, 16\)"):
        aedsp.decode_codes(model, np.zeros((3, 4)))
    with pytest.raises(ValueError, match="phases and source are both given"):
        aedsp.decode_codes(model, np.zeros((3, 16)), phases="spsi", source=np.zeros(100))
    with pytest.raises(ValueError, match=r"phases are float64 of shape \(3, 4\); expected numbers \(3, 257\)"):
        aedsp.decode_codes(model, np.zeros((3, 16)), phases=np.zeros((3, 4)))
    with pytest.raises(ValueError, match="phases is 'pghi1'; expected one of"):
        aedsp.decode_codes(model, np.zeros((3, 16)), phases="pghi1")


def test_short_and_empty_signals(rng):
    model = autoencoder(rng)
    for n in (0, 1, 127, 128, 129):
        x = np.float32(music(rng, 200)[:n])
        codes, _ = aedsp.encode_file(model, x)
        assert aedsp.decode_codes(model, codes, source=x).shape == (n,)
