"""What a folder holds, and the summary of what was not read."""

from __future__ import annotations

import os

import pytest

from aedsp.errors import TrainingError
from aedsp.train.data import tracks as audio
from aedsp.train.data.build import chosen
from aedsp.train.data.listing import list_folder
from aedsp.train.data.sampling import Draw
from audio_files import RATE, cut_in_half, noise, patched, vbr_mp3, write


def test_linked_folders_are_followed_once_and_circles_end(tmp_path):
    music, elsewhere = tmp_path / "music", tmp_path / "elsewhere"
    for folder in (music, elsewhere):
        folder.mkdir()
    (music / "a.wav").touch()
    (elsewhere / "b.wav").touch()
    (music / "linked").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(music)
    (music / "again").symlink_to(elsewhere)
    assert [path.relative_to(music).as_posix() for path in list_folder(music).audio] == ["a.wav", "again/b.wav"]


def test_one_summary_of_what_was_not_read(tmp_path):
    for name in ("a.wav", "b.m4a", "c.M4A", "d.wma", "e.aac", "f.caf", "._a.wav", "notes.txt", "cover.jpg"):
        (tmp_path / name).touch()
    assert list_folder(tmp_path).remarks() == [
        "5 sound files of other kinds (1 .aac, 1 .caf, 2 .m4a, 1 .wma); "
        "convert them, e.g. ffmpeg -i NAME.aac NAME.flac",
        "1 AppleDouble files of macOS (._*); they hold no audio",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root opens every folder")
def test_closed_folders_are_named(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert "1 folders that cannot be opened" in list_folder(tmp_path).remarks()[0]


def test_a_folder_with_only_other_kinds_says_so(tmp_path):
    (tmp_path / "a.m4a").touch()
    with pytest.raises(
        TrainingError, match=r"contains no audio; .*; not read: 1 sound files of other kinds \(1 \.m4a\)"
    ):
        audio.find_audio(tmp_path)


@pytest.mark.parametrize("at, value, reason", [(24, 1, "a sample rate of 1 Hz"), (24, 2**31, "a sample rate of")])
def test_headers_that_cannot_be_true_are_left_out_by_name(tmp_path, at, value, reason):
    write(tmp_path / "good.wav")
    patched(write(tmp_path / "bad.wav"), at, value)
    tracks, refusals = audio.survey(audio.find_audio(tmp_path), tmp_path)
    kept, more = chosen(tracks, Draw())
    assert [track.path.name for track in kept] == ["good.wav"]
    (refusal,) = refusals + more
    assert refusal.path.name == "bad.wav" and ("sample rate" in refusal.reason or "not readable" in refusal.reason)


def test_files_in_the_range_of_integers_are_left_out_with_the_remedy(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "loud.wav", noise(1) * 300_000, RATE, subtype="FLOAT")
    tracks, (refusal,) = audio.survey(audio.find_audio(tmp_path), tmp_path)
    assert not tracks and "in the range of integers, not in [-1, 1]; divide by 32768" in str(refusal)


def test_lengths_that_lie_do_not_take_rows(tmp_path):
    vbr_mp3(tmp_path / "vbr.mp3", 6)
    cut_in_half(write(tmp_path / "half.flac", 10))
    tracks, refusals = audio.survey(audio.find_audio(tmp_path), tmp_path)
    assert {track.path.name: round(track.n_frames / RATE) for track in tracks} == {"vbr.mp3": 6, "half.flac": 5}
    assert sorted(refusal.path.name for refusal in refusals) == ["half.flac", "vbr.mp3"]


@pytest.mark.parametrize("rate", [22_049.9, 44_056, 96_000, 192_000])
def test_odd_but_possible_rates_work(tmp_path, rate):
    import numpy as np

    import aedsp

    path = write(tmp_path / "x.wav", 1, rate=int(rate))
    (track,), _ = audio.survey([path], tmp_path)
    assert sum(map(len, audio.read_mono(track, RATE))) == pytest.approx(RATE, rel=0.01)
    engine = aedsp.Engine(aedsp.demo_model(), rate)
    assert np.isfinite(engine.process(noise(0.2))).all() and engine.sample_rate == rate


def test_manifests_in_other_encodings(tmp_path):
    write(tmp_path / "a.wav", 1)
    manifest = tmp_path / "MANIFEST.tsv"
    text = "file\tlicense\ntitle\na.wav\tCC0-1.0\tFlügel\n".replace("\ntitle", "\ttitle")
    for data in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        manifest.write_bytes(data)
        assert [path.name for path in audio.find_audio(tmp_path, ["CC0-1.0"])] == ["a.wav"]
    manifest.write_bytes(b"file\tlicense\ncaf\xe9.wav\tCC0-1.0\n")
    with pytest.raises(
        TrainingError, match=r"MANIFEST\.tsv, line 2: not UTF-8 text, and names no file; save it as UTF-8"
    ):
        audio.find_audio(tmp_path, ["CC0-1.0"])
    (tmp_path / "a.wav").rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    assert [os.fsencode(path.name) for path in audio.find_audio(tmp_path, ["CC0-1.0"])] == [b"caf\xe9.wav"]
