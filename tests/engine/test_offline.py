"""Offline resynthesis: arrays and files, same length and rate, latency removed, tail flushed."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.audio import file as audio_file
from aedsp.engine import offline
from models import autoencoder, level_db, music


@pytest.fixture
def model(rng):
    return autoencoder(rng, steps=(aedsp.Power(0.5),))


@pytest.mark.parametrize("rate", [None, 22_050, 44_100, 48_000, 16_000])
@pytest.mark.parametrize("n", [1, 100, 22_050])
def test_the_original_is_returned_aligned_to_the_last_frame(rng, model, rate, n):
    t = np.arange(n) / (rate or 22_050)
    x = (0.5 * np.sin(2 * np.pi * 440 * t) * np.minimum(1, np.minimum(t, t[::-1]) * 20)).astype(np.float32)
    y = aedsp.resynthesize(model, x, rate, monitor="original")
    assert y.shape == x.shape and y.dtype == np.float32
    assert np.abs(y - x).max() < 1e-4


def test_arrays_files_and_streams_of_blocks_agree(rng, model, tmp_path):
    x = np.stack([music(rng, 20_000), music(rng, 20_000)], 1)
    path = tmp_path / "in.wav"
    soundfile.write(path, x, 22_050, subtype="FLOAT")
    expected = aedsp.resynthesize(model, x, 22_050, gain={3: 0.5}, muted={1: True})
    assert np.array_equal(aedsp.resynthesize(model, path, gain={3: 0.5}, muted={1: True}), expected)
    settings = {"monitor": "resynthesized", "gain": {3: 0.5}, "muted": {1: True}}
    offline.render_file({}, model, path, tmp_path / "out.wav", settings)
    assert np.array_equal(audio_file.read(tmp_path / "out.wav")[0], expected)


def test_controls_apply_from_the_first_frame(rng, model):
    x = music(rng, 8000)
    values = rng.random(16)
    engine = aedsp.Engine(model)
    engine.controls.gain[:] = values
    engine.controls.override[2] = 0.5
    engine.controls.sign[1] = -1
    y = engine.process(np.concatenate([x, np.zeros(engine.latency_frames, np.float32)]))
    expected = y[engine.latency_frames :]
    assert np.array_equal(aedsp.resynthesize(model, x, gain=values, override={2: 0.5}, sign={1: -1}), expected)
    assert level_db(aedsp.resynthesize(model, x, muted=True)) < level_db(expected)


def test_empty_audio_is_accepted(model):
    assert aedsp.resynthesize(model, np.zeros(0, np.float32)).shape == (0,)


def test_bad_calls_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match="a file has its own rate; leave it out"):
        aedsp.resynthesize(model, tmp_path / "x.wav", 44_100)
    with pytest.raises(FileNotFoundError, match="no such audio file"):
        aedsp.resynthesize(model, tmp_path / "x.wav")
    with pytest.raises(IndexError, match="there is no unit 99; the model has units 0 to 15"):
        aedsp.resynthesize(model, np.zeros(10, np.float32), gain={99: 1})
    with pytest.raises(ValueError, match=r"x has shape \(1, 2, 3\)"):
        aedsp.resynthesize(model, np.zeros((1, 2, 3), np.float32))
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(aedsp.errors.AudioFileError, match=r"text\.wav: not readable as audio"):
        aedsp.resynthesize(model, tmp_path / "text.wav")


@pytest.mark.parametrize("extension", [".wav", ".flac", ".ogg", ".aiff"])
def test_every_format_is_written_and_read(rng, tmp_path, extension):
    x = music(rng, 5000)[:, None]
    with audio_file.written(tmp_path / f"a b{extension}", 22_050, 1) as out:
        out.write(x)
    y, rate = audio_file.read(tmp_path / f"a b{extension}")
    assert rate == 22_050 and y.shape == x.shape
    assert np.abs(y - x).max() < {".ogg": 0.2, ".flac": 1e-6}.get(extension, 1e-9)


def test_files_are_written_atomically(tmp_path):
    (tmp_path / "old.wav").write_bytes(b"precious")
    with pytest.raises(RuntimeError, match="in the middle"), audio_file.written(tmp_path / "old.wav", 22_050, 1) as out:
        out.write(np.zeros(100))
        raise RuntimeError("in the middle")
    assert [p.name for p in tmp_path.iterdir()] == ["old.wav"]
    assert (tmp_path / "old.wav").read_bytes() == b"precious"
    for name, error, text in [
        ("x.mp4", ValueError, "extension is '.mp4'; expected one of .wav, .flac, .ogg, .aiff"),
        ("no/folder.wav", FileNotFoundError, "no such directory; create it first"),
    ]:
        with pytest.raises(error, match=text), audio_file.written(tmp_path / name, 22_050, 1):
            pass
    with (
        pytest.raises(ValueError, match="takes whole rates up to 10000000 Hz, not"),
        audio_file.written(tmp_path / "x.wav", 22_050.5, 1),
    ):
        pass


def test_memory_does_not_grow_with_the_file(rng, model, tmp_path):
    """Ten minutes of mono need no more memory than one; buffering would show as 5 MB per minute."""
    import tracemalloc

    peaks = []
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.wav"
        soundfile.write(path, np.tile(music(rng, 22_050), 60 * minutes), 22_050)
        tracemalloc.start()
        offline.render_file({}, model, path, tmp_path / "out.wav", {"monitor": "resynthesized"})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6
