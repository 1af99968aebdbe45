"""Sources and the recorder: positions, rates, loops, ends, damaged files; WAV files valid at all times."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
import soundfile
import soxr

import aedsp
from aedsp._rt.player import Player
from aedsp.audio.reader import Reader, to_channels
from aedsp.engine import time_stretch
from aedsp.live.recorder import Recorder, wav_header
from aedsp.live.sources import (
    FileSource,
    InputSource,
    NoInput,
    as_source,
    channels_of,
)
from aedsp.live.streamer import RING_S, Streamer
from models import autoencoder, music


@pytest.fixture
def song(rng, tmp_path):
    x = np.stack([music(rng, 60_000, 44_100), music(rng, 60_000, 44_100)[::-1]], 1)
    soundfile.write(tmp_path / "song.wav", x, 44_100, subtype="FLOAT")
    return tmp_path / "song.wav", x


def read_all(reader, start, n=None):
    parts, total = [], 0
    for block in reader.blocks(start):
        parts.append(block)
        total += len(block)
        if n is not None and total >= n:
            break
    return np.concatenate(parts)[:n]


def test_a_reader_reads_from_any_frame(song):
    path, x = song
    reader = Reader(path, 44_100, 2)
    for start in (0, 1, 4095, 30_000, 59_999):
        assert np.array_equal(read_all(reader, start), x[start:])
    mono = Reader(path, 44_100, 1)
    np.testing.assert_allclose(read_all(mono, 100)[:, 0], x[100:].mean(axis=1), atol=1e-7)
    reader.close()
    mono.close()


@pytest.mark.parametrize("rate", [48_000, 22_050, 96_000])
def test_other_rates_match_one_shot_resampling(song, rate):
    path, x = song
    reader = Reader(path, rate, 2)
    np.testing.assert_allclose(read_all(reader, 0), soxr.resample(x.astype(np.float32), 44_100, rate), atol=1e-6)
    reader.close()


def test_a_loop_has_no_gap(song):
    path, x = song
    reader = Reader(path, 44_100, 2, loop=True)
    assert np.array_equal(read_all(reader, 50_000, 130_000), np.concatenate([x[50_000:], x, x])[:130_000])
    reader.close()


def test_channels(rng):
    x = rng.uniform(-1, 1, (50, 3)).astype(np.float32)
    assert np.array_equal(to_channels(x, 3), x) and np.array_equal(to_channels(x, 2), x[:, :2])
    assert np.array_equal(to_channels(x[:, :1], 2), x[:, [0, 0]])


class Heard:
    """A streamer with a player that reads from it."""

    def __init__(self, source, rate=44_100, channels=2):
        self.streamer = Streamer(source, rate, channels)
        self.engine = aedsp.Engine(autoencoder(np.random.default_rng(0)), rate, channels=channels)
        self.engine.controls.monitor = "original"
        self.player = Player(
            self.engine.attach(),
            kind="ring",
            sample_rate=rate,
            source=self.streamer.ring,
            time_stretcher=time_stretch.time_stretcher(rate, self.engine.channels),
        )
        self.streamer.start(self.player)

    def run(self, n):
        out = np.empty((n, self.engine.channels), np.float32)
        for at in range(0, n, 512):
            self.player.process(None, out[at : at + 512])
            time.sleep(0.001)
        return out


def test_the_streamer_keeps_the_ring_full_and_small(song):
    heard = Heard(FileSource(song[0], loop=True))
    assert heard.streamer.ring.readable == RING_S * 44_100 and heard.streamer.ring.capacity < (RING_S + 0.3) * 44_100
    heard.player.command("play")
    heard.run(150_000)
    assert heard.player.counters()["underrun_frames"] == 0
    heard.streamer.close()


def test_seek_goes_there_and_reports_the_position(song):
    heard = Heard(FileSource(song[0]))
    heard.player.command("play")
    heard.run(5000)
    assert heard.streamer.position_s == pytest.approx(5120 / 44_100, abs=0.02)
    heard.streamer.seek(0.8)
    time.sleep(0.1)
    heard.run(2048)
    assert heard.streamer.position_s == pytest.approx(0.8 + (2048 - 220) / 44_100, abs=0.001)
    assert heard.player.counters()["sustained_hops"] == 0  # the new segment was ready before the jump
    heard.streamer.seek(1e9)  # beyond the end: clipped
    time.sleep(0.1)
    heard.run(8000)
    assert heard.player.transport == "end" and heard.streamer.position_s == pytest.approx(60_000 / 44_100)
    with pytest.raises(ValueError, match="position is nan s"):
        heard.streamer.seek(float("nan"))
    heard.streamer.close()


def test_a_truncated_file_is_reported_and_played_up_to_there(rng, tmp_path):
    soundfile.write(tmp_path / "w.mp3", np.tile(music(rng, 22_050), 4), 22_050)
    data = (tmp_path / "w.mp3").read_bytes()
    (tmp_path / "half.mp3").write_bytes(data[: len(data) // 2])
    heard = Heard(FileSource(tmp_path / "half.mp3"), 22_050, 1)
    heard.player.command("play")
    heard.run(90_000)
    assert "half.mp3 broke off after" in heard.streamer.warning
    assert heard.player.transport == "end" and heard.player.counters()["underrun_frames"] == 0
    heard.streamer.close()


def test_invalid_sources_are_refused(tmp_path):
    assert as_source(None) == NoInput() and as_source("a.wav") == FileSource("a.wav")
    assert as_source(InputSource("mic")) == InputSource("mic") and channels_of(NoInput()) == 1
    with pytest.raises(TypeError, match="source is 3; expected a path"):
        as_source(3)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 44_100)
    with pytest.raises(aedsp.errors.AudioFileError, match="holds no audio, 0 frames"):
        Streamer(FileSource(tmp_path / "empty.wav"), 44_100, 1)


@pytest.fixture
def playing(rng):
    engine = aedsp.Engine(autoencoder(rng, level=0.03), 44_100)
    player = Player(engine.attach(), kind="none", sample_rate=44_100, recorder_frames=1 << 17)
    player.command("play")

    def run(n):
        out = np.empty((n, 1), np.float32)
        player.process(None, out)
        return out[:, 0]

    return player, run


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_recording_is_what_was_heard_and_readable_at_all_times(playing, tmp_path):
    player, run = playing
    recorder = Recorder(tmp_path / "r.wav", player, 44_100, 1)
    recorder.start()
    heard = [run(10_000)]
    wait_for(lambda: recorder.n_bytes == 40_000)
    assert np.array_equal(soundfile.read(tmp_path / "r.wav", dtype="float32")[0], heard[0])
    heard.append(run(5000))
    assert recorder.stop() == tmp_path / "r.wav"
    y, rate = soundfile.read(tmp_path / "r.wav", dtype="float32")
    assert rate == 44_100 and np.array_equal(y, np.concatenate(heard)) and np.abs(y).max() > 0


def test_flac_is_written_on_stop(playing, tmp_path):
    player, run = playing
    recorder = Recorder(tmp_path / "r.flac", player, 44_100, 1)
    recorder.start()
    y = run(10_000)
    assert recorder.stop() == tmp_path / "r.flac" and [p.name for p in tmp_path.iterdir()] == ["r.flac"]
    np.testing.assert_allclose(soundfile.read(tmp_path / "r.flac", dtype="float32")[0], y, atol=2**-23)


def test_a_full_disk_stops_the_recording_and_nothing_else(playing, tmp_path):
    player, run = playing
    recorder = Recorder(tmp_path / "r.wav", player, 44_100, 1)
    recorder.start()
    heard = run(8000)
    wait_for(lambda: recorder.n_bytes == 32_000)

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            if len(data) > 1000:
                self.file.write(data[:1000])
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    recorder._file = Full(recorder._file)
    run(8000)
    wait_for(lambda: recorder.error is not None)
    assert "recording stopped after 0.2 s (No space left on device)" in recorder.error
    assert np.abs(run(2000)).max() > 0
    recorder.stop()
    assert np.array_equal(soundfile.read(tmp_path / "r.wav", dtype="float32")[0], heard)


def test_past_four_gigabytes_the_header_is_rf64(tmp_path):
    """A sparse file of 5 GB with only its last second written: libsndfile reads length and that second."""
    channels, rate = 2, 48_000
    n_frames = 5 * 2**30 // (4 * channels)
    header = wav_header(rate, channels, n_frames * 4 * channels)
    assert header[:4] == b"RF64" and len(header) == len(wav_header(rate, channels, 100))
    last = np.random.default_rng(0).uniform(-1, 1, (rate, channels)).astype(np.float32)
    with open(tmp_path / "long.wav", "wb") as file:
        file.write(header)
        file.truncate(len(header) + n_frames * 4 * channels)
        file.seek(len(header) + (n_frames - rate) * 4 * channels)
        file.write(last.tobytes())
    with soundfile.SoundFile(tmp_path / "long.wav") as file:
        assert (file.frames, file.samplerate, file.channels, file.subtype) == (n_frames, rate, channels, "FLOAT")
        file.seek(n_frames - rate)
        assert np.array_equal(file.read(rate, dtype="float32"), last)
    assert struct.unpack("<I", wav_header(rate, channels, 2**32 - 200)[4:8])[0] < 2**32 - 1


def test_recordings_never_overwrite_and_have_two_formats(playing, tmp_path):
    player, _ = playing
    (tmp_path / "r.wav").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="recordings never overwrite a file"):
        Recorder(tmp_path / "r.wav", player, 44_100, 1)
    with pytest.raises(FileExistsError):
        Recorder(tmp_path / "r.flac", player, 44_100, 1)  # its WAV would be r.wav
    with pytest.raises(ValueError, match=r"extension is '\.mp3'; expected \.wav or \.flac"):
        Recorder(tmp_path / "r.mp3", player, 44_100, 1)
    assert (tmp_path / "r.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("setting", [(0.25, -24), (0.25, -12), (0.5, 0), (4, 24)])
def test_a_seek_while_time_stretched_is_prompt(song, setting):
    heard = Heard(FileSource(song[0], loop=True))
    heard.player.set_stretch(*setting)
    heard.player.command("play")
    heard.run(30_000)
    heard.streamer.seek(0.5)
    for _ in range(100):
        heard.run(512)
        if not heard.player.seek_pending and heard.streamer.segments.get(max(heard.streamer.segments)) == 22_050:
            break
    assert not heard.player.seek_pending
    y = heard.run(20_000)
    assert np.abs(y[10_000:]).max() > 0.01
    heard.streamer.close()
