"""The transport of the player: fades, seeks, underruns, ends; none of them clicks."""

from __future__ import annotations

import numpy as np
import pytest

from models import autoencoder, front_end, level_db, music
from player_rig import FADE, RATE, Rig, faded, sizes_of

SPLICE = 110  # frames


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
@pytest.mark.parametrize("detail", [0.0, 1.0])
@pytest.mark.parametrize("windows", [{}, {"hop_length": 32, "window": "asymmetric", "synthesis_length": 128}])
def test_an_underrun_is_concealed_without_silence_or_click(rng, monitor, rate, detail, windows):
    """A steady tone whose source stalls: the level holds, the waveform has no steps, the count is right."""
    if windows and monitor == "resynthesized" and not detail:
        pytest.skip("this model's random decoder lifts sidelobes at -140 dB to the level of the tone")
    geometry_rate = rate or RATE
    model = autoencoder(rng, front_end(**windows), encoder="linear", level=1.0)
    t = np.arange(40_000) / geometry_rate
    x = (0.5 * np.sin(2 * np.pi * 861.328125 * t)).astype(np.float32)  # the middle of bin 20
    rig = Rig(model, rate=rate, monitor=monitor)
    rig.engine.controls.detail = detail
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
