"""Target, detail, mix and volume: reference, neutral values, partitions, holds, ramps, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import aedsp
from models import autoencoder, front_end, in_blocks, level_db, music
from reference import engine as reference

ASYMMETRIC = dict(hop_length=32, window="asymmetric", synthesis_length=128)
CQ = dict(kind="cqft", fft_length=1024, window_length=512, hop_length=128, f_min_hz=60.0)
GEOMETRIES = {"symmetric": dict(), "asymmetric": ASYMMETRIC, "constant-Q": CQ}
MODELS = {
    "untied": dict(),
    "tied": dict(tied=True),
    "deep": dict(widths=(40,), level=0.01),
    "context": dict(context=3),
    "power": dict(steps=(aedsp.Power(0.5), aedsp.Normalize(0.9))),
}


def rows(rng, n=16):
    """Gains and overrides as the reference takes them."""
    factor = rng.uniform(0, 2, n)
    factor[3] = 0
    override = np.full(n, np.nan)
    override[5] = 0.02
    return factor, override


def set_rows(controls, factor, override):
    controls.gain[:] = factor
    controls.override[:] = override


def close(engine, y, expected, bar=-80):
    latency = engine.latency_frames
    n = min(len(y) - latency, len(expected))
    assert engine.statistics.limited_frames == 0
    assert level_db(y[latency:][:n] - expected[:n]) - level_db(expected[:n]) < bar


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("amounts", [dict(detail=1.0), dict(detail=0.4, target_amount=0.5), dict(detail=0.7, mix=0.3)])
def test_the_engine_is_the_reference(rng, geometry, options, amounts):
    model = autoencoder(rng, front_end(**geometry), **options)
    x = 0.5 * music(rng, 8000)
    engine = aedsp.Engine(model, precision="float32")
    factor, override = rows(rng)
    target = 0.02 * rng.random(16)
    with engine.controls.together():
        set_rows(engine.controls, factor, override)
        engine.controls.target[:] = target
        for name, value in amounts.items():
            setattr(engine.controls, name, value)
    y = engine.process(x)
    factor, target = np.float32(factor).astype(float), np.float32(target).astype(float)
    close(engine, y, reference.resynthesize(model, x, factor=factor, override=override, target=target, **amounts))


@pytest.mark.parametrize("amounts", [dict(), dict(target_amount=0.3), dict(target_amount=1.0, detail=0.5)])
def test_offsets_are_added_to_the_code(rng, amounts):
    model = autoencoder(rng)
    x = 0.5 * music(rng, 8000)
    engine = aedsp.Engine(model, precision="float32")
    factor, override = rows(rng)
    target, offset = 0.02 * rng.random(16), 0.02 * rng.random(16)
    with engine.controls.together():
        set_rows(engine.controls, factor, override)
        engine.controls.target[:], engine.controls.offset[:] = target, offset
        for name, value in amounts.items():
            setattr(engine.controls, name, value)
    y = engine.process(x)
    values = {"factor": factor, "target": target, "offset": offset}
    values = {name: np.float32(value).astype(float) for name, value in values.items()}
    close(engine, y, reference.resynthesize(model, x, override=override, **values, **amounts))


def test_huge_offsets_stay_finite(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.controls.offset[:], engine.controls.gain[:], engine.controls.target_amount = 3e38, 3e38, 1e-30
    assert np.isfinite(engine.process(0.5 * music(rng, 4000))).all()


@pytest.mark.parametrize("mode", ["advance", "spsi", "pghi", "pghi1"])
@pytest.mark.parametrize("amounts", [dict(detail=1.0), dict(detail=0.5, mix=0.4)])
def test_with_other_phases_too(rng, mode, amounts):
    model = autoencoder(rng)
    x = music(rng, 8000)
    engine = aedsp.Engine(model, phase=mode, seed=7, precision="float32")
    factor, override = rows(rng)
    set_rows(engine.controls, factor, override)
    for name, value in amounts.items():
        setattr(engine.controls, name, value)
    turns = np.random.default_rng(7).random(model.front_end.n_fft_bins)
    expected = reference.resynthesize(
        model, x, factor=np.float32(factor).astype(float), override=override, mode=mode, start_turns=turns, **amounts
    )
    close(engine, engine.process(x), expected)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("amounts", [dict(detail=1.0), dict(mix=0.0)])
def test_untouched_it_is_the_original(rng, geometry, amounts):
    model = autoencoder(rng, front_end(**geometry))
    x = music(rng, 9000)
    engine, monitor = aedsp.Engine(model), aedsp.Engine(model)
    monitor.controls.monitor = "original"
    for name, value in amounts.items():
        setattr(engine.controls, name, value)
    y, original = engine.process(x), monitor.process(x)
    assert level_db(y - original) - level_db(original) < -120
    if "mix" in amounts:
        assert np.array_equal(y, original)


@pytest.mark.parametrize("options", [dict(), dict(sample_rate=48_000), dict(phase="pghi1"), dict(refine=1)])
def test_neutral_values_are_bit_identical_to_their_absence(rng, options):
    model = autoencoder(rng)
    x = music(rng, 6000)
    engine, plain = aedsp.Engine(model, **options), aedsp.Engine(model, **options)
    for e in (engine, plain):
        e.controls.gain[:8] = 0.5
    engine.controls.target[:] = 3.0
    for name, value in dict(target_amount=0.0, detail=0.0, mix=1.0, volume_db=0.0).items():
        setattr(engine.controls, name, value)
    assert np.array_equal(engine.process(x), plain.process(x))


@pytest.mark.parametrize("rate", [None, 48_000, 16_000])
@pytest.mark.parametrize("phase", ["auto", "pghi1"])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_partition_gives_the_same_bits(rng, rate, phase, channels):
    model = autoencoder(rng, front_end(**ASYMMETRIC))
    x = np.stack([music(rng, 5000) for _ in range(channels)], axis=1)

    def run(sizes):
        engine = aedsp.Engine(model, rate, channels=channels, phase=phase)
        engine.controls.gain[:8] = 0.2
        engine.controls.detail, engine.controls.mix, engine.controls.volume_db = 0.8, 0.7, -3.0
        return in_blocks(engine, x, sizes)

    whole = run(itertools.repeat(len(x)))
    for sizes in (itertools.repeat(1), itertools.cycle([1, 700, 64, 2000])):
        assert np.array_equal(run(sizes), whole)


@pytest.mark.parametrize("amount", ["detail", "mix"])
def test_without_an_input_they_have_no_effect(rng, amount):
    model = autoencoder(rng)
    engine, plain = aedsp.Engine(model), aedsp.Engine(model)
    setattr(engine.controls, amount, 0.5)
    assert np.array_equal(engine.generate(5000), plain.generate(5000))
    assert np.array_equal(engine.generate(5000, drive=np.ones((9, 16))), plain.generate(5000, drive=np.ones((9, 16))))


def test_frozen_sound_keeps_its_detail_and_its_controls(rng):
    model = autoencoder(rng)
    x = music(rng, 8000)

    def frozen(**values):
        engine = aedsp.Engine(model)
        engine.controls.detail = 1.0
        engine.process(x)
        engine.controls.frozen = True
        for name, value in values.items():
            getattr(engine.controls, name)[:] = value
        return engine.process(np.zeros(8000, np.float32))[4000:]

    original = aedsp.Engine(model)
    original.controls.monitor = "original"
    original.process(x)
    original.controls.frozen = True
    held = original.process(np.zeros(8000, np.float32))[4000:]
    assert level_db(frozen() - held) - level_db(held) < -100
    assert level_db(frozen(muted=True)) < level_db(held) - 12


def test_frozen_the_original_has_the_phases_of_the_resynthesis(rng):
    model = autoencoder(rng)
    x = music(rng, 8000)
    ends = []
    for mix in (0.0, 0.5, 1.0):
        engine = aedsp.Engine(model)
        engine.controls.mix = mix
        engine.process(x)
        engine.controls.frozen = True
        ends.append(engine.process(np.zeros(8000, np.float32))[4000:].astype(float))
    middle = (ends[0] + ends[2]) / 2
    assert level_db(ends[1] - middle) - level_db(middle) < -100


@pytest.mark.parametrize("rate", [None, 48_000])
def test_volume_ramps_from_a_hops_boundary_and_is_there_within_20_ms(rng, rate):
    model = autoencoder(rng, front_end(**ASYMMETRIC))
    engine, plain = aedsp.Engine(model, rate), aedsp.Engine(model, rate)
    x = rng.uniform(-0.5, 0.5, 12_000).astype(np.float32)
    for e in (engine, plain):
        e.controls.monitor = "original"
    a, b = [engine.process(x[:5000])], [plain.process(x)]
    engine.controls.volume_db = -20.0
    a.append(engine.process(x[5000:]))
    a, b = np.concatenate(a), np.concatenate(b)
    ratio = np.where(np.abs(b) > 1e-3, a / np.where(b == 0, 1, b), np.nan)
    changed = np.flatnonzero(a != b)[0]
    there = 5000 + int(0.020 * engine.sample_rate)
    assert 4900 <= changed <= 5200
    np.testing.assert_allclose(ratio[there:][np.isfinite(ratio[there:])], 0.1, rtol=1e-5)
    ramp = ratio[changed:there]
    ramp = ramp[np.isfinite(ramp) & (ramp > 0.1001)]
    assert np.all(np.diff(ramp) < 1e-6) and ramp[0] > 0.98


@pytest.mark.parametrize("db", [-60.0, -90.0, -59.9, 12.0])
def test_minus_60_db_is_silence_and_reset_jumps(rng, db):
    factor = 10 ** (db / 20) if db > -60 else 0.0
    model = autoencoder(rng)
    engine, plain = aedsp.Engine(model), aedsp.Engine(model)
    x = 0.05 * music(rng, 4000)
    engine.process(x)
    engine.controls.volume_db = db
    engine.reset()
    np.testing.assert_allclose(engine.process(x), plain.process(x) * np.float32(factor), rtol=3e-7)


def test_reset_of_the_units_keeps_detail_mix_and_volume(rng):
    controls = aedsp.Engine(autoencoder(rng)).controls
    controls.target[:], controls.target_amount = 0.5, 0.7
    controls.detail, controls.mix, controls.volume_db, controls.gain[2] = 0.4, 0.3, -5.0, 0.2
    controls.reset(2)
    assert controls.target_amount == 0.7 and controls.gain[2] == 1 and controls.target[2] == 0.5
    controls.reset()
    assert (controls.target_amount, controls.detail, controls.mix, controls.volume_db) == (0.0, 0.4, 0.3, -5.0)


@pytest.mark.parametrize("name", ["target_amount", "detail", "mix", "volume_db"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "1", None, True, 1j, 13.0, -0.01])
def test_wrong_amounts_are_refused(rng, name, value):
    controls = aedsp.Engine(autoencoder(rng)).controls
    if (name, value) == ("volume_db", -0.01):
        controls.volume_db = value
        return
    before = getattr(controls, name)
    with pytest.raises(ValueError, match=f"controls.{name}: value is .*; expected (0 to 1|at most 12)"):
        setattr(controls, name, value)
    assert getattr(controls, name) == before


def test_several_changes_are_undone_together(rng):
    controls = aedsp.Engine(autoencoder(rng)).controls
    with pytest.raises(ValueError), controls.together():
        controls.detail, controls.target[3] = 1.0, 0.5
        controls.mix = 2.0
    assert controls.detail == 0 and controls.target[3] == 0
