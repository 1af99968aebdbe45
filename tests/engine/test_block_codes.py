"""Codes of the hops of a block: which, how many, and which input frame each belongs to."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from models import autoencoder, front_end, level_db, music

RATES = {"the model's rate": None, "44.1 kHz": 44_100.0, "48 kHz": 48_000.0, "lower": 16_000.0}


def in_blocks(engine, x, sizes):
    """Codes of all hops, from blocks of the given sizes in turn."""
    shape = (engine.model.n_code,) if engine.channels == 1 else (engine.channels, engine.model.n_code)
    found, at, i = [], 0, 0
    while at < len(x):
        block = x[at : at + sizes[i % len(sizes)]]
        codes = np.full((engine.most_hops(len(block)), *shape), np.nan, np.float32)
        engine.process(block, codes=codes)
        assert engine.n_codes <= len(codes)
        assert not np.isnan(codes[: engine.n_codes]).any() and np.isnan(codes[engine.n_codes :]).all()
        found.append(codes[: engine.n_codes].copy())
        at += len(block)
        i += 1
    return np.concatenate(found)


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_codes_are_the_same_for_any_partition(rng, rate, channels):
    model = autoencoder(rng)
    x = np.stack([music(rng, 9000), music(rng, 9000)[::-1]], 1)[:, :channels]
    x = np.ascontiguousarray(x[:, 0] if channels == 1 else x)
    whole, parts, single = (aedsp.Engine(model, rate, channels=channels) for _ in range(3))
    codes = in_blocks(whole, x, [len(x)])
    assert len(codes) == whole.statistics.hops
    assert codes.tobytes() == in_blocks(parts, x, [64, 1, 700, 128, 2049]).tobytes()
    newest = []
    for at in range(len(x)):  # hop by hop, by the older way
        before = single.statistics.hops
        single.process(x[at : at + 1])
        if single.statistics.hops > before:
            newest.append(single.code)
    assert codes.tobytes() == np.array(newest).tobytes()


@pytest.mark.parametrize("block", [64, 128, 500])
def test_codes_of_fixed_blocks(rng, block):
    engine = aedsp.Engine(autoencoder(rng), 44_100, block_frames=block)
    codes = in_blocks(engine, music(rng, 40 * block), [block])
    assert len(codes) == engine.statistics.hops > 3


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("block", [None, 96])
def test_a_code_belongs_to_the_middle_of_its_window(rng, rate, block):
    """An impulse is in as many windows as overlap; their magnitudes, a Hann window, balance around it."""
    geometry = front_end(hop_length=16)
    model = aedsp.Model(front_end=geometry, layers=(identity(geometry.n_bins),))
    engine = aedsp.Engine(model, rate, block_frames=block, precision="float32")
    ratio = engine.sample_rate / geometry.sample_rate
    for at in (3000, 3011, 3456):
        engine.reset()
        x = np.zeros(96 * 60, np.float32)
        x[at] = 1
        codes = in_blocks(engine, x, [block or 500]).astype(np.float64)
        weight = codes[:, 5:100].sum(1)  # below the resampler's cutoff at any of the rates
        middles = np.array([engine.code_frame(h) for h in range(len(codes))])
        assert abs((weight * middles).sum() / weight.sum() - at) < 0.02 * ratio
    assert engine.code_latency_frames == pytest.approx(ratio * 256)


def identity(n):
    layer = dict(encoder_weight=np.eye(n), encoder_bias=np.zeros(n), decoder_bias=np.zeros(n))
    return aedsp.Layer(**layer, encoder_activation="relu", decoder_activation="linear")


@pytest.mark.parametrize("geometry", [dict(), dict(hop_length=100)], ids=str)
def test_code_frames_are_the_times_of_encode_file(rng, geometry):
    model = autoencoder(rng, front_end(**geometry))
    x = music(rng, 6000)
    codes, times = aedsp.encode_file(model, x)
    engine = aedsp.Engine(model, precision="float32")
    found = in_blocks(engine, x, [1000])
    assert np.abs(found - codes[: len(found)]).max() < 1e-4
    assert [engine.code_frame(h) for h in range(len(times))] == pytest.approx(times * engine.sample_rate)


def test_codes_of_the_decoder_alone(rng):
    engine = aedsp.Engine(autoencoder(rng))
    rows = rng.random((9, 16), np.float32)
    codes = np.empty((9, 16), np.float32)
    engine.generate(9 * 128, drive=rows, codes=codes)
    assert engine.n_codes == 9 and np.array_equal(codes, rows)


def test_codes_do_not_change_the_sound(rng):
    model, x = autoencoder(rng), music(rng, 5000)
    engines = aedsp.Engine(model), aedsp.Engine(model)
    assert np.array_equal(engines[0].process(x), engines[1].process(x, codes=np.empty((99, 16), np.float32)))
    assert engines[0].n_codes == 0


WRONG = [
    (np.empty((9, 15), np.float32), ValueError, r"codes has shape \(9, 15\); expected \(n, 16\)"),
    (np.empty((1, 16), np.float32), ValueError, r"codes has 1 rows; .* may complete 4 hops \(engine.most_hops\)"),
    (np.empty((9, 16)), TypeError, "codes is float64; expected a float32 array"),
    ([0.0], TypeError, "codes is list; expected a float32 NumPy array"),
    (np.empty((9, 32), np.float32)[:, :16], ValueError, "codes is read-only or not C-contiguous"),
]


@pytest.mark.parametrize("codes, error, message", WRONG, ids=[w[2][:24] for w in WRONG])
def test_wrong_codes_are_rejected_before_anything_is_processed(rng, codes, error, message):
    engine = aedsp.Engine(autoencoder(rng))
    with pytest.raises(error, match=message):
        engine.process(music(rng, 400), codes=codes)
    assert engine.statistics.frames == 0


def test_a_swap_to_a_model_of_another_size(rng):
    engine = aedsp.Engine(autoencoder(rng), channels=2)
    codes = np.empty((9, 2, 16), np.float32)
    engine.process(np.zeros((512, 2)), codes=codes)
    engine.swap(autoencoder(rng, n_code=5))
    with pytest.raises(ValueError, match=r"codes has shape \(9, 2, 16\); expected \(n, 2, 5\)"):
        engine.process(np.zeros((512, 2)), codes=codes)


class Tensor:
    """Like torch's: an array that is not NumPy's, with a view."""

    def __init__(self, n):
        self._array = np.zeros(n, np.float32)

    def numpy(self):
        return self._array


def test_tensors_are_refused_by_name(rng):
    engine, x = aedsp.Engine(autoencoder(rng)), music(rng, 4000)
    with pytest.raises(TypeError, match=r"out is test_block_codes.Tensor; .* NumPy array: pass its NumPy view, t"):
        engine.process(x, out=Tensor(4000))
    engine.process(x, out=(out := Tensor(4000)).numpy())
    assert level_db(out.numpy()) > -60


def test_a_torch_tensor_receives_the_sound_through_its_view(rng):
    torch = pytest.importorskip("torch")
    model, x = autoencoder(rng), torch.from_numpy(music(rng, 4000))
    out = torch.zeros(4000)
    with pytest.raises(TypeError, match=r"out is torch.Tensor; expected a float32 NumPy array"):
        aedsp.Engine(model).process(x, out=out)
    aedsp.Engine(model).process(x, out=out.numpy())
    assert np.array_equal(out.numpy(), aedsp.Engine(model).process(x))
