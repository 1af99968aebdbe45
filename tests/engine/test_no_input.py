"""Sound without input: drives, their fade-in, and the spectral freeze."""

import itertools

import numpy as np
import pytest

import aedsp
from aedsp._rt.drive import drawn
from aedsp.live.sources import NoInput
from models import autoencoder, front_end, level_db, music
from reference import engine as reference

RANKS = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
FADE_HOPS = round(0.5 * 22_050 / 128)


def with_statistics(model, rng):
    percentiles = np.sort(rng.random((7, model.n_code)), axis=0)
    known = aedsp.model.model.CodeStatistics(np.zeros(model.n_code), np.ones(model.n_code), percentiles, RANKS)
    return aedsp.Model(layers=model.layers, front_end=model.front_end, code_statistics=known, name="known")


def fade(hops, level=1.0):
    m = np.minimum(np.arange(1, hops + 1), FADE_HOPS + 1)
    return level * (0.5 - 0.5 * np.cos(np.pi * m / (FADE_HOPS + 1)))


def decoded(model, codes, levels, seed):
    """The reference output of codes (n_hops, n_code) with the phases of "advance"."""
    start = np.random.default_rng(seed).random(model.front_end.n_fft_bins)
    z = np.maximum(model.decode(codes), 0) * levels[:, None]
    units = reference.phases_of(z, model.front_end, "advance", start)
    return reference.stft.inverse(z / model.front_end.magnitude_scale * units, model.front_end)


def smooth(t):
    return t**3 * (t * (6 * t - 15) + 10)


def test_constant_is_the_papers_mode_at_minus_12_db_and_fades_in(rng):
    model = autoencoder(rng, level=0.03)
    engine = aedsp.Engine(model, seed=3, phase="advance", precision="float32")
    y = engine.generate(16_000)
    assert y.shape == (16_000,) and engine.code.tolist() == [1] * 16 and engine.statistics.limited_frames == 0
    expected = decoded(model, np.ones((125, 16)), fade(125, 0.25), 3)
    assert (
        level_db(y[128:] - expected[: 16_000 - 128]) - level_db(expected) < -80
    )  # for blocks of any size, a hop of silence comes first
    assert np.abs(y[:1000]).max() < 0.03 * np.abs(y).max()


def test_typical_drives_each_unit_at_its_percentile(rng):
    model = with_statistics(autoencoder(rng), rng)
    engine = aedsp.Engine(model)
    for rank in (1, 40, 90, 99.9):
        engine.generate(500, drive=f"typical:{rank}")
        expected = [np.interp(rank, RANKS, unit) for unit in model.code_statistics.percentiles.T]
        np.testing.assert_allclose(engine.code, expected, rtol=1e-5)
    engine.generate(500, drive="typical")
    np.testing.assert_allclose(
        engine.code, [np.interp(90, RANKS, unit) for unit in model.code_statistics.percentiles.T], rtol=1e-5
    )


def test_walk_is_smooth_seeded_and_inside_the_percentiles(rng):
    model = with_statistics(autoencoder(rng), rng)
    engine, codes = aedsp.Engine(model, seed=5, block_frames=128), []
    for _ in range(300):
        engine.generate(128, drive="walk:3")
        codes.append(engine.code)
    codes = np.array(codes)
    percentiles = model.code_statistics.percentiles
    assert (codes >= percentiles[0] - 1e-6).all() and (codes <= percentiles[-1] + 1e-6).all()
    at = np.arange(300) * 128 / 22_050 * 3
    for unit in (0, 7):
        a = np.array([drawn(5, unit, int(t)) for t in at])
        b = np.array([drawn(5, unit, int(t) + 1) for t in at])
        ranks = 1 + 98 * (a + (b - a) * smooth(at % 1))
        np.testing.assert_allclose(codes[:, unit], np.interp(ranks, RANKS, percentiles[:, unit]), atol=1e-4)
    assert np.abs(np.diff(codes, axis=0)).max() < 0.2 * np.ptp(codes)
    assert np.std([drawn(1, unit, 0) for unit in range(2000)]) == pytest.approx(12**-0.5, rel=0.05)


def test_given_codes_drive_one_hop_each_and_the_last_one_is_held(rng):
    model = autoencoder(rng, level=0.05)
    rows = rng.random((70, 16))
    engine = aedsp.Engine(model, phase="advance", seed=2, precision="float32")
    y = engine.generate(100 * 128, drive=rows)
    codes = np.concatenate([rows, np.repeat(rows[-1:], 30, axis=0)])
    expected = decoded(model, codes, fade(100), 2)
    n = 99 * 128
    assert level_db(y[128:][:n] - expected[:n]) - level_db(expected) < -80
    np.testing.assert_allclose(engine.code, rows[-1], rtol=1e-6)


@pytest.mark.parametrize("drive", ["constant", "typical", "walk:2", "hold"])
@pytest.mark.parametrize("phase", ["auto", "advance", "spsi", "pghi1"])
def test_any_partition_is_bit_identical(rng, drive, phase):
    model = with_statistics(autoencoder(rng), rng)
    x = music(rng, 3000)
    whole, parts = (aedsp.Engine(model, phase=phase, seed=3) for _ in range(2))
    whole.process(x)
    parts.process(x)
    expected = whole.generate(6000, drive=drive)
    found = np.concatenate([parts.generate(n, drive=drive) for n in (1, 999, 128, 4872)])
    assert np.array_equal(found, expected)


def test_controls_apply_to_every_drive(rng):
    model = with_statistics(autoencoder(rng), rng)
    engine = aedsp.Engine(model)
    loud = level_db(engine.generate(30_000, drive="typical")[-4000:])
    engine.controls.muted[:] = True
    engine.generate(2000, drive="typical")
    assert level_db(engine.generate(1000, drive="typical")) < loud - 6  # only the decoder's bias is left
    assert aedsp.Engine(model, channels=2).generate(50).shape == (50, 2)


def identity():
    """A model with as many units as bins that leaves every spectrum unchanged."""
    geometry = front_end()
    eye, nothing = np.eye(geometry.n_bins), np.zeros(geometry.n_bins)
    layer = aedsp.Layer(
        encoder_weight=eye, encoder_bias=nothing, decoder_weight=None, decoder_bias=nothing,
        encoder_activation="relu", decoder_activation="linear",
    )  # fmt: skip
    return aedsp.Model(layers=(layer,), front_end=geometry, name="identity")


def tones(n):
    t = np.arange(n) / 22_050
    return (0.2 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 1000.3 * t)).astype(np.float32)


@pytest.mark.parametrize("monitor", ["original", "resynthesized"])
@pytest.mark.parametrize("block", [64, 5000])
def test_a_frozen_sound_is_sustained(monitor, block):
    """A frozen steady sound does not change, whatever the input."""
    engine = aedsp.Engine(identity())
    engine.controls.monitor = monitor
    x = np.concatenate([tones(10_000), np.zeros(40_000, np.float32)])
    before = engine.process(x[:10_000])
    engine.controls.frozen = True
    code = engine.code
    y = np.concatenate([engine.process(part) for part in np.split(x[10_000:], 40_000 // block)])
    assert np.array_equal(engine.code, code)
    levels = [level_db(part) for part in np.split(y[2000:], 19)]
    assert np.ptp(levels) < 1 and abs(np.mean(levels) - level_db(before[4000:])) < 1
    assert np.abs(np.diff(y)).max() < 1.3 * np.abs(np.diff(before)).max()
    engine.controls.frozen = False
    engine.process(np.zeros(5000, np.float32))
    assert level_db(engine.process(np.zeros(1000, np.float32))) < -100


def test_frozen_any_partition_is_bit_identical(rng):
    model = autoencoder(rng)
    x = music(rng, 20_000)

    def run(sizes):
        engine, out = aedsp.Engine(model), []
        for frozen, part in zip((False, True, False), np.split(x, [8000, 15_000]), strict=True):
            engine.controls.frozen = frozen
            at, size = 0, itertools.cycle(sizes)
            while at < len(part):
                n = next(size)
                out.append(engine.process(part[at : at + n]))
                at += n
        return np.concatenate(out)

    assert np.array_equal(run([20_000]), run([128])) and np.array_equal(run([20_000]), run([1000, 7]))


def test_hold_sustains_the_last_input(rng):
    engine = aedsp.Engine(identity())
    before = engine.process(tones(10_000))
    code = engine.code
    y = engine.generate(20_000, drive="hold")
    assert np.array_equal(engine.code, code)
    assert abs(level_db(y[2000:]) - level_db(before[4000:])) < 1
    assert np.abs(np.diff(y)).max() < 1.3 * np.abs(np.diff(before)).max()
    silent = aedsp.Engine(autoencoder(rng))
    silent.generate(1000, drive="hold")  # no earlier input: the code of silence
    assert np.isfinite(silent.code).all()


def test_given_codes_of_another_model_are_not_read(rng):
    small, large = autoencoder(rng), autoencoder(rng, n_code=500)
    engine = aedsp.Engine(small)
    engine.generate(300, drive=np.zeros((5, 16)))
    engine.swap(large)
    engine._handle.process(None, np.zeros((1000, 1), np.float32))  # as if swapped while generating
    assert engine.code.tolist() == [1] * 500
    found, expected = np.zeros((20_000, 1), np.float32), aedsp.Engine(large).generate(40_000)
    engine._handle.process(None, found)  # at the level of the requested drive
    assert abs(level_db(found[10_000:]) - level_db(expected[20_000:])) < 1
    assert engine.generate(300, drive=np.ones((5, 500))).shape == (300,)


def test_another_drive_fades_in(rng):
    engine = aedsp.Engine(autoencoder(rng, level=0.03), phase="spsi")
    engine.process(0 * tones(10_000))
    engine.generate(20_000, drive="hold")
    y = engine.generate(20_000, drive="constant")
    assert level_db(y[600:1600]) < level_db(y[15_000:]) - 12


def test_without_input_source_equals_auto(rng):
    model = autoencoder(rng)
    assert np.array_equal(aedsp.Engine(model, phase="source").generate(3000), aedsp.Engine(model).generate(3000))


@pytest.mark.parametrize(
    ("drive", "text"),
    [
        ("nonsense", "drive is 'nonsense'; expected constant, typical"),
        ("constant:3", "drive is 'constant:3'; expected"),
        ("typical:101", "drive is 'typical:101'; expected a percentile, 0 to 100"),
        ("walk:-1", "drive is 'walk:-1'; expected a rate in Hz"),
        ("walk:x", "drive is 'walk:x'; expected a rate in Hz"),
        ("walk", "has no code statistics"),
        (np.ones((3, 15)), r"drive is float64 of shape \(3, 15\); expected .* with n_code 16"),
        (np.ones(16), r"drive is float64 of shape \(16,\)"),
        (np.ones((0, 16)), r"drive is float64 of shape \(0, 16\)"),
        (np.full((2, 16), np.nan), "drive has 32 values that are not finite"),
        (np.ones((2, 16), complex), "drive is complex128"),
    ],
)
def test_bad_drives_are_refused(rng, drive, text):
    with pytest.raises(ValueError, match=text):
        aedsp.Engine(autoencoder(rng)).generate(10, drive=drive)


def test_bad_lengths_and_outputs_are_refused(rng):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(ValueError, match="n_frames is -1"):
        engine.generate(-1)
    with pytest.raises(TypeError, match="out is list"):
        engine.generate(3, out=[1, 2, 3])
    with pytest.raises(AttributeError):
        engine.monitor = "original"
    with pytest.raises(ValueError, match="out has 4 frames; n_frames is 10"):
        engine.generate(10, out=np.zeros(4, np.float32))
    with pytest.raises(ValueError, match=r"controls\.frozen: value is 1; expected True or False"):
        engine.controls.frozen = 1
    with pytest.raises(ValueError, match="there is no earlier input to hold"):
        NoInput("hold")
    with pytest.raises(TypeError, match="drive is ndarray; expected a name"):
        NoInput(np.ones((3, 16)))
