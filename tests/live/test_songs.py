"""Another song, a drive or a live input while the stream plays: no gap, no click, the right song at the right place."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.signal
import soundfile

import aedsp
from aedsp.errors import AudioFileError, StreamError
from aedsp.live import device as devices_module
from aedsp.live import portaudio
from aedsp.live.segments import CROSSFADE_S
from fake_device import DEVICE
from models import autoencoder
from patience import wait

RATE = 44_100


def chord(notes, seconds=30, level=0.1):
    t = np.arange(int(seconds * RATE)) / RATE
    return (level * sum(np.sin(2 * np.pi * note * t) for note in notes)).astype(np.float32)


@pytest.fixture
def songs(tmp_path):
    for name, notes in (("a", [220, 330]), ("b", [1000, 1250]), ("c", [3000])):
        soundfile.write(tmp_path / f"{name}.wav", chord(notes), RATE, subtype="FLOAT")
    return tmp_path


def open_stream(rng, source, **options):
    engine = aedsp.Engine(autoencoder(rng), RATE, **options)
    engine.controls.monitor = "original"
    return aedsp.Stream(engine, source, output_channels=1)


def heard(devices):
    return np.concatenate([block for device in devices for block in device.heard])[:, 0]


def level_at(x, hz, at, n=8192):
    """Amplitude of a tone in a window of x."""
    part = x[at : at + n] * np.hanning(n)
    return 4 * np.abs(np.mean(part * np.exp(-2j * np.pi * hz * np.arange(n) / RATE)))


def play_until(stream, seconds):
    wait(lambda: stream.frames > seconds * RATE, 20)


def test_the_old_song_fades_while_the_new_one_begins(devices, songs, rng):
    stream = open_stream(rng, songs / "a.wav")
    stream.start()
    play_until(stream, 2)
    at = stream.frames
    stream.change(songs / "b.wav")
    assert stream.source.path == songs / "b.wav" and stream.duration_s == pytest.approx(30)
    play_until(stream, at / RATE + 4)
    stream.close()
    x = heard(devices)[: -RATE // 2]
    old = np.array([level_at(x, 220, i) for i in range(0, len(x) - 8192, 4096)])
    new = np.array([level_at(x, 1000, i) for i in range(0, len(x) - 8192, 4096)])
    begun = int(np.argmax(new > 0.01))
    assert old[2 : begun - 1].min() > 0.09 and old[-4:].max() < 0.001 and new[-4:].min() > 0.09
    both = (old[begun:] > 0.02) & (new[begun:] > 0.02)
    assert 0.5 * CROSSFADE_S < both.sum() * 4096 / RATE < 1.2 * CROSSFADE_S
    power = np.array([np.mean(np.square(x[i : i + 4096])) for i in range(2 * 4096, len(x) - 4096, 1024)])
    assert power.min() > 0.5 * np.median(power), "equal power, but for the short fade at the jump"
    assert stream.statistics.underrun_frames == 0


def test_the_position_is_that_of_the_new_song(devices, songs, rng):
    stream = open_stream(rng, aedsp.FileSource(songs / "a.wav", start_s=10))
    stream.start()
    play_until(stream, 1)
    assert 10.9 < stream.position_s < 14
    stream.change(aedsp.FileSource(songs / "b.wav", start_s=2.0))
    wait(lambda: not stream._player.seek_pending)
    at = stream.frames
    play_until(stream, at / RATE + 1)
    assert stream.position_s == pytest.approx(2 + (stream.frames - at) / RATE, abs=0.3)
    stream.seek(5)
    wait(lambda: 5 <= stream.position_s < 6)
    assert stream.source.path == songs / "b.wav"
    stream.close()


def test_fifty_changes_at_random_moments_without_a_click(devices, songs, rng):
    stream = open_stream(rng, songs / "a.wav")
    stream.start()
    moments = []
    for _ in range(50):
        time.sleep(float(rng.choice([0, 0.002, 0.01, 0.05])))
        moments.append(stream.frames)
        stream.change(aedsp.FileSource(songs / f"{rng.choice(list('abc'))}.wav", start_s=float(rng.random() * 20)))
    play_until(stream, stream.frames / RATE + 2)
    stream.close()
    x = heard(devices)
    high = scipy.signal.sosfilt(scipy.signal.butter(10, 13_000, "high", fs=RATE, output="sos"), x)
    loudest = np.abs(high[2000 : len(high) - 2000]).max()
    assert len(moments) == 50 and 20 * np.log10(loudest) < -60, "a step of 0.2 would be -20 dB"
    assert stream.statistics.underrun_frames == 0


def test_what_cannot_be_read_changes_nothing(devices, songs, rng):
    stream = open_stream(rng, songs / "a.wav")
    stream.start()
    (songs / "no.wav").write_bytes(b"nothing")
    for wrong, error in ((songs / "none.wav", OSError), (songs / "no.wav", AudioFileError)):
        with pytest.raises(error):
            stream.change(wrong)
    with pytest.raises(ValueError, match="no code statistics"):
        stream.change(aedsp.NoInput("typical"))
    assert stream.source.path == songs / "a.wav" and stream.duration_s == pytest.approx(30)
    play_until(stream, 1)
    stream.close()
    with pytest.raises(StreamError, match="closed"):
        stream.change(songs / "b.wav")
    assert level_at(heard(devices), 220, RATE // 2) > 0.09


def test_paused_and_ended_streams_stay_so_and_play_the_new_song(devices, songs, rng):
    soundfile.write(songs / "short.wav", chord([500], 0.5), RATE, subtype="FLOAT")
    stream = open_stream(rng, songs / "short.wav")
    stream.start()
    wait(lambda: stream.transport == "end")
    stream.change(songs / "b.wav")
    time.sleep(0.1)
    assert stream.transport == "end" and stream.position_s < 0.01
    stream.start()
    play_until(stream, stream.frames / RATE + 1)
    assert stream.position_s > 0.5
    stream.pause()
    wait(lambda: stream.transport == "pause")
    stream.change(songs / "a.wav")
    time.sleep(0.05)
    paused = stream.position_s
    assert paused < 0.2
    stream.close()
    assert level_at(heard(devices), 1000, len(heard(devices)) - 60_000) >= 0


def test_to_a_drive_and_back(devices, songs, rng):
    engine = aedsp.Engine(autoencoder(rng, level=0.02), RATE)
    stream = aedsp.Stream(engine, songs / "a.wav", output_channels=1)
    stream.start()
    play_until(stream, 1)
    stream.change(aedsp.NoInput())
    assert stream.duration_s is None and stream.source == aedsp.NoInput()
    wait(lambda: (engine.code == 1).all())
    with pytest.raises(ValueError, match="only a file can be stretched"):
        stream.stretch = 2
    stream.change(songs / "b.wav")
    wait(lambda: not (engine.code == 1).all())
    stream.close()
    assert stream.statistics.underrun_frames == 0


def test_from_a_drive_to_the_first_song(devices, songs, rng):
    stream = open_stream(rng, None)
    stream.start()
    play_until(stream, 0.5)
    stream.change(songs / "c.wav")
    play_until(stream, stream.frames / RATE + 2)
    stream.close()
    x = heard(devices)
    assert level_at(x, 3000, len(x) - 20_000) > 0.09 and stream.statistics.underrun_frames == 0


def test_a_live_input_opens_the_device_anew_muted_and_closes_it_again(devices, songs, rng, monkeypatch):
    asked = []
    real = portaudio.open_stream

    def opening(callback, output, input, n_in, *others):
        asked.append(n_in)
        return real(callback, output, input, n_in, *others)

    monkeypatch.setattr(portaudio, "open_stream", opening)
    stream = open_stream(rng, songs / "a.wav")
    stream.start()
    play_until(stream, 0.5)
    stream.change(aedsp.InputSource())
    assert asked == [0, 1] and stream.transport == "pause"
    stream.start()
    wait(lambda: stream.transport == "play")
    stream.change(songs / "b.wav")
    assert asked == [0, 1, 0]
    stream.start()
    play_until(stream, stream.frames / RATE + 1)
    assert not stream.device_lost and stream.position_s > 0.3
    stream.close()


def test_an_input_that_cannot_be_opened_leaves_the_song_there(devices, songs, rng, monkeypatch):
    stream = open_stream(rng, songs / "a.wav")
    stream.start()

    def find(device, kind):
        if kind == "input":
            raise StreamError("no input device")
        return DEVICE

    monkeypatch.setattr(devices_module.portaudio, "find_device", find)
    with pytest.raises(StreamError, match="no input device"):
        stream.change(aedsp.InputSource())
    assert stream.source.path == songs / "a.wav" and stream.requested_transport == "play"
    play_until(stream, stream.frames / RATE + 0.5)
    stream.close()


def test_a_device_that_is_slow_to_open_is_not_taken_for_lost(devices, songs, rng, monkeypatch):
    said = []
    stream = open_stream(rng, songs / "a.wav")
    stream.on_message = said.append
    stream.start()
    quick = portaudio.open_stream
    monkeypatch.setattr(portaudio, "open_stream", lambda *given: (time.sleep(0.3), quick(*given))[1])
    monkeypatch.setattr(portaudio, "restart", lambda: said.append("restarted"))
    stream.change(aedsp.InputSource())
    stream.change(songs / "b.wav")
    stream.start()
    play_until(stream, stream.frames / RATE + 0.5)
    assert not said and not stream.device_lost
    stream.close()
