"""The true length of files whose headers lie, and what of a file is not read."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.audio import examine as examining
from aedsp.audio import file as audio_file
from aedsp.audio.examine import examine
from aedsp.audio.reader import Reader
from audio_files import RATE, cut_in_half, data_size_at, noise, patched, vbr_mp3, write


def frames_of(path, **options):
    with Reader(path, **options) as reader:
        return sum(len(block) for block in reader.blocks()), reader.warning


def test_an_honest_header_is_believed_without_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(examining, "_decoded", lambda path: pytest.fail("decoded it"))
    for name in ("x.wav", "x.flac", "x.ogg", "x.mp3", "x.aiff"):
        found = examine(write(tmp_path / name))
        assert (found.sample_rate, found.channels, found.remark) == (RATE, 1, "")
        assert found.n_frames == 4 * RATE


def test_a_vbr_mp3_without_xing_header_is_as_long_as_it_can_be_read(tmp_path):
    path = vbr_mp3(tmp_path / "vbr.mp3", 6)
    with audio_file.open_audio(path) as file:
        assert file.frames > 8 * RATE  # what the header makes of it
    found = examine(path)
    assert 5.5 * RATE < found.n_frames < 6.5 * RATE and "frames that its header promises" in found.remark
    assert frames_of(path) == (found.n_frames, f"vbr.mp3 {found.remark}")


def test_a_loop_turns_at_the_true_end(tmp_path):
    path = vbr_mp3(tmp_path / "vbr.mp3", 6)
    n, got = examine(path).n_frames, []
    with Reader(path, loop=True) as reader:
        for block in reader.blocks():
            got.append(block)
            if sum(map(len, got)) > 2.5 * n:
                break
        assert not reader.damaged
    x = np.concatenate(got)[:, 0]
    assert np.abs(x[n : n + RATE // 2]).max() < 0.01 < np.abs(x[2 * RATE : n]).max()  # it begins with silence again


@pytest.mark.parametrize("name", ["x.flac", "x.mp3"])
def test_half_a_file_is_used_as_far_as_it_decodes_with_one_true_sentence(tmp_path, name):
    path = cut_in_half(write(tmp_path / name, 10))
    found = examine(path)
    assert 4 * RATE < found.n_frames < 6 * RATE
    assert found.remark.startswith(f"broke off after {found.n_frames} of the {10 * RATE} frames that its header")
    n, warning = frames_of(path)
    assert n == found.n_frames and warning == f"{name} {found.remark}"
    with pytest.warns(UserWarning, match="broke off after"):
        assert len(aedsp.resynthesize(aedsp.demo_model(), path)) == n


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_the_wav_of_a_crashed_recorder_is_read_as_far_as_there_is_sound(tmp_path, size):
    path = write(tmp_path / "x.wav", 2, subtype="FLOAT")
    patched(path, data_size_at(path), size)
    patched(path, 4, size)
    x, rate = audio_file.read(path)
    assert rate == RATE and np.array_equal(x[:, 0], noise(2))
    with Reader(path) as reader:
        assert np.array_equal(np.concatenate(list(reader.blocks(1000)))[:, 0], noise(2)[1000:])


def test_an_empty_wav_stays_empty(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(0), RATE)
    assert examine(tmp_path / "x.wav").n_frames == 0


def test_joined_files_say_what_is_not_read(tmp_path):
    one = write(tmp_path / "x.ogg").read_bytes()
    (tmp_path / "joined.ogg").write_bytes(one + one + one)
    assert examine(tmp_path / "joined.ogg").remark == "holds 3 Ogg streams one after the other; only the first is read"
    data = write(tmp_path / "a.mp3", rate=44_100).read_bytes() + write(tmp_path / "b.mp3", rate=RATE).read_bytes()
    (tmp_path / "joined.mp3").write_bytes(data)
    assert "bytes after the end of its first MP3 stream, which are not read" in examine(tmp_path / "joined.mp3").remark


def test_nothing_that_decodes_is_an_error(tmp_path):
    path = write(tmp_path / "x.flac")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(aedsp.errors.AudioFileError, match=r"x\.flac: n"):
        examine(path)


@pytest.mark.parametrize("scale, found", [(1, False), (15, False), (32_767 / 0.3, True), (2**31, True)])
def test_floats_in_the_range_of_integers_are_recognised(tmp_path, scale, found):
    soundfile.write(tmp_path / "x.wav", noise(1) * scale, RATE, subtype="FLOAT")
    assert examining.has_integer_scale(tmp_path / "x.wav") is found
    soundfile.write(tmp_path / "y.wav", noise(1), RATE)
    assert not examining.has_integer_scale(tmp_path / "y.wav")


@pytest.mark.parametrize(
    "name",
    [b"caf\xe9.wav", b"new\nline.wav", b"-dash.wav", b"#.wav", b"%41?.wav", "🎹.wav".encode(), b"x" * 246 + b".wav"],
)
def test_any_name_that_the_file_system_allows_can_be_read_and_written(tmp_path, name):
    import os

    path = os.path.join(tmp_path, os.fsdecode(name))
    with audio_file.written(path, RATE, 1) as file:
        file.write(noise(0.5)[:, None])
    assert frames_of(path)[0] == len(noise(0.5)) and os.listdir(os.fsencode(str(tmp_path))) == [name]


def test_pictures_leave_matplotlib_of_the_host_as_it_is(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    from aedsp.audio import plot

    before, path = matplotlib.get_backend(), write(tmp_path / "a$b$ 🎹.wav")
    matplotlib.use("svg")
    try:
        plot.draw_spectrograms(path, path, tmp_path / "x.png")
        assert matplotlib.get_backend().lower() == "svg" and (tmp_path / "x.png").stat().st_size > 1000
    finally:
        matplotlib.use(before)


def test_tags_of_an_mp3_are_no_sound_that_was_left_out(tmp_path):
    data = write(tmp_path / "x.mp3").read_bytes()
    size = 90_000
    cover = b"ID3\x03\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)
    ape = bytes(80_000 - 32) + b"APETAGEX" + bytes(4) + (80_000 - 32).to_bytes(4, "little") + bytes(16)
    start = 0 if data[:3] != b"ID3" else 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
    (tmp_path / "tagged.mp3").write_bytes(cover + data[start:] + ape + b"TAG" + bytes(125))
    assert examine(tmp_path / "tagged.mp3").remark == ""


def test_an_empty_wav_with_text_behind_it_holds_no_sound(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(0), RATE)
    with open(tmp_path / "x.wav", "ab") as file:
        file.write(b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + (14).to_bytes(4, "little") + b"some recorder\0")
    assert examine(tmp_path / "x.wav").n_frames == 0
