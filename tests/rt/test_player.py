"""The player without a device: transport, fades, seeks, underruns, ends; bit-identical for any partition."""

from __future__ import annotations

import numpy as np
import pytest

import aedsp
from aedsp._rt.callback import Callback
from aedsp._rt.player import EVENT_BYTES, EVENTS, Player
from aedsp._rt.ring import ItemRing
from models import autoencoder, level_db, music

RATE = 22_050
FADE, SPLICE = 220, 110


class Rig:
    """A player on a ring that the test fills."""

    def __init__(self, model, *, channels=1, block=None, rate=None, kind="ring", monitor="original", phase="auto"):
        self.engine = aedsp.Engine(model, rate, channels=channels, block_frames=block, phase=phase)
        self.engine.controls.monitor = monitor
        self.ring = ItemRing(1 << 16, 4 * channels)
        self.log = ItemRing(1 << 12, EVENT_BYTES)
        self.channels = channels
        self.player = Player(
            self.engine.attach(),
            kind=kind,
            sample_rate=rate or RATE,
            source=self.ring if kind == "ring" else None,
            block_frames=block or 0,
            recorder_frames=1 << 17,
            log=self.log,
        )

    def feed(self, x):
        assert self.ring.write(np.asarray(x, np.float32)) == len(x)

    def run(self, n, sizes=None, x=None):
        out = np.full((n, self.channels), np.nan, np.float32)
        at = 0
        while at < n:
            m = n - at if sizes is None else min(int(next(sizes)), n - at)
            self.player.process(None if x is None else x[at : at + m], out[at : at + m])
            at += m
        return out[:, 0] if self.channels == 1 else out

    def events(self):
        rows = self.log.read(1000, np.int64).reshape(-1, 4)
        return [(EVENTS[kind], int(frame), int(hop), int(value)) for kind, frame, hop, value in rows]


def faded(x, rate=RATE):
    """The input as the engine receives it: the first 5 ms faded in with a raised cosine."""
    n = int(0.005 * rate)
    y = np.array(x, np.float32)
    y[:n] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)
    return y


def sizes_of(rng, most=700):
    return iter(lambda: rng.integers(1, most), None)


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


def test_pause_fades_and_play_resumes(rng):
    """The paused stream equals the playing one with silence inserted, except for the two fades."""
    x = music(rng, 12_000)
    playing, paused = Rig(autoencoder(rng)), Rig(autoencoder(rng))
    for rig in (playing, paused):
        rig.feed(x)
        rig.player.command("play")
    expected = playing.run(9000)
    before = paused.run(4000)
    paused.player.command("pause")
    gap = paused.run(3000)
    paused.player.command("play")
    after = paused.run(4000)
    assert np.array_equal(before, expected[:4000])
    assert np.all(gap[FADE:] == 0) and np.all(np.abs(gap[:FADE]) <= np.abs(expected[4000 : 4000 + FADE]) + 1e-9)
    resumed = expected[4000 + FADE : 8000]
    assert np.array_equal(after[FADE : len(resumed)], resumed[FADE:])
    assert paused.player.counters()["underrun_frames"] == 0


def test_stop_clears_all_audio(rng):
    x = music(rng, 12_000)
    rig = Rig(autoencoder(rng))
    rig.feed(x)
    rig.player.command("play")
    rig.run(3000)
    rig.player.command("stop")
    rig.run(1000)
    rig.player.begin_segment()
    rig.feed(x)
    rig.player.command("play")
    again = rig.run(4000)
    fresh = Rig(autoencoder(rng))
    fresh.feed(x)
    fresh.player.command("play")
    assert np.array_equal(again, fresh.run(4000))


def test_a_seek_makes_no_click(rng):
    """From one tone to another: no step in the output is larger than those of the tones."""
    t = np.arange(20_000) / RATE
    a, b = (0.7 * np.sin(2 * np.pi * f * t + 1).astype(np.float32) for f in (200, 311))
    rig = Rig(autoencoder(rng))
    rig.feed(a)
    rig.player.command("play")
    y = [rig.run(5003)]
    rig.player.begin_segment()
    rig.feed(b)
    y.append(rig.run(6000))
    y = np.concatenate(y)
    latency = rig.engine.latency_frames
    np.testing.assert_allclose(y[latency : latency + 4000], faded(a)[:4000], atol=1e-5)
    np.testing.assert_allclose(
        y[5003 + latency + 2 * SPLICE :], b[SPLICE:][: len(y) - 5003 - latency - 2 * SPLICE], atol=1e-5
    )
    assert np.abs(np.diff(y)).max() < 1.3 * np.abs(np.diff(b)).max()
    assert rig.player.counters()["underrun_frames"] == 0
    assert ("seek", 5003) in [e[:2] for e in rig.events()]


@pytest.mark.parametrize("monitor", ["original", "resynthesized"])
@pytest.mark.parametrize("rate", [None, 44_100])
def test_an_underrun_is_concealed_without_silence_or_click(rng, monitor, rate):
    """A steady tone whose source stalls: the level holds, the waveform has no steps, the count is right."""
    geometry_rate = rate or RATE
    model = autoencoder(rng, encoder="linear", level=1.0)
    t = np.arange(40_000) / geometry_rate
    x = (0.5 * np.sin(2 * np.pi * 861.328125 * t)).astype(np.float32)  # the middle of bin 20
    rig = Rig(model, rate=rate, monitor=monitor)
    rig.feed(x[:20_000])
    rig.player.command("play")
    y = rig.run(24_000)
    rig.feed(x[24_000:])
    y = np.concatenate([y, rig.run(12_000)])
    counters = rig.player.counters()
    assert (
        counters["underrun_frames"] == 4000 and counters["underruns"] >= 1 and counters["sustained_hops"] > 4000 // 256
    )
    steady = y[6000:18_000]
    for at in range(18_000, 34_000, 1000):
        assert abs(level_db(y[at : at + 1000]) - level_db(steady)) < 1.5, at
    assert np.abs(np.diff(y[6000:])).max() < 1.5 * np.abs(np.diff(steady)).max()


def test_a_source_plays_to_its_end_and_then_stops(rng):
    x = music(rng, 5000)
    rig = Rig(autoencoder(rng))
    rig.feed(x)
    rig.player.end_segment()
    rig.player.command("play")
    y = rig.run(9000)
    latency = rig.engine.latency_frames
    np.testing.assert_allclose(y[latency : latency + 5000], faded(x), atol=1e-5)
    assert np.all(y[latency + 5000 + 1 + FADE :] == 0)
    assert rig.player.transport == "end" and rig.player.counters()["underrun_frames"] == 0


@pytest.mark.parametrize("block", [64, 128, 256, 2048])
def test_fixed_blocks_keep_their_shorter_latency_through_pause_and_play(rng, block):
    x = music(rng, 60_000)
    rig = Rig(autoencoder(rng), block=block)
    rig.feed(x)
    rig.player.command("play")
    n = block * -(-4000 // block)
    y = [rig.run(n)]
    rig.player.command("pause")
    y.append(rig.run(n))
    rig.player.command("play")
    y.append(rig.run(n))
    latency = rig.engine.latency_frames
    assert latency == 512 - min(128, block)
    np.testing.assert_allclose(y[0][latency + FADE :], x[FADE : n - latency], atol=1e-5)
    frozen = block * -(-FADE // block)
    np.testing.assert_allclose(y[2][FADE:], x[n + frozen - latency + FADE :][: n - FADE], atol=1e-5)


def test_a_device_source_is_muted_and_not_halted(rng):
    x = music(rng, 9000)[:, None]
    rig = Rig(autoencoder(rng), kind="device")
    assert np.all(rig.run(3000, x=x[:3000]) == 0)
    rig.player.command("play")
    y = rig.run(6000, x=x[3000:])
    latency = rig.engine.latency_frames
    np.testing.assert_allclose(y[FADE:], x[3000 - latency + FADE : 9000 - latency, 0], atol=1e-5)


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


def test_the_player_never_reads_into_a_pending_segment(rng):
    """While fading out to a stop, the player reads up to a new segment and not into it."""
    rig = Rig(autoencoder(rng))
    rig.feed(music(rng, 3000))
    rig.player.command("play")
    rig.run(2950)
    rig.player.command("stop")
    rig.player.begin_segment()
    rig.feed(np.full(4000, 0.25))
    rig.run(700)
    rig.run(1)
    assert rig.ring.taken == 3000 and not rig.player.seek_pending
    rig.player.command("play")
    y = rig.run(3000)
    np.testing.assert_allclose(y[512 : 512 + 2000], faded(np.full(2000, 0.25)), atol=1e-5)


def test_one_seek_at_a_time(rng):
    rig = Rig(autoencoder(rng))
    rig.player.begin_segment()
    with pytest.raises(RuntimeError, match="a seek is still pending"):
        rig.player.begin_segment()
    rig.run(10)
    rig.player.begin_segment(np.zeros((5, 1), np.float32))
    assert rig.ring.readable == 5


@pytest.mark.parametrize("gap", [1, 32, 64, 109, 160])
def test_rapid_seeks_make_no_click(rng, gap):
    t = np.arange(9000) / RATE
    tone = (0.7 * np.sin(2 * np.pi * 300 * t + 1)).astype(np.float32)
    rig = Rig(autoencoder(rng))
    rig.feed(tone)
    rig.player.command("play")
    y = [rig.run(3000)]
    for phase in (1, 2, 3, 4):
        rig.player.begin_segment()
        rig.feed(tone[170 * phase :][:2000])
        y.append(rig.run(gap))
        while rig.player.seek_pending:
            y.append(rig.run(1))
    y.append(rig.run(1500))
    assert np.abs(np.diff(np.concatenate(y))).max() < 1.3 * np.abs(np.diff(tone)).max()


def test_a_pause_at_the_end_leaves_the_transport_at_the_end(rng):
    rig = Rig(autoencoder(rng))
    rig.feed(music(rng, 2000))
    rig.player.end_segment()
    rig.player.command("play")
    rig.run(4000)
    assert rig.player.transport == "end"
    rig.player.command("pause")
    rig.run(100)
    assert rig.player.transport == "end"


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


def test_models_are_taken_while_halted(rng):
    rig = Rig(autoencoder(rng))
    for n in range(1, 30):
        rig.engine.swap(autoencoder(rng, n_code=n))
        rig.run(100)
    assert rig.player.meter()[0].size == 29
    assert [e[0] for e in rig.events()].count("swap") == 29


def test_an_underrun_before_the_first_hop_leaves_every_bin_alive(rng):
    model, x = autoencoder(rng), music(rng, 12_000)
    rig = Rig(model)
    rig.player.command("play")
    rig.run(1000)
    rig.feed(x)
    y = rig.run(8000)
    assert abs(level_db(y[3000:]) - level_db(x[2000:7000])) < 3


def test_a_replaced_callback_is_silent(rng):
    rig = Rig(autoencoder(rng))
    callback = Callback(rig.player, 0, 2, RATE)
    callback.call(None, np.empty((100, 2), np.float32))
    after = Callback(rig.player, 0, 2, RATE, callback)
    out = np.ones((100, 2), np.float32)
    callback.call(None, out)  # a late call of the old one
    assert np.all(out == 0) and after.statistics()["callbacks"] == 1


def test_a_source_shorter_than_one_call_plays(rng):
    model, x = autoencoder(rng), music(rng, 300)

    def run(sizes):
        rig = Rig(model)
        rig.feed(x)
        rig.player.end_segment()
        rig.player.command("play")
        return rig.run(1500, sizes)

    whole = run(None)
    assert np.abs(whole).max() > 0.01
    assert np.array_equal(run(sizes_of(rng, 100)), whole)
