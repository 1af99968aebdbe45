"""The corpus: every spectrum comes from the audio, each is in one split, memory does not grow with the audio."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from aedsp.errors import TrainingError
from aedsp.model.front_end import FrontEnd
from aedsp.model.preprocess import Chain
from aedsp.train.data import sampling
from aedsp.train.data import tracks as audio
from aedsp.train.data.batches import Spectra
from aedsp.train.data.build import build_corpus, in_processes, matches
from aedsp.train.data.corpus import Corpus, Split
from aedsp.train.data.sampling import Draw
from reference import constant_q

SPLITS = ("validation", "test", "training")


def all_windows(folder: Path, front_end: FrontEnd) -> np.ndarray:
    """Every spectrum on the hop grid, float64, file after file: ``|rfft(window · frame)| · 2/Σ window``."""
    spectra = []
    for path in sorted(folder.iterdir()):
        x, _ = soundfile.read(path)
        window = front_end.analysis_window()
        for start in range(0, len(x) - len(window) + 1, front_end.hop_length):
            frame = x[start : start + len(window)] * window
            spectra.append(np.abs(np.fft.rfft(frame, front_end.fft_length)) * 2 / window.sum())
    return np.array(spectra)


def split_of(x: np.ndarray) -> Split:
    return Split(x, np.arange(len(x)), np.zeros(len(x), np.int32))


def rows_of(corpus: Corpus) -> dict[str, np.ndarray]:
    return {name: corpus.splits[name].read(0, len(corpus.splits[name])) for name in SPLITS}


def test_a_full_draw_contains_every_window_once(small_corpus, music, small):
    expected = all_windows(music, small)
    with small_corpus(n_training=10**6, n_validation=2 * 10**5, n_test=2 * 10**5) as corpus:
        rows = rows_of(corpus)
    drawn = np.concatenate([rows[name] for name in SPLITS])
    seventh = len(expected) // 7
    assert [len(rows[name]) for name in SPLITS] == [seventh, seventh, len(expected) - 2 * seventh]
    nearest = [int(np.argmin(np.abs(expected - row).sum(axis=1))) for row in drawn]
    assert sorted(nearest) == list(range(len(expected)))
    np.testing.assert_allclose(drawn, expected[nearest], atol=1e-6)
    assert nearest != sorted(nearest)


def test_a_smaller_draw_has_the_requested_counts_and_no_duplicates(small_corpus):
    with small_corpus() as corpus:
        rows = rows_of(corpus)
    assert [len(rows[name]) for name in SPLITS] == [200, 200, 1000]
    assert len(np.unique(np.concatenate(list(rows.values())), axis=0)) == 1400


def test_a_full_scale_sine_reads_one(tmp_path, small):
    time = np.arange(8000) / 8000
    soundfile.write(tmp_path / "sine.wav", np.sin(2 * np.pi * 1000 * time), 8000, "FLOAT")
    tracks, _ = audio.survey([tmp_path / "sine.wav"], tmp_path)
    build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small))
    with Corpus(tmp_path / "c.h5") as corpus:
        peaks = corpus.splits["training"].read(0, 100).max(axis=1)
    np.testing.assert_allclose(peaks, 1, atol=1e-5)


def test_the_seed_decides_the_draw(small_corpus):
    rows = []
    for seed in (1, 1, 2):
        with small_corpus(seed=seed) as corpus:
            rows.append(rows_of(corpus)["training"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_random_positions_are_off_the_hop_grid(small_corpus, music, small):
    grid = all_windows(music, small)
    with small_corpus(positions="random") as corpus:
        row = rows_of(corpus)["training"][:50]
    distances = [np.abs(grid - one).max(axis=1).min() for one in row]
    assert np.median(distances) > 1e-4


def test_it_is_reused_only_if_nothing_has_changed(small_corpus, music, tmp_path, small):
    small_corpus().__exit__(None, None, None)
    path = tmp_path / "corpus.h5"
    draw = Draw(front_end=small, n_training=1000, n_validation=200, n_test=200, split="frame")
    tracks, _ = audio.survey(audio.find_audio(music), music)
    assert matches(path, tracks, draw)
    assert not matches(path, tracks[1:], draw)
    assert not matches(path, tracks, Draw(front_end=small))
    os.utime(tracks[0].path, (1, 1))
    tracks[0].path.rename(tracks[0].path.with_name("renamed.wav"))
    again, _ = audio.survey(audio.find_audio(music), music)
    assert matches(path, again, draw), "content counts, not name or time"
    soundfile.write(music / "renamed.wav", np.zeros(9000), 8000)
    assert not matches(path, audio.survey(audio.find_audio(music), music)[0], draw)
    assert not matches(tmp_path / "none.h5", tracks, draw)


def test_a_foreign_file_is_not_overwritten(music, tmp_path, small):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    tracks, _ = audio.survey(audio.find_audio(music), music)
    with pytest.raises(TrainingError, match=r"notes\.txt exists and is not a corpus"):
        build_corpus(path, tracks, Draw(front_end=small))
    assert path.read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_build_leaves_nothing(music, tmp_path, small, error):
    tracks, _ = audio.survey(audio.find_audio(music), music)

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise error

    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small), stop)
    assert sorted(tmp_path.iterdir()) == before


def test_a_truncated_file_is_named_and_leaves_no_gap(music, tmp_path, small, rng):
    """The FLAC header says 40 s; half of the file is missing."""
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, rng.uniform(-0.5, 0.5, 320_000), 8000)
    (music / "half.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    tracks, (refusal,) = audio.survey(audio.find_audio(music), music)
    assert refusal.path.name == "half.flac" and "frames that its header promises" in refusal.reason
    draw = Draw(front_end=small, n_training=10**6, n_validation=2 * 10**5, n_test=2 * 10**5, split="frame")
    assert build_corpus(tmp_path / "c.h5", tracks, draw) == []
    with Corpus(tmp_path / "c.h5") as corpus:
        rows = np.concatenate(list(rows_of(corpus).values()))
    n_whole_files = 3 * (1 + (64_000 - 256) // 128)
    n_half_file = 160_000 // 128
    assert n_whole_files + 0.5 * n_half_file < len(rows) <= n_whole_files + n_half_file
    assert rows.any(axis=1).all() and len(np.unique(rows, axis=0)) == len(rows)


def test_files_shorter_than_a_window_are_named(tmp_path, small, rng):
    soundfile.write(tmp_path / "click.wav", rng.uniform(-1, 1, 255), 8000)
    tracks, _ = audio.survey([tmp_path / "click.wav"], tmp_path)
    with pytest.raises(TrainingError, match=r"hold 0 windows of 256 frames at 8000 Hz; training needs at least 2"):
        build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small))
    soundfile.write(tmp_path / "long.wav", rng.uniform(-1, 1, 8000), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path), tmp_path)
    (refusal,) = build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small))
    assert str(refusal) == "click.wav: is shorter than one window (256 frames at 8000 Hz)"


def test_memory_does_not_grow_with_the_corpus(tmp_path, small, rng):
    peaks = []
    for seconds in (30, 300):
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, seconds * 8000).astype(np.float32), 8000)
        tracks, _ = audio.survey([path], tmp_path)
        tracemalloc.start()
        build_corpus(tmp_path / f"{seconds}.h5", tracks, Draw(front_end=small, n_training=1000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6, f"peaks of {peaks} bytes; the longer audio alone is 9.6 MB"


def test_by_file_each_file_is_in_one_split(tmp_path, small, rng):
    for i in range(12):
        soundfile.write(tmp_path / f"{i}.wav", rng.uniform(-0.5, 0.5, 8000 + 800 * i), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path), tmp_path)
    draw = Draw(front_end=small, n_training=400, n_validation=80, n_test=80)
    build_corpus(tmp_path / "c.h5", tracks, draw)
    with h5py.File(tmp_path / "c.h5") as file:
        track_of = file["row_track"][:]
        files = {name: set(track_of[file["splits"][name][:]]) for name in SPLITS}
        counts = {name: len(file["splits"][name]) for name in SPLITS}
    assert (
        not files["training"] & files["validation"]
        | files["training"] & files["test"]
        | files["validation"] & files["test"]
    )
    assert counts["training"] == 400 and 40 <= counts["validation"] <= 80 and 40 <= counts["test"] <= 80
    with Corpus(tmp_path / "c.h5") as corpus:
        assert corpus.split_by == "file"


@pytest.mark.parametrize("seconds", [[20] * 12 + [0.1], [20] * 10 + [1], [5] * 8 + [60]])
def test_by_file_no_split_is_too_small(tmp_path, small, rng, seconds):
    for i, s in enumerate(seconds):
        soundfile.write(tmp_path / f"{i}.wav", rng.uniform(-0.5, 0.5, int(s * 8000)), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path), tmp_path)
    for seed in range(4):
        draw = Draw(front_end=small, n_training=60_000, n_validation=5000, n_test=5000, seed=seed)
        build_corpus(tmp_path / "c.h5", tracks, draw)
        with Corpus(tmp_path / "c.h5") as corpus:
            counts = {name: len(split) for name, split in corpus.splits.items()}
        total = sum(counts.values())
        assert min(counts["validation"], counts["test"]) > 0.5 * total / 14, counts
        assert counts["training"] > total / 2, counts


def test_a_silent_file_does_not_make_a_split(tmp_path, small, rng):
    for i in range(12):
        soundfile.write(tmp_path / f"{i}.wav", rng.uniform(-0.5, 0.5, 8000) if i < 6 else np.zeros(8000 + i), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path), tmp_path)
    for seed in range(6):
        draw = Draw(front_end=small, skip_silence_db=-80.0, seed=seed)
        build_corpus(tmp_path / "c.h5", tracks, draw)
        with Corpus(tmp_path / "c.h5") as corpus:
            assert min(map(len, corpus.splits.values())) > 10


def test_two_files_are_split_by_frame(tmp_path, small, rng):
    for i in range(2):
        soundfile.write(tmp_path / f"{i}.wav", rng.uniform(-0.5, 0.5, 8000), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path), tmp_path)
    build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small))
    with Corpus(tmp_path / "c.h5") as corpus:
        assert corpus.split_by == "frame" and min(map(len, corpus.splits.values())) > 5


def test_several_processes_write_the_same_corpus(music, tmp_path, small):
    tracks, _ = audio.survey(audio.find_audio(music), music)
    draw = Draw(front_end=small)
    rows = []
    for processes in (1, 2):
        build_corpus(tmp_path / "c.h5", tracks, draw, run_jobs=in_processes(processes))
        with Corpus(tmp_path / "c.h5") as corpus:
            rows.append(rows_of(corpus))
        (tmp_path / "c.h5").unlink()
    for name in SPLITS:
        np.testing.assert_array_equal(rows[0][name], rows[1][name])


def test_unchanged_spectra_are_copied(music, tmp_path, small, monkeypatch, rng):
    draw, path = Draw(front_end=small), tmp_path / "c.h5"
    build_corpus(path, audio.survey(audio.find_audio(music), music)[0], draw)
    soundfile.write(music / "new.wav", rng.uniform(-0.5, 0.5, 16_000), 8000)
    tracks, _ = audio.survey(audio.find_audio(music), music)
    read = []
    original = sampling.read_mono
    monkeypatch.setattr(
        sampling, "read_mono", lambda track, rate: read.append(track.path.name) or original(track, rate)
    )
    build_corpus(path, tracks, draw)
    assert read == ["new.wav"]
    with Corpus(path) as taken_over:
        rows = rows_of(taken_over)
    path.unlink()
    build_corpus(path, tracks, draw)
    with Corpus(path) as fresh:
        for name in SPLITS:
            np.testing.assert_array_equal(rows[name], rows_of(fresh)[name])


def test_silence_is_skipped_on_request(tmp_path, small, rng):
    x = rng.uniform(-0.5, 0.5, 80_000)
    x[20_000:60_000] = 1e-7
    soundfile.write(tmp_path / "x.wav", x, 8000, "FLOAT")
    tracks, _ = audio.survey([tmp_path / "x.wav"], tmp_path)
    counts = []
    for skip in (None, -80.0):
        build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small, skip_silence_db=skip))
        with Corpus(tmp_path / "c.h5") as corpus:
            rows = np.concatenate(list(rows_of(corpus).values()))
        counts.append(len(rows))
    assert rows.max(axis=1).min() > 1e-4 and 0.48 < counts[1] / counts[0] < 0.53
    with pytest.raises(
        TrainingError, match=r"0 of \d+ spectra can be used, at least 2 are needed; the others are silent"
    ):
        build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small, skip_silence_db=20.0))


def test_context_is_successive_spectra_oldest_first(music, tmp_path, small):
    tracks, _ = audio.survey(audio.find_audio(music), music)
    build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small, context_spectra=3))
    expected = all_windows(music, small)
    with Corpus(tmp_path / "c.h5") as corpus:
        rows = corpus.splits["training"].read(0, 20).reshape(-1, 3, small.n_bins)
    for row in rows:
        at = [int(np.argmin(np.abs(expected - one).sum(axis=1))) for one in row]
        assert at[1] == at[0] + 1 and at[2] == at[0] + 2


def test_constant_q_spectra_are_those_of_the_engine(music, tmp_path, rng):
    """The matrix of the trainer and the kernel of the engine compute the same bands of the same windows."""
    front_end = FrontEnd(
        kind="cqft", sample_rate=8000, fft_length=512, window_length=256, hop_length=128, f_min_hz=60.0, f_max_hz=3000.0
    )
    tracks, _ = audio.survey(audio.find_audio(music), music)
    build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=front_end, split="frame"))
    with Corpus(tmp_path / "c.h5") as corpus:
        rows = corpus.splits["training"].read(0, 10)
    assert rows.shape == (10, front_end.n_bins)
    whole = all_windows(music, front_end)
    q = constant_q.analysis(front_end)
    bands = constant_q.forward(q, whole)
    for row in rows:
        assert np.abs(bands - row).max(axis=1).min() < 1e-5


def test_folders_are_classes(music, tmp_path, small):
    for i in range(3):
        (music / f"klasse {i % 2}").mkdir(exist_ok=True)
        (music / f"{i}.wav").rename(music / f"klasse {i % 2}" / f"{i}.wav")
    tracks, _ = audio.survey(audio.find_audio(music), music)
    build_corpus(tmp_path / "c.h5", tracks, Draw(front_end=small, split="frame"))
    with Corpus(tmp_path / "c.h5") as corpus:
        assert corpus.class_names == ("klasse 0", "klasse 1")
        shares = np.bincount(corpus.splits["training"].classes) / len(corpus.splits["training"])
    np.testing.assert_allclose(shares, [2 / 3, 1 / 3], atol=0.03)


class TestShuffled:
    """Shuffled batches of a split."""

    @pytest.mark.parametrize("n, batch", [(1, 1), (7, 3), (8192, 100), (5, 100)])
    def test_every_row_comes_once(self, rng, n, batch):
        examples = Spectra(split_of(np.arange(n, dtype=np.float32)[:, None]), Chain(), 1)
        batches = [one.x.copy() for one in examples.shuffled(batch, rng)]
        assert all(len(rows) == batch for rows in batches[:-1]) and 1 <= len(batches[-1]) <= batch
        np.testing.assert_array_equal(np.sort(np.concatenate(batches), axis=None), np.arange(n))

    def test_epochs_differ_and_a_seed_repeats_them(self):
        examples = Spectra(split_of(np.arange(500, dtype=np.float32)[:, None]), Chain(), 1)
        first, second = (np.random.default_rng(3) for _ in range(2))
        one, other = (np.concatenate([b.x.copy() for b in examples.shuffled(10, first)]) for _ in range(2))
        assert not np.array_equal(one, other)
        again = np.concatenate([b.x.copy() for b in examples.shuffled(10, second)])
        np.testing.assert_array_equal(again, one)
