"""Which files are found and selected, and that they are read as resampled mono."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from aedsp.errors import TrainingError
from aedsp.train.data import tracks as audio

FORMATS = [
    ("wav", "WAV", "PCM_16", 2e-4),
    ("flac", "FLAC", "PCM_16", 2e-4),
    ("ogg", "OGG", "VORBIS", 0.1),
    ("mp3", "MP3", "MPEG_LAYER_III", 0.1),
    ("aiff", "AIFF", "PCM_16", 2e-4),
]


def write(path: Path, x: np.ndarray, rate: int = 44_100, **options: object) -> Path:
    soundfile.write(path, x, rate, **options)
    return path


@pytest.mark.parametrize("suffix, container, subtype, tolerance", FORMATS)
@pytest.mark.parametrize("rate", [22_050, 32_000, 44_100])
def test_every_format_is_read_as_resampled_mono(tmp_path, suffix, container, subtype, tolerance, rate):
    time = np.arange(2 * rate) / rate
    stereo = 0.5 * np.sin(2 * np.pi * np.outer(time, [440.0, 1000.0]))
    path = write(tmp_path / f"x.{suffix}", stereo, rate, format=container, subtype=subtype)
    (track,), refusals = audio.survey([path], tmp_path)
    read = np.concatenate(list(audio.read_mono(track, 22_050)))
    expected = soxr.resample(stereo.mean(axis=1), rate, 22_050)
    n = min(len(read), len(expected), track.length_at(22_050))
    assert not refusals and n > 0.98 * len(expected)
    assert np.linalg.norm(read[:n] - expected[:n]) <= tolerance * np.linalg.norm(expected)


def test_streaming_is_one_shot_resampling(tmp_path, rng):
    x = rng.uniform(-0.9, 0.9, 300_000).astype(np.float32)
    (track,), _ = audio.survey([write(tmp_path / "x.wav", x, 48_000, subtype="FLOAT")], tmp_path)
    blocks = list(audio.read_mono(track, 22_050))
    expected = soxr.resample(x, 48_000, 22_050)
    assert len(blocks) > 3
    read = np.concatenate(blocks)
    assert abs(len(read) - len(expected)) <= 1
    n = min(len(read), len(expected))
    np.testing.assert_allclose(read[:n], expected[:n], atol=1e-6)


def test_invalid_samples_are_read_as_zero(tmp_path):
    x = np.zeros(1000, np.float32)
    x[10:14] = np.nan, np.inf, -np.inf, 17.0
    x[20] = 0.5
    (track,), _ = audio.survey([write(tmp_path / "x.wav", x, 8000, subtype="FLOAT")], tmp_path)
    read = np.concatenate(list(audio.read_mono(track, 8000)))
    assert np.isfinite(read).all() and abs(read).max() <= 0.51


def test_files_are_found_below_the_folder_in_order(tmp_path):
    for name in ("b/2.WAV", "a/1.flac", "0.ogg", ".hidden.wav", ".git/x.wav", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in audio.find_audio(tmp_path)]
    assert found == ["0.ogg", "a/1.flac", "b/2.WAV"]


def test_unreadable_files_are_named(tmp_path, rng):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"not audio at all")
    good = write(tmp_path / "good.wav", rng.uniform(-0.5, 0.5, 100))
    tracks, refusals = audio.survey([bad, good, tmp_path / "gone.wav"], tmp_path)
    assert [track.path for track in tracks] == [good]
    assert [refusal.path.name for refusal in refusals] == ["bad.wav", "gone.wav"]
    assert "bad.wav: not readable as audio" in str(refusals[0])


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(TrainingError, match=r"nowhere: no such directory; give the folder"):
        audio.find_audio(tmp_path / "nowhere")


def test_a_folder_without_audio(tmp_path):
    with pytest.raises(TrainingError, match=r"contains no audio; expected files that end in \.wav"):
        audio.find_audio(tmp_path)


@pytest.mark.parametrize("inside", [False, True])
def test_tracks_are_selected_by_licence(tmp_path, inside):
    folder = tmp_path / "train"
    folder.mkdir()
    for name in ("free.wav", "not.wav", "unlisted.wav"):
        (folder / name).write_bytes(b"")
    home, prefix = (folder, "") if inside else (tmp_path, "train/")
    rows = ["file\tartist\tlicense", f'{prefix}free.wav\tA "B\tCC0-1.0', f"{prefix}not.wav\tC\tCC-BY-3.0"]
    (home / "MANIFEST.tsv").write_text("\n".join(rows))
    assert [path.name for path in audio.find_audio(folder, ["CC0-1.0"])] == ["free.wav"]
    assert len(audio.find_audio(folder, ["CC0-1.0", "CC-BY-3.0"])) == 2
    with pytest.raises(
        TrainingError, match=r"no track .* under \['X'\]; its manifest lists \['CC-BY-3.0', 'CC0-1.0'\]"
    ):
        audio.find_audio(folder, ["X"])


def test_a_licence_without_a_manifest(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"license needs MANIFEST\.tsv"):
        audio.find_audio(tmp_path, ["CC0-1.0"])


def test_a_manifest_without_the_columns(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "MANIFEST.tsv").write_text("path,license\na.wav,CC0-1.0\n")
    with pytest.raises(TrainingError, match="no columns 'file' and 'license'"):
        audio.find_audio(tmp_path, ["CC0-1.0"])
