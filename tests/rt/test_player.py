"""The player without a device: its output, recorder, log, meters and channels; bit-identical for any partition."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from aedsp._rt.callback import Callback
from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from models import autoencoder, level_db, music
from player_rig import FADE, RATE, Rig, faded, sizes_of


def test_it_plays_the_output_of_the_engine(rng):
    model, x = autoencoder(rng), music(rng, 8000)
    rig = Rig(model, monitor="resynthesized")
    rig.feed(x)
    assert rig.run(700).tolist() == [0] * 700 and rig.player.transport == "stop"
    assert rig.player.command("play")
    y = rig.run(8000)
    expected = aedsp.Engine(model).process(faded(x))
    assert np.array_equal(y[FADE:], expected[FADE:]) and rig.player.transport == "play"
    assert rig.player.counters()["underrun_frames"] == 0
    assert ("transport", 700) in [e[:2] for e in rig.events()]


@pytest.mark.parametrize("rate", [None, 48_000])
def test_any_partition_is_bit_identical(rng, rate):
    model, x = autoencoder(rng), music(rng, 30_000)

    def session(seed):
        sizes = None if seed is None else sizes_of(np.random.default_rng(seed))
        rig, out = Rig(model, rate=rate, monitor="resynthesized"), []
        step = lambda n: out.append(rig.run(n, sizes))
        rig.feed(x[:9000])
        step(100)
        rig.player.command("play")
        step(3000)
        rig.player.command("pause")
        step(1500)
        rig.player.command("play")
        step(2001)
        rig.player.begin_segment()  # a seek with most of the old segment left
        rig.feed(x[20_000:22_000])
        step(3000)  # underrun: the last code is held
        rig.feed(x[22_000:24_000])
        step(900)
        rig.player.command("stop")
        step(800)
        rig.player.begin_segment()
        rig.feed(x[:3000])
        rig.player.end_segment()
        rig.player.command("play")
        step(7000)
        return np.concatenate(out), rig

    whole, rig = session(None)
    assert rig.player.transport == "end" and rig.player.counters()["underrun_frames"] > 500
    for seed in (1, 2, 3):
        assert np.array_equal(session(seed)[0], whole), seed


def test_the_drive_plays_the_decoder_without_input(rng):
    model = autoencoder(rng, level=0.03)
    rig = Rig(model, kind="none", monitor="resynthesized")
    rig.player.command("play")
    y = rig.run(6000)
    assert np.array_equal(y[FADE:], aedsp.Engine(model).generate(6000)[FADE:]) and level_db(y) > -60


def test_the_recorder_gets_the_output_and_counts_dropped_frames(rng):
    rig = Rig(autoencoder(rng), channels=2)
    x = np.stack([music(rng, 30_000)] * 2, 1)
    rig.feed(x)
    rig.player.command("play")
    rig.run(500)
    rig.player.record(True)
    y = rig.run(4000)
    rig.player.record(False)
    rig.run(500)
    assert np.array_equal(np.concatenate([rig.player.recorded(1000), rig.player.recorded(100_000)]), y)
    rig.player.record(True)
    for _ in range(30):
        rig.run(5000)
    counters = rig.player.counters()
    assert counters["recorded_frames"] == 4000 + (1 << 17) and counters["dropped_frames"] == 150_000 - (1 << 17)


def test_controls_are_logged_at_the_hop_that_applied_them(rng):
    rig = Rig(autoencoder(rng))
    rig.feed(music(rng, 5000))
    rig.player.command("play")
    rig.run(1000)  # hops 0 to 6
    version = rig.engine.controls.version
    rig.engine.controls.gain[3] = 0.5
    rig.run(1000)
    assert ("controls", 1000, 7, version + 1) in rig.events()


def test_meters_show_the_newest_hop(rng):
    rig = Rig(autoencoder(rng), monitor="resynthesized")
    assert rig.player.meter()[0].size == 0
    rig.feed(music(rng, 5000))
    rig.player.command("play")
    y = rig.run(4096)
    code, original, heard, peak, frame = rig.player.meter()
    assert np.array_equal(code, rig.engine.code) and frame == 4096 and 0 < peak <= np.abs(y).max()
    assert original.max() > 0.01 and heard.shape == original.shape and not np.array_equal(original, heard)


@pytest.mark.parametrize(
    "channels, n_in, n_out", [(1, 0, 1), (1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 1), (2, 4, 6), (1, 2, 8)]
)
def test_device_channels_map_to_engine_channels(rng, channels, n_in, n_out):
    rig = Rig(autoencoder(rng), channels=channels, kind="device" if n_in else "ring")
    if not n_in:
        rig.feed(music(rng, 5000))
    callback = Callback(rig.player, n_in, n_out, RATE)
    x = None if not n_in else np.stack([music(rng, 5000) * (i + 1) for i in range(n_in)], 1)
    out = np.full((5000, n_out), np.nan, np.float32)
    rig.player.command("play")
    callback.call(x, out)
    if x is None:
        heard = None
    elif channels == 1:
        heard = x.mean(axis=1, keepdims=True)
    else:
        heard = x[:, [min(c, n_in - 1) for c in range(channels)]]
    if heard is not None:
        late = heard[FADE : 5000 - 512]
        expected = np.zeros((len(late), n_out))
        if channels == 1:
            expected[:, :2] = late
        elif n_out == 1:
            expected = late.mean(axis=1, keepdims=True)
        else:
            expected[:, :channels] = late
        np.testing.assert_allclose(out[512 + FADE :], expected, atol=2e-5)
    assert np.isfinite(out).all()


def test_the_callback_times_itself(rng):
    rig = Rig(autoencoder(rng))
    rig.feed(music(rng, 20_000))
    callback = Callback(rig.player, 0, 2, RATE)
    rig.player.command("play")
    for flags in (0, 4, 4, 16):
        callback.call(None, np.empty((1000, 2), np.float32), flags)
    callback.call(None, np.empty((1, 2), np.float32))
    s = callback.statistics()
    assert s["callbacks"] == 5 and s["callback_frames"] == 4001 and sum(s["load"]) == 5
    assert s["flags"]["output underflow"] == 2 and s["flags"]["priming"] == 1
    assert s["worst_load"] >= s["last_load"] > 0 and s["worst_gap_ms"] > 0


def test_a_wrong_source_raises(rng):
    engine = aedsp.Engine(autoencoder(rng), channels=2)
    with pytest.raises(ValueError, match="source needs items of 8 bytes, one frame of 2 channels"):
        Player(engine.attach(), kind="ring", sample_rate=RATE, source=ItemRing(100, 4))


def test_a_used_engine_is_reset(rng):
    model, x = autoencoder(rng), music(rng, 4000)
    engine = aedsp.Engine(model)
    engine.process(x)
    ring = ItemRing(1 << 14, 4)
    player = Player(engine.attach(), kind="ring", sample_rate=RATE, source=ring)
    ring.write(x)
    player.command("play")
    out = np.empty((3000, 1), np.float32)
    player.process(None, out)
    assert np.array_equal(out[FADE:, 0], aedsp.Engine(model).process(faded(x))[FADE:3000])
    assert player.counters()["hops"] == engine.statistics.hops < 30


def test_a_replaced_callback_is_silent(rng):
    rig = Rig(autoencoder(rng))
    callback = Callback(rig.player, 0, 2, RATE)
    callback.call(None, np.empty((100, 2), np.float32))
    after = Callback(rig.player, 0, 2, RATE, callback)
    out = np.ones((100, 2), np.float32)
    callback.call(None, out)  # a late call of the old one
    assert np.all(out == 0) and after.statistics()["callbacks"] == 1
