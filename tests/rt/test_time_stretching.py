"""Live time-stretching and transposition: the player with the time-stretcher."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.engine import time_stretch
from models import autoencoder, level_db, music
from player_rig import RATE, Rig


def stretching(channels=1):
    """A player with the time-stretcher that monitors the original."""
    return Rig(autoencoder(np.random.default_rng(0)), channels=channels, stretching=True)


def source(n, channels=1):
    x = music(np.random.default_rng(1), n)
    return x[:, None] if channels == 1 else np.stack([x, -x], axis=1)


def sizes(seed, most=700):
    rng = np.random.default_rng(seed)
    return iter(lambda: int(rng.integers(1, most)), None)


def session(rig, settings, length=9000, cuts=None):
    """Play every (stretch, semitones) pair for `length` frames, in blocks of sizes `cuts` or whole."""
    rig.player.command("play")
    out = []
    for setting in settings:
        rig.player.set_stretch(*setting)
        out.append(rig.run(length, cuts or iter(())))
    return np.concatenate(out)


@pytest.mark.parametrize("channels", [1, 2])
def test_any_partition_is_bit_identical(channels):
    settings = [(1, 0), (1.5, 0), (0.5, 7), (1, -12), (1, 0), (4, 0)]
    found = []
    for cuts in (None, sizes(1), sizes(2, 64)):
        rig = stretching(channels)
        rig.ring.write(source(100_000, channels))
        # settings change at the same frames in all of them
        found.append(session(rig, settings, 9000, cuts))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert level_db(found[0]) > -40


def test_output_is_bit_identical_to_the_source_until_stretched_and_continues_without_a_click():
    x = source(60_000)
    plain, paced = stretching(), stretching()
    for rig in (plain, paced):
        rig.ring.write(x)
    expected = session(plain, [(1, 0)] * 2)
    y = session(paced, [(1, 0), (2, 0)])
    assert np.array_equal(y[:9000], expected[:9000]) and not np.array_equal(y[9000:], expected[9000:])
    assert np.abs(np.diff(y)).max() < 1.5 * np.abs(np.diff(expected)).max()  # no click
    direct = np.concatenate(list(time_stretch.Stretched([x[9000 - 3000 :]], RATE, 1, 2, 0)))[:, 0]
    latency = paced.engine.latency_frames
    spectra = [np.abs(np.fft.rfft(v[4000:8000] * np.hanning(4000))) for v in (y[9000 + latency :], direct[6000:])]
    assert np.linalg.norm(spectra[0] - spectra[1]) < 0.3 * np.linalg.norm(spectra[1])


def test_back_at_1_and_0_it_is_the_source_again():
    x = source(80_000)
    rig, plain = stretching(), stretching()
    rig.ring.write(x)
    y = session(rig, [(1, 0), (1.5, 3), (1, 0), (1, 0)])[27_000 - 2000 :]
    plain.ring.write(x)
    whole = session(plain, [(1, 0)] * 6)
    at = int(np.argmax(np.correlate(whole, y[2000:6000], "valid")))
    difference = whole[at : at + 4000] - y[2000:6000]  # the engine's rounding, on another hop grid
    assert level_db(difference) < level_db(whole) - 120


def test_the_end_comes_after_the_last_frame_has_sounded():
    for stretch in (0.5, 2):
        rig, x = stretching(), source(10_000)
        x[9000:9010] += 0.5
        rig.ring.write(x)
        rig.player.end_segment()
        rig.player.command("play")
        rig.player.set_stretch(stretch, 0)
        y = rig.run(40_000, sizes(3))
        assert rig.player.transport == "end"
        loud = np.flatnonzero(np.abs(y) > 1e-6)
        assert abs(loud[-1] - 10_000 * stretch - rig.engine.latency_frames) < 2500
        assert abs(int(np.abs(y).argmax()) - 9005 * stretch - rig.engine.latency_frames) < 60
        assert rig.player.counters()["underrun_frames"] == 0
        again = stretching()
        again.ring.write(x)
        again.player.end_segment()
        again.player.command("play")
        again.player.set_stretch(stretch, 0)
        assert np.array_equal(again.run(40_000), y)


def test_underruns_are_concealed_and_counted():
    rig = stretching()
    rig.ring.write(source(5000))
    y = session(rig, [(2, 0)], 20_000)
    assert rig.player.counters()["underrun_frames"] > 9000 and level_db(y[15_000:]) > -60
    rig.ring.write(source(30_000))
    assert np.isfinite(rig.run(5000)).all()


def test_a_seek_is_heard_soon_and_the_position_follows():
    rig = stretching()
    rig.ring.write(source(30_000))
    session(rig, [(2, 0)], 10_000)
    assert 0 < rig.player.ahead < 3000
    assert rig.ring.taken - rig.player.ahead == pytest.approx(5000, abs=5)
    tone = (0.2 * np.sin(0.8 * np.arange(30_000))).astype(np.float32)[:, None]
    rig.player.begin_segment(tone)
    y = rig.run(12_000, sizes(5))
    spectrum = np.abs(np.fft.rfft(y[6000:] * np.hanning(6000)))
    assert spectrum.argmax() * 2 * np.pi / 6000 == pytest.approx(0.8, abs=0.002)


def test_changes_are_logged_with_their_frame():
    rig = stretching()
    rig.ring.write(source(30_000))
    session(rig, [(1, 0), (1.5, -2)], 500)
    found = [(frame, value) for kind, frame, _, value in rig.events() if kind == "time_stretch"]
    ((frame, value),) = found
    assert frame == 500
    assert np.frombuffer(value.to_bytes(8, "big", signed=True), ">f4").tolist() == [1.5, -2.0]


@pytest.mark.parametrize("setting", [(5, 0), (0.2, 0), (1, 25), (1, -25), (float("nan"), 0), (1, float("inf"))])
def test_values_out_of_range_raise(setting):
    with pytest.raises(ValueError, match=r"expected 0\.25 to 4 and -24 to 24"):
        stretching().player.set_stretch(*setting)


def test_invalid_samples_are_counted():
    rig, x = stretching(), source(30_000)
    x[5000] = np.nan
    rig.ring.write(x)
    y = session(rig, [(1.5, 0)], 20_000)
    assert np.isfinite(y).all() and level_db(y[15_000:]) > -40
    assert rig.player.counters()["refused_samples"] == 1
