"""What each unit changes, measured and estimated, and the memory of the last seconds."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from aedsp.audio.file import written
from aedsp.engine.compile import RECENT_S
from aedsp.engine.effects import NOTHING_DB
from models import autoencoder, front_end, music

CQ = dict(kind="cqft", fft_length=1024, window_length=512, hop_length=128, f_min_hz=60.0)


def energy(x):
    return np.sum(np.square(x, dtype=float))


def by_hand(model, x, **settings):
    whole = aedsp.resynthesize(model, x, precision="float32", **settings)
    muted = settings.pop("muted", {})
    found = []
    for unit in range(model.n_code):
        y = aedsp.resynthesize(model, x, precision="float32", muted={**muted, unit: True}, **settings)
        found.append(10 * np.log10(energy(y - whole) / energy(whole) + 1e-30))
    return np.array(found)


@pytest.mark.parametrize("channels", [1, 2])
def test_measured_is_the_definition(rng, channels):
    model = autoencoder(rng)
    x = np.float32(0.5 * music(rng, 6000))
    x = x if channels == 1 else np.stack([x, x[::-1]], axis=1)
    engine = aedsp.Engine(model, channels=channels, precision="float32")
    engine.controls.gain[2], engine.controls.muted[5], engine.controls.detail = 0.3, True, 0.8
    expected = by_hand(model, x, gain={2: 0.3}, muted={5: True}, detail=0.8)
    found = engine.effects(x)
    heard = np.arange(model.n_code) != 5
    assert found[5] == NOTHING_DB
    assert np.abs(found - expected)[heard].max() < 1e-3


def test_a_file_is_read_at_the_engines_rate(rng, tmp_path):
    model = autoencoder(rng)
    x = np.float32(0.4 * music(rng, 8000))
    with written(tmp_path / "x.wav", model.front_end.sample_rate, 1) as file:
        file.write(x[:, None])
    engine = aedsp.Engine(model)
    assert np.abs(engine.effects(tmp_path / "x.wav") - engine.effects(x)).max() < 0.5


@pytest.mark.parametrize("geometry", [dict(), CQ], ids=["stft", "cqft"])
@pytest.mark.parametrize("amounts", [dict(), dict(detail=1.0), dict(mix=0.5), dict(target_amount=0.5)])
def test_the_estimate_follows_what_is_measured(rng, geometry, amounts):
    model = autoencoder(rng, front_end(**geometry))
    x = np.float32(0.5 * music(rng, 20_000))
    engine = aedsp.Engine(model, channels=1)
    for name, value in amounts.items():
        setattr(engine.controls, name, value)
    engine.controls.target[:] = 0.3
    engine.process(x)
    measured, estimated = engine.effects(x), engine.effects()
    strong = measured > measured.max() - 15
    assert np.abs(estimated - measured)[strong].max() < (5.5 if geometry else 3.5)  # a random decoder changes fast
    assert np.corrcoef(np.argsort(np.argsort(measured)), np.argsort(np.argsort(estimated)))[0, 1] > 0.8


def test_it_remembers_the_last_seconds_of_all_channels_until_the_sound_is_cleared(rng):
    model = autoencoder(rng)
    rate = model.front_end.sample_rate
    engine = aedsp.Engine(model, channels=2)
    assert (engine.effects() == NOTHING_DB).all()
    loud = np.float32(0.5 * music(rng, int(2 * RECENT_S * rate)))
    left = np.stack([loud, np.zeros_like(loud)], axis=1)
    engine.process(left)
    analysed, magnitudes, codes = engine._handle.recent()
    assert analysed.all() and codes.shape[1] == model.n_code
    levels = magnitudes.max(axis=1)
    assert 0.4 < np.mean(levels > 0) < 0.6, "the channels in turn"
    engine.process(np.zeros_like(left))
    assert engine._handle.recent()[1].max() == 0, "only the last seconds"
    engine.process(left)
    engine.reset()
    assert (engine.effects() == NOTHING_DB).all()


def test_the_rows_are_what_the_model_hears(rng):
    model = autoencoder(rng)
    engine = aedsp.Engine(model, precision="float32")
    engine.process(np.float32(0.5 * music(rng, 9000)))
    _, magnitudes, codes = engine._handle.recent()
    assert len(codes) >= 10
    expected = model.encode(magnitudes)
    assert np.abs(codes - expected).max() < 1e-4


def test_a_drive_is_estimated_too_and_knows_no_detail(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.controls.detail = 1.0
    engine.generate(20_000)
    found = engine.effects()
    assert (found > NOTHING_DB).all()
    engine.controls.detail = 0.0
    assert np.array_equal(found, engine.effects())


def test_with_another_model_it_begins_anew(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.process(np.float32(music(rng, 9000)))
    engine.swap(autoencoder(rng, n_code=5))
    assert engine.effects().tolist() == [NOTHING_DB] * 5
    engine.process(np.float32(music(rng, 9000)))
    assert (engine.effects() > NOTHING_DB).any()


def test_what_is_given_is_checked(rng):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(TypeError, match="x has dtype int64"):
        engine.effects(np.arange(10))
    with pytest.raises(ValueError, match="x has shape"):
        engine.effects(np.zeros((10, 3)))


def test_while_models_are_swapped_nothing_is_known(rng):
    engine = aedsp.Engine(autoencoder(rng))
    engine.process(np.float32(music(rng, 9000)))
    state = engine.controls.everything()
    engine.swap(autoencoder(rng, n_code=5))
    assert engine.estimate_effects(state, [0, 9]).tolist() == [NOTHING_DB] * 2
    assert engine.estimate_effects(engine.controls.everything(), [7]).tolist() == [NOTHING_DB]
