"""Swapping a model while it plays: at a hop, without a click; controls are kept, the old model is freed."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

import aedsp
from models import autoencoder, front_end, level_db, music


def test_the_new_model_plays_from_the_next_hop(rng):
    first, second = autoencoder(rng), autoencoder(rng, n_code=5, tied=True)
    x = music(rng, 128 * 60)
    engine, twin = aedsp.Engine(first), aedsp.Engine(second)
    engine.process(x[: 128 * 30])
    engine.swap(second)
    assert engine.model is second and engine.controls.n_units == len(engine.controls.gain) == 5
    y = engine.process(x[128 * 30 :])
    expected = twin.process(x)[128 * 30 :]
    assert engine.code.shape == (5,)
    assert np.array_equal(y[512 + 128 :], expected[512 + 128 :])
    assert not np.array_equal(y[:512], expected[:512])


def test_the_overlap_is_the_crossfade(rng):
    """Between two models with gains 1 and 0.25, no step of the output is larger than the tone's own."""
    geometry = front_end()
    n = geometry.n_bins
    models = [
        aedsp.Model(
            front_end=geometry,
            layers=(
                aedsp.Layer(
                    encoder_weight=np.eye(n),
                    encoder_bias=np.zeros(n),
                    decoder_weight=g * np.eye(n),
                    decoder_bias=np.zeros(n),
                    encoder_activation="linear",
                ),
            ),
        )
        for g in (1.0, 0.25)
    ]
    x = (0.8 * np.sin(2 * np.pi * 441 / 22_050 * np.arange(22_050))).astype(np.float32)
    engine = aedsp.Engine(models[0])
    y = np.concatenate([engine.process(x[:11_000]), (engine.swap(models[1]), engine.process(x[11_000:]))[1]])
    assert np.abs(np.diff(y[2000:])).max() <= 1.02 * np.abs(np.diff(x)).max()
    assert abs(level_db(y[3000:9000]) - level_db(y[14_000:]) - 12.04) < 0.1


def test_controls_are_kept_by_index_and_new_units_are_neutral(rng):
    engine = aedsp.Engine(autoencoder(rng, n_code=4))
    engine.controls.gain[:] = [0.1, 0.2, 0.3, 0.4]
    engine.controls.override[3] = 2
    engine.controls.monitor = "original"
    controls = engine.controls
    engine.swap(autoencoder(rng, n_code=6))
    assert engine.controls is controls
    np.testing.assert_allclose(controls.gain[:], [0.1, 0.2, 0.3, 0.4, 1, 1], rtol=1e-6)
    assert controls.override[3] == 2 and np.isnan(controls.override[5]) and controls.monitor == "original"
    engine.swap(autoencoder(rng, n_code=2))
    np.testing.assert_allclose(controls.gain[:], [0.1, 0.2], rtol=1e-6)
    with pytest.raises(IndexError, match="the model has units 0 to 1"):
        controls.gain[3] = 1


def test_another_front_end_is_refused_and_the_old_model_keeps_playing(rng):
    engine, twin = (aedsp.Engine(autoencoder(np.random.default_rng(1))) for _ in range(2))
    x = music(rng, 4000)
    for other in (front_end(hop_length=64), front_end(sample_rate=44_100)):
        with pytest.raises(aedsp.errors.SwapError, match="only models with the same front end can be swapped"):
            engine.swap(autoencoder(rng, other))
    with pytest.raises(TypeError, match="model is str"):
        engine.swap("m.h5")
    assert np.array_equal(engine.process(x), twin.process(x))


def test_attached_models_are_swapped_by_the_audio_thread_and_freed_here(rng):
    """While the engine is attached, models go through the ring; the ninth pending one is refused."""
    from aedsp._rt.handle import EngineHandle

    engine = aedsp.Engine(autoencoder(rng))
    handle = engine.attach()
    with pytest.raises(RuntimeError, match="another thread"):
        engine.process(np.zeros(100, np.float32))
    models = [autoencoder(rng, n_code=i + 1) for i in range(9)]
    for model in models[:8]:
        engine.swap(model)
    with pytest.raises(aedsp.errors.SwapError, match="has not taken the last models yet"):
        engine.swap(models[8])
    assert engine.model is models[7] and engine.controls.n_units == 8
    handle.detach()
    engine.process(music(rng, 1000))
    assert engine.code.shape == (8,)
    assert isinstance(engine._handle, EngineHandle)


def test_swapping_from_another_thread_while_processing(rng):
    models = [autoencoder(rng, n_code=n) for n in (3, 16, 40)]
    engine = aedsp.Engine(models[0])
    x = music(rng, 22_050)
    stop = threading.Event()

    def swap():
        i = 0
        while not stop.is_set():
            with contextlib.suppress(aedsp.errors.SwapError):
                engine.swap(models[i % 3])
            engine.controls.gain[:] = 0.5 + i % 2
            i += 1

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(30):
            assert np.isfinite(engine.process(x)).all()
    finally:
        stop.set()
        thread.join()


def test_prepare_does_the_work_of_the_swap(rng, monkeypatch):
    from aedsp.engine import engine as module

    models, x = [autoencoder(rng) for _ in range(2)], music(rng, 3000)
    engine, twin = aedsp.Engine(models[0]), aedsp.Engine(models[0])
    models[1].prepare(engine)
    monkeypatch.setattr(module, "compile_model", None)
    engine.swap(models[1])
    monkeypatch.undo()
    twin.swap(models[1])
    assert np.array_equal(engine.process(x), twin.process(x)) and engine.precision == twin.precision
    engine.swap(models[1])  # prepared once, for one swap; later ones do the work again
    assert np.array_equal(engine.process(x), twin.process(x))


def test_the_storage_of_the_weights_is_chosen_once_for_each_model(rng, monkeypatch):
    from aedsp.engine import precision

    if not precision._cpu.fast_halves():
        pytest.skip("this processor does not convert float16 in hardware: nothing is measured")
    model = autoencoder(rng)
    chosen = aedsp.Engine(model).precision
    monkeypatch.setattr(precision, "difference_db", None)
    assert aedsp.Engine(model).precision == chosen


def test_prepare_wants_the_same_front_end(rng):
    with pytest.raises(aedsp.errors.SwapError, match="only models with the same front end"):
        autoencoder(rng, front_end(hop_length=64)).prepare(aedsp.Engine(autoencoder(rng)))
