"""The engine as a whole: reference, partitions, latency, reconstruction, bad input, limiter."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import aedsp
from models import autoencoder, front_end, in_blocks, level_db, music
from reference import engine as reference

GEOMETRIES = {
    "512/128": dict(),
    "2048/512": dict(fft_length=2048, window_length=2048, hop_length=512),
    "2048/1024": dict(fft_length=2048, window_length=2048, hop_length=1024),
    "64/16": dict(fft_length=64, window_length=64, hop_length=16),
    "zero-padded, odd": dict(fft_length=512, window_length=401, hop_length=97, window="hamming"),
    "hop 1": dict(fft_length=64, window_length=50, hop_length=1),
    "rect, no overlap": dict(fft_length=256, window_length=256, hop_length=256, window="rect"),
    "asymmetric 512, 128/32": dict(hop_length=32, window="asymmetric", synthesis_length=128),
    "asymmetric, odd": dict(window_length=401, hop_length=37, window="asymmetric", synthesis_length=90),
    "constant-Q": dict(kind="cqft", fft_length=1024, window_length=512, hop_length=128, f_min_hz=60.0),
    "constant-Q, 3 an octave": dict(kind="cqft", fft_length=512, window_length=512, hop_length=200, bins_per_octave=3),
}
RATES = [None, 48_000, 44_100, 16_000, 22_051.5]


@pytest.fixture(params=GEOMETRIES)
def geometry(request):
    return front_end(**GEOMETRIES[request.param])


@pytest.mark.parametrize("mode", ["source", "advance"])
def test_equals_the_float64_reference_below_minus_80_db(rng, geometry, mode):
    model = autoencoder(rng, geometry, steps=(aedsp.Power(0.5), aedsp.Normalize(0.9)))
    x = music(rng, 8000)
    engine = aedsp.Engine(model, phase=mode, seed=7, precision="float32")
    y = engine.process(x)
    start_turns = np.random.default_rng(7).random(geometry.n_fft_bins)
    expected = reference.resynthesize(model, x, mode=mode, start_turns=start_turns)
    latency = engine.latency_frames
    assert level_db(y[latency:] - expected[: len(x) - latency]) - level_db(expected) < -80
    assert engine.statistics.limited_frames == 0


@pytest.mark.parametrize(
    "options",
    [
        dict(tied=True),
        dict(widths=(40,), level=0.01),
        dict(widths=(40, 23), encoder="sigmoid", level=0.01),
        dict(context=3),
        dict(context=2, tied=True, steps=(aedsp.Log(1e-4), aedsp.Standardize(-3.0, 1.0))),
        dict(steps=(aedsp.Standardize(1e-4, 0.1),)),
    ],
)
def test_every_kind_of_model_equals_the_reference(rng, options):
    model = autoencoder(rng, **options)
    x = music(rng, 8000)
    engine = aedsp.Engine(model, precision="float32")
    factor = rng.uniform(-1, 1, model.n_code).astype(np.float32)
    factor[3] = 0
    override = np.full(model.n_code, np.nan)
    override[5] = 0.25
    engine.controls.gain[:] = np.abs(factor)
    engine.controls.sign[:] = np.where(factor < 0, -1, 1)
    engine.controls.override[5] = 0.25
    y = engine.process(x)
    expected = reference.resynthesize(model, x, factor=factor.astype(np.float64), override=override)
    if np.abs(expected).max() > 1:
        pytest.fail("the test signal reaches the limiter")
    latency = engine.latency_frames
    assert level_db(y[latency:] - expected[: len(x) - latency]) - level_db(expected) < -80


def test_the_paper_size_constant_q_plays_and_monitors_the_original_without_bands(rng):
    geometry = aedsp.FrontEnd.of_kind("cqft")
    engine = aedsp.Engine(autoencoder(rng, geometry, steps=(aedsp.Power(0.5),)), channels=2)
    x = np.stack([music(rng, 60_000)] * 2, 1)
    engine.controls.monitor = "original"
    y = engine.process(x)
    latency = engine.latency_frames
    assert level_db(y[latency:] - x[: len(x) - latency]) - level_db(x) < -110
    engine.controls.monitor = "resynthesized"
    engine.reset()
    z = engine.process(x)
    assert level_db(z[latency:]) > -60 and np.isfinite(z).all()
    engine.swap(autoencoder(rng, geometry, n_code=5))
    assert np.isfinite(engine.process(x)).all() and engine.code.shape == (2, 5)


ASYMMETRIC = dict(hop_length=32, window="asymmetric", synthesis_length=128)


@pytest.mark.parametrize("windows", [dict(), ASYMMETRIC], ids=["symmetric", "asymmetric"])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["source", "advance", "original"])
def test_any_partition_is_bit_identical(rng, rate, channels, mode, windows):
    model = autoencoder(rng, front_end(**windows), steps=(aedsp.Power(0.5),))
    x = np.stack([music(rng, 6000) * 4 for _ in range(channels)], 1)  # loud enough to reach the limiter
    if channels == 1:
        x = x[:, 0]

    def run(sizes):
        engine = aedsp.Engine(model, rate, channels=channels, phase="advance" if mode == "advance" else "source")
        engine.controls.monitor = "original" if mode == "original" else "resynthesized"
        engine.controls.gain[:] = 30
        return in_blocks(engine, x, sizes), engine

    whole, engine = run(itertools.repeat(len(x)))
    assert engine.statistics.limited_frames > 0
    for sizes in (itertools.repeat(1), itertools.repeat(128), iter(lambda: rng.integers(1, 700), None)):
        assert np.array_equal(run(sizes)[0], whole)


@pytest.mark.parametrize("windows", [dict(), ASYMMETRIC], ids=["symmetric", "asymmetric"])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("block", [None, 128, 256, 64, 100, 441])
def test_the_measured_delay_is_the_latency_to_the_frame(rng, rate, block, windows):
    """Bypass of an impulse: the output is the input, delayed by exactly `latency_frames`."""
    model = autoencoder(rng, front_end(**windows))
    engine = aedsp.Engine(model, rate, block_frames=block)
    engine.controls.monitor = "original"
    n = block or 100
    x = np.zeros(n * (9000 // n), np.float32)
    x[3000] = 0.9
    y = in_blocks(engine, x, itertools.repeat(n))
    latency = engine.latency_frames
    assert isinstance(latency, int)
    assert np.argmax(np.abs(y)) == 3000 + latency
    around = y[3000 + latency - 40 : 3000 + latency + 41]
    np.testing.assert_allclose(around, around[::-1], atol=2e-3)  # symmetrical: no fractional delay


@pytest.mark.parametrize("block, g", [(None, 0), (128, 128), (256, 128), (64, 64), (100, 4), (1, 1), (96, 32)])
def test_latency_matches_the_formula(rng, block, g):
    assert aedsp.Engine(autoencoder(rng), block_frames=block).latency_frames == 512 - g
    assert aedsp.Engine(autoencoder(rng), block_frames=block).latency_s == (512 - g) / 22_050
    short = aedsp.Engine(autoencoder(rng, front_end(**ASYMMETRIC)), block_frames=block)
    assert short.latency_frames == 128 - (math.gcd(g, 32) if g else 0)


@pytest.mark.parametrize("block", [None, 128, 100, 1])
def test_bypass_reconstructs_below_minus_110_db(rng, geometry, block):
    engine = aedsp.Engine(autoencoder(rng, geometry), block_frames=block)
    engine.controls.monitor = "original"
    n = block or 777
    impulse = np.zeros(9000 // n * n, np.float32)
    impulse[4000] = 1.0
    for x in (rng.uniform(-0.9, 0.9, len(impulse)).astype(np.float32), music(rng, len(impulse)), impulse):
        engine.reset()
        y = in_blocks(engine, x, itertools.repeat(n))
        error = y[engine.latency_frames :] - x[: len(x) - engine.latency_frames]
        assert 20 * np.log10(np.abs(error).max() + 1e-30) < -110


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000, 96_000])
def test_bypass_at_another_rate_reconstructs_the_shared_band(rng, rate):
    engine = aedsp.Engine(autoencoder(rng), rate)
    engine.controls.monitor = "original"
    t = np.arange(int(rate * 0.6)) / rate
    x = sum(0.1 * np.sin(2 * np.pi * f * t + f) for f in (100, 997, 3001, 0.85 * min(rate, 22_050) / 2)).astype(
        np.float32
    )
    y = engine.process(x)
    error = (y[engine.latency_frames :] - x[: len(x) - engine.latency_frames])[3000:-3000]
    assert level_db(error) - level_db(x) < -90


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 16.001, -1e30])
@pytest.mark.parametrize("rate", [None, 48_000])
def test_bad_samples_count_as_zero_and_are_forgotten(rng, bad, rate):
    model = autoencoder(rng)
    x = music(rng, 20_000)
    damaged, zeroed = x.copy(), x.copy()
    damaged[[500, 501, 2000]], zeroed[[500, 501, 2000]] = bad, 0
    engine, twin = aedsp.Engine(model, rate), aedsp.Engine(model, rate)
    assert np.array_equal(engine.process(damaged), twin.process(zeroed))
    assert engine.statistics.refused_samples == 3 and twin.statistics.refused_samples == 0


def test_sixteen_is_still_audio(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.process(np.array([16, -16], np.float32))
    assert engine.statistics.refused_samples == 0


def test_silence_gives_only_the_decoders_bias_and_no_denormals(rng):
    model = autoencoder(rng)
    engine = aedsp.Engine(model)
    engine.process(music(rng, 4000) * 1e-20)
    y = engine.process(np.zeros(8000, np.float32))
    assert np.isfinite(y).all()
    tiny = np.abs(y[y != 0])
    assert tiny.size == 0 or tiny.min() >= np.finfo(np.float32).tiny


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_output_never_exceeds_full_scale(rng, rate, channels):
    engine = aedsp.Engine(autoencoder(rng), rate, channels=channels)
    engine.controls.gain[:] = 1000
    shape = (20_000,) if channels == 1 else (20_000, channels)
    x = rng.uniform(-16, 16, shape).astype(np.float32)
    y = engine.process(x)
    assert np.abs(y).max() <= 1 and np.isfinite(y).all()
    assert engine.statistics.limited_frames > 10_000


def test_the_limiter_recovers_to_exact_transparency(rng):
    engine, calm = (aedsp.Engine(autoencoder(rng)) for _ in range(2))
    for e in (engine, calm):
        e.controls.monitor = "original"
    x = music(rng, 22_050)
    loud = x.copy()
    loud[3000:3100] += 3
    y, expected = engine.process(loud), calm.process(x)
    back = 3100 + engine.latency_frames + 512 + int(0.2 * 22_050)
    assert np.array_equal(y[back:], expected[back:])
    assert 0 < engine.statistics.limited_frames < 0.2 * 22_050 + 1100
    assert np.array_equal(y[: 2900 + engine.latency_frames - 512], expected[: 2900 + engine.latency_frames - 512])


def test_channels_are_independent_but_share_the_controls(rng):
    model = autoencoder(rng)
    left, right = music(rng, 6000), music(rng, 6000)[::-1].copy()
    stereo, mono = aedsp.Engine(model, channels=2), aedsp.Engine(model)
    for e in (stereo, mono):
        e.controls.gain[2] = 0.3
    both = stereo.process(np.stack([left, right], 1))
    assert np.array_equal(both[:, 0], mono.process(left))
    mono.reset()
    assert np.array_equal(both[:, 1], mono.process(right))
    assert stereo.code.shape == (2, 16) and mono.code.shape == (16,)
    assert np.array_equal(stereo.code[1], mono.code)


def test_code_is_what_the_model_computes(rng):
    model = autoencoder(rng, steps=(aedsp.Power(0.5),))
    engine = aedsp.Engine(model)
    x = music(rng, 128 * 20)
    engine.controls.muted[:] = True  # the code is read before the controls apply
    engine.process(x)
    frame = x[-512:].astype(np.float64)
    magnitude = np.abs(np.fft.rfft(frame * model.front_end.analysis_window())) * model.front_end.magnitude_scale
    np.testing.assert_allclose(engine.code, model.encode(magnitude[None])[0], rtol=1e-4, atol=1e-6)
    code = engine.code
    code[:] = 7
    assert not np.array_equal(engine.code, code)


def test_monitor_switches_at_a_hop_without_changing_latency_or_level(rng):
    engine = aedsp.Engine(autoencoder(rng, encoder="linear"))
    x = music(rng, 128 * 60)
    engine.process(x[: 128 * 20])
    engine.controls.monitor = "original"
    y = engine.process(x[128 * 20 : 128 * 40])
    latency = engine.latency_frames
    settled = y[512 + latency :]
    np.testing.assert_allclose(settled, x[128 * 20 + 512 : 128 * 40 - latency], atol=1e-5)


def test_reset_clears_sound_and_counters_and_keeps_the_controls(rng):
    model = autoencoder(rng)
    engine, fresh = aedsp.Engine(model, 48_000), aedsp.Engine(model, 48_000)
    x = music(rng, 9000)
    bad = x.copy()
    bad[::7] = np.nan
    engine.controls.gain[:] = 3
    engine.process(bad)
    engine.controls.gain[:] = 0.5
    fresh.controls.gain[:] = 0.5
    engine.reset()
    assert engine.statistics == aedsp.Statistics(0, 0, 0, 0)
    assert np.array_equal(engine.process(x), fresh.process(x))
    assert engine.controls.gain[0] == 0.5


def test_out_may_be_given_and_may_be_the_input(rng):
    model = autoencoder(rng)
    x = music(rng, 5000)
    for rate in (None, 48_000):
        expected = aedsp.Engine(model, rate).process(x)
        out = np.full_like(x, np.nan)
        assert aedsp.Engine(model, rate).process(x, out=out) is out
        same = x.copy()
        aedsp.Engine(model, rate).process(same, out=same)
        assert np.array_equal(out, expected) and np.array_equal(same, expected)


def test_other_floats_are_converted_and_the_input_is_unchanged(rng):
    model = autoencoder(rng)
    x = music(rng, 3000)
    expected = aedsp.Engine(model).process(x)
    doubles = x.astype(np.float64)
    kept = doubles.copy()
    assert np.array_equal(aedsp.Engine(model).process(doubles), expected)
    assert np.array_equal(doubles, kept)
    assert np.array_equal(aedsp.Engine(model).process(np.repeat(x, 2)[::2]), expected)
    assert aedsp.Engine(model).process(x[:, None]).shape == (3000, 1)
    assert aedsp.Engine(model).process(x[:0]).shape == (0,)
    assert aedsp.Engine(model).process(np.array([1e300, -1e300])).tolist() == [0, 0]


def test_seed_matters_for_advance_only(rng):
    model = autoencoder(rng)
    x = music(rng, 3000)
    run = lambda **k: aedsp.Engine(model, **k).process(x)
    assert np.array_equal(run(phase="source", seed=1), run(phase="source", seed=2))
    assert np.array_equal(run(phase="auto"), run(phase="source"))
    assert not np.array_equal(run(phase="advance", seed=1), run(phase="advance", seed=2))


@pytest.mark.parametrize(
    "x, error, text",
    [
        (np.zeros(4, int), TypeError, "x has dtype int64; expected floating-point"),
        (np.zeros(4, complex), TypeError, "x has dtype complex128"),
        (np.array([None, 1.0]), TypeError, "x has dtype object"),
        (["a"], TypeError, "x has dtype <U1"),
        (np.zeros((4, 3)), ValueError, r"x has shape \(4, 3\); expected \(frames,\) or \(frames, 1\)"),
        (np.zeros((4, 1, 1)), ValueError, r"x has shape \(4, 1, 1\)"),
        (np.float32(3), ValueError, r"x has shape \(\)"),
    ],
)
def test_process_refuses_invalid_audio(rng, x, error, text):
    with pytest.raises(error, match=text):
        aedsp.Engine(autoencoder(rng)).process(x)


def test_process_refuses_blocks_and_outputs_that_do_not_fit(rng):
    model = autoencoder(rng)
    with pytest.raises(ValueError, match="x has 63 frames; the engine was made for block_frames=64"):
        aedsp.Engine(model, block_frames=64).process(np.zeros(63, np.float32))
    with pytest.raises(ValueError, match=r"expected \(frames, 2\), the engine has 2 channels"):
        aedsp.Engine(model, channels=2).process(np.zeros(64, np.float32))
    x = np.zeros(64, np.float32)
    engine = aedsp.Engine(model)
    for out, error, text in [
        (np.zeros(64), TypeError, "out is float64; expected a float32 array"),
        ([0.0], TypeError, "out is list"),
        (np.zeros(63, np.float32), ValueError, r"out has shape \(63,\); x has \(64,\)"),
        (np.zeros(128, np.float32)[::2], ValueError, "C-contiguous"),
    ]:
        with pytest.raises(error, match=text):
            engine.process(x, out=out)
    room = np.zeros(65, np.float32)
    with pytest.raises(ValueError, match="overlaps x in part"):
        engine.process(room[:64], out=room[1:])


@pytest.mark.parametrize(
    "options, error, text",
    [
        (dict(sample_rate=0), ValueError, "sample_rate is 0; expected 344"),
        (dict(sample_rate=float("nan")), ValueError, "sample_rate is nan"),
        (dict(sample_rate="44100"), TypeError, "sample_rate is '44100'; expected Hz"),
        (dict(channels=0), ValueError, "channels is 0; expected 1 to 64"),
        (dict(channels=1.5), TypeError, "channels is 1.5; expected an integer"),
        (dict(block_frames=0), ValueError, "block_frames is 0"),
        (dict(phase="phgi"), ValueError, "phase is 'phgi'; expected one of"),
        (dict(precision="float64"), ValueError, "precision is 'float64'; expected one of"),
        (dict(refine=65), ValueError, "refine is 65; expected 0 to 64"),
        (dict(seed=-1), ValueError, "seed is -1"),
    ],
)
def test_bad_options_are_refused(rng, options, error, text):
    with pytest.raises(error, match=text):
        aedsp.Engine(autoencoder(rng), **options)


def test_a_path_is_not_a_model():
    with pytest.raises(TypeError, match=r"model is str; expected aedsp.Model, e.g. aedsp.Model.load\(path\)"):
        aedsp.Engine("model.h5")
