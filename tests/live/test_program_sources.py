"""Sources that a program makes: arrays, generators, functions, other streams; several streams at once; taps."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time

import numpy as np
import pytest
import soundfile
import soxr

import aedsp
from aedsp.live import portaudio
from fake_device import DEVICE, install, paced
from models import autoencoder
from patience import wait


@pytest.fixture
def devices(monkeypatch):
    return install(paced(256, 0.0002), monkeypatch.setattr)


def noise(rng, n, kept=0.8):
    """Found where it is and nowhere else; only the lower part of the band, which passes a resampler."""
    x = np.fft.rfft(rng.standard_normal(n))
    x[int(len(x) * kept) :] = 0
    return np.float32(0.1 * np.fft.irfft(x, n))


def identity_engine(rng, rate=22_050.0, channels=1):
    """An engine that monitors its original: what goes in comes out, `latency_frames` later."""
    engine = aedsp.Engine(autoencoder(rng), rate, channels=channels)
    engine.controls.monitor = "original"
    return engine


def played(stream, device):
    """Play to the end; what was heard (frames, channels) without the latency, from the first frame that sounds."""
    stream.start()
    until = time.monotonic() + 20
    while stream.transport != "end":
        assert time.monotonic() < until, "the source does not end"
        time.sleep(0.005)
    time.sleep(0.3)  # the housekeeper reports what was wrong
    stream.close()
    return np.concatenate(device.heard)


def found_in(heard, x, tolerance=1e-5):
    """Whether x (frames, channels), but for the fades at both ends, is in what was heard."""
    middle = x[1000:-1000]
    at = int(np.argmax(np.correlate(heard[:, 0], middle[:2000, 0], "valid")))
    return np.abs(heard[at : at + len(middle)] - middle).max() < tolerance


SHAPES = {"mono": 1, "stereo": 2}


@pytest.mark.parametrize("channels", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", ["array", "float64", "generator", "function", "source", "blocks"])
def test_a_program_s_sound_plays_like_a_file(rng, devices, kind, channels):
    x = np.stack([noise(rng, 30_000), noise(rng, 30_000)[::-1]], 1)[:, :channels]
    blocks = np.split(x, [7, 4000, 4000, 4001, 20_000])
    rest = iter(blocks)
    source = {
        "array": x, "float64": x.astype(np.float64), "generator": (block for block in blocks if len(block)),
        "function": lambda: next((block for block in rest if len(block)), None),
        "source": aedsp.ArraySource(x[:, 0] if channels == 1 else x), "blocks": aedsp.BlockSource(blocks),
    }[kind]  # fmt: skip
    stream = aedsp.Stream(identity_engine(rng, channels=channels), source, output_channels=channels)
    heard = played(stream, devices[0])
    assert found_in(heard, x) and stream.statistics.underruns == 0


def test_positions_loops_and_seeks_of_an_array(rng, devices):
    x = noise(rng, 22_050)
    with aedsp.Stream(identity_engine(rng), aedsp.ArraySource(x, start_s=0.5, loop=True)) as stream:
        assert stream.duration_s == 1.0
        stream.seek(0.25)
        while stream.position_s < 0.3:
            time.sleep(0.002)
        stream.pause()
        stream.change(aedsp.ArraySource(x[:10_000]))
        assert stream.duration_s == pytest.approx(10_000 / 22_050)


def test_other_rates_are_resampled(rng, devices):
    x = noise(rng, 48_000, 0.4)
    for source in (aedsp.ArraySource(x, 48_000), aedsp.BlockSource(np.array_split(x, 9), 48_000)):
        stream = aedsp.Stream(identity_engine(rng), source, output_channels=1)
        assert found_in(played(stream, devices[-1]), soxr.resample(x, 48_000, 22_050)[:, None], 2e-5)


def test_blocks_without_an_end_have_no_duration_and_do_not_seek(rng, devices):
    def hiss():
        while True:
            yield np.float32(0.1 * rng.standard_normal((64, 1)))

    with aedsp.Stream(identity_engine(rng), aedsp.BlockSource(hiss(), ahead_s=0.05)) as stream:
        assert stream.duration_s is None
        stream.seek(3.0)
        time.sleep(0.2)
        assert stream.transport == "play" and stream.position_s > 0
        stream.stop()
        time.sleep(0.05)
        stream.start()
        time.sleep(0.05)
        assert stream._feed.ring.readable <= 0.05 * 22_050 + 4096
    assert np.abs(np.concatenate(devices[0].heard)).max() > 0.1


def test_an_error_in_a_program_s_blocks_is_reported(rng, devices):
    def broken():
        yield noise(rng, 5000)
        raise ValueError("no more")

    said = []
    stream = aedsp.Stream(identity_engine(rng), broken(), on_message=said.append)
    heard = played(stream, devices[0])
    assert len(heard) > 5000 and any("cannot be read further (no more)" in line for line in said)


WRONG = [
    (np.zeros(100, np.int16), TypeError, "x has dtype int16; expected floating-point"),
    (np.zeros((2, 3, 4)), ValueError, r"x has shape \(2, 3, 4\); expected \(frames,\)"),
    (np.zeros(0), ValueError, "x has no frames"),
    (3.5, TypeError, "source is 3.5; expected a path, an array, a generator"),
    ([1, 2], TypeError, r"source is \[1, 2\]; expected a path, an array, a generator"),
]


@pytest.mark.parametrize("source, error, message", WRONG, ids=[w[2][:24] for w in WRONG])
def test_what_is_no_source(rng, devices, source, error, message):
    with pytest.raises(error, match=message):
        aedsp.Stream(identity_engine(rng), source)


def test_blocks_must_keep_their_channels(rng, devices):
    said = []
    blocks = aedsp.BlockSource([noise(rng, 5000), np.zeros((50, 2), np.float32)])
    played(aedsp.Stream(identity_engine(rng), blocks, on_message=said.append), devices[0])
    assert any("a block has 2 channels; the first one had 1" in line for line in said)


def test_a_first_block_that_is_no_audio_is_reported(rng, devices):
    said = []
    played(aedsp.Stream(identity_engine(rng), iter([np.zeros(4, np.int32)]), on_message=said.append), devices[0])
    assert any("cannot be read further (a block has dtype int32; expected floating-point" in line for line in said)


def test_a_tap_hands_out_what_is_played(rng, devices):
    x = noise(rng, 30_000)
    stream = aedsp.Stream(identity_engine(rng), x, output_channels=1)
    tap, parts = stream.tap(5.0), []
    stream.start()
    for block in tap:
        assert block.dtype == np.float32 and block.shape[1] == 1 and len(block)
        parts.append(block)
        if stream.transport == "end":
            tap.close()
    stream.close()
    assert found_in(np.concatenate(parts), x[:, None])
    tap.close()


def test_a_stream_has_four_taps(rng, devices):
    with aedsp.Stream(identity_engine(rng), None) as stream:
        taps = [stream.tap() for _ in range(4)]
        with pytest.raises(RuntimeError, match="the stream has 4 taps already; close one"):
            stream.tap()
        taps[2].close()
        stream.tap()
        next(taps[0])
    assert sum(1 for _ in taps[0]) <= 1  # the rest, then the end, for the stream is closed


@pytest.mark.parametrize("rates", [(22_050, 22_050), (22_050, 44_100)], ids=str)
def test_a_stream_plays_into_another(rng, monkeypatch, rates):
    """One engine after the other, on two devices; what the first plays comes out of the second."""
    paces = iter([paced(256, 200 / rate) for rate in rates])  # a little faster than they play
    devices = install(lambda *device: next(paces)(*device), monkeypatch.setattr)
    x = noise(rng, 30_000)
    first = aedsp.Stream(identity_engine(rng, rates[0]), x, output_channels=1)
    second = aedsp.Stream(identity_engine(rng, rates[1]), aedsp.StreamSource(first), output_channels=1)
    second.start()
    first.start()
    while first.transport != "end":
        time.sleep(0.01)
    time.sleep(0.3)
    first.close()
    while second.transport != "end":
        time.sleep(0.01)
    second.close()
    expected = x if rates[0] == rates[1] else soxr.resample(x, *rates)
    heard = np.concatenate(devices[1].heard)
    at = int(np.argmax(np.correlate(heard[:, 0], expected[3000:6000], "valid")))
    assert np.abs(heard[at : at + 3000, 0] - expected[3000:6000]).max() < 1e-3


def test_several_streams_in_one_process(rng, devices):
    streams = [aedsp.Stream(identity_engine(rng), noise(rng, 60_000), output_channels=1) for _ in range(4)]
    for stream in streams:
        stream.start()
    time.sleep(0.3)
    assert all(stream.statistics.underruns == 0 and stream.frames > 0 for stream in streams)
    for stream in streams:
        stream.close()


def test_a_model_plays_at_the_rate_of_the_device(rng, devices, monkeypatch, tmp_path):
    device = portaudio.Device(**{**DEVICE.__dict__, "sample_rate": 48_000.0}) if hasattr(DEVICE, "__dict__") else DEVICE
    monkeypatch.setattr(portaudio, "find_device", lambda name, kind: device)
    soundfile.write(tmp_path / "x.wav", np.zeros((500, 2)), 44_100)
    with aedsp.Stream(autoencoder(rng), tmp_path / "x.wav") as stream:
        assert (stream.engine.sample_rate, stream.engine.channels) == (device.sample_rate, 2)
    with aedsp.Stream(autoencoder(rng), np.zeros(500)) as stream:
        assert stream.engine.channels == 1


def test_messages_go_to_the_logger_without_on_message(rng, devices, caplog):
    with caplog.at_level(logging.WARNING, "aedsp"), aedsp.Stream(identity_engine(rng), None) as stream:
        stream.say("the device is gone")
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("aedsp", "WARNING", "the device is gone")
    ]


def test_after_an_error_another_source_plays(rng, devices):
    def broken():
        yield noise(rng, 2000)
        raise RuntimeError("boom")

    said = []
    stream = aedsp.Stream(identity_engine(rng), broken(), output_channels=1, on_message=said.append)
    stream.start()
    wait(lambda: stream.transport == "end" and said)
    stream.change(aedsp.ArraySource(noise(rng, 60_000)))
    stream.start()
    wait(lambda: stream.meter().peak > 0.05)
    stream.close()
    assert any(line == "the blocks cannot be read further (boom)" for line in said), said


def test_a_generator_that_blocks_does_not_break_close(rng, devices):
    released = threading.Event()

    def blocked():
        yield noise(rng, 500)
        released.wait(20)
        yield noise(rng, 500)

    stream = aedsp.Stream(identity_engine(rng), aedsp.BlockSource(blocked(), ahead_s=0.1))
    stream.start()
    stream.close()
    stream.engine.process(np.zeros(10))
    released.set()


def test_dropped_and_refused_taps_leave_room_for_others(rng, devices):
    with aedsp.Stream(identity_engine(rng), None) as stream:
        for _ in range(9):
            for _block in stream.tap():
                break
        for wrong, error in (("x", TypeError), (0, ValueError), (-1.0, ValueError)):
            for _ in range(5):
                with pytest.raises(error, match="seconds is"):
                    stream.tap(wrong)
        with stream.tap() as tap:
            assert next(tap).shape[1] == 1


def test_a_stream_source_is_of_now_whenever_it_starts(rng, monkeypatch):
    devices = install(paced(256, 0.011), monkeypatch.setattr)
    counting = np.arange(22_050 * 9, dtype=np.float32)[:, None] * 1e-6
    first = aedsp.Stream(identity_engine(rng), counting, output_channels=1)
    second = aedsp.Stream(identity_engine(rng), aedsp.StreamSource(first, ahead_s=0.1), output_channels=1)
    first.start()
    time.sleep(1.5)
    second.start()
    time.sleep(1.0)
    lag = devices[0].heard[-1][-1, 0] - devices[1].heard[-1][-1, 0]
    first.close()
    second.close()
    assert 0 < lag / 1e-6 / 22_050 < 0.45  # two devices of about 0.05 s each, two engines, and ahead_s


def test_a_model_s_stream_takes_arrays_at_the_model_s_rate(rng, devices, monkeypatch):
    monkeypatch.setattr(portaudio, "find_device", lambda name, kind: dataclasses.replace(DEVICE, sample_rate=48_000.0))
    with aedsp.Stream(autoencoder(rng), noise(rng, 22_050)) as stream:
        assert stream.duration_s == pytest.approx(1.0)


def test_channels_first_are_recognised(rng):
    with pytest.raises(ValueError, match=r"x has shape \(2, 44100\); .* are the channels first\? then pass x\.T"):
        aedsp.ArraySource(np.zeros((2, 44_100)))
