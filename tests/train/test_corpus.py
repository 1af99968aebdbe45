"""The corpus: every drawn spectrum is one of the audio's, each goes to one split, nothing grows with the audio."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aedsp.errors import TrainingError
from aedsp.front_end import FrontEnd
from aedsp.train import corpus as corpora
from aedsp.train import tracks as audio

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


def rows_of(corpus: corpora.Corpus) -> dict[str, np.ndarray]:
    return {name: corpus.splits[name].read(0, len(corpus.splits[name])) for name in SPLITS}


def test_a_draw_of_everything_holds_every_window_once(small_corpus, music, small):
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


def test_a_smaller_draw_has_the_counts_asked_for_and_no_spectrum_twice(small_corpus):
    with small_corpus() as corpus:
        rows = rows_of(corpus)
    assert [len(rows[name]) for name in SPLITS] == [200, 200, 1000]
    assert len(np.unique(np.concatenate(list(rows.values())), axis=0)) == 1400


def test_a_full_scale_sine_reads_one(tmp_path, small):
    time = np.arange(8000) / 8000
    soundfile.write(tmp_path / "sine.wav", np.sin(2 * np.pi * 1000 * time), 8000, "FLOAT")
    tracks, _ = audio.survey([tmp_path / "sine.wav"])
    corpora.build(tmp_path / "c.h5", tracks, corpora.Draw(front_end=small))
    with corpora.Corpus(tmp_path / "c.h5") as corpus:
        peaks = corpus.splits["training"].read(0, 100).max(axis=1)
    np.testing.assert_allclose(peaks, 1, atol=1e-5)


def test_the_seed_decides_the_draw(small_corpus):
    rows = []
    for seed in (1, 1, 2):
        with small_corpus(seed=seed) as corpus:
            rows.append(rows_of(corpus)["training"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_random_positions_leave_the_hop_grid(small_corpus, music, small):
    grid = all_windows(music, small)
    with small_corpus(positions="random") as corpus:
        row = rows_of(corpus)["training"][:50]
    distances = [np.abs(grid - one).max(axis=1).min() for one in row]
    assert np.median(distances) > 1e-4


def test_it_is_used_again_only_while_nothing_changed(small_corpus, music, tmp_path, small):
    small_corpus().__exit__(None, None, None)
    path, draw = tmp_path / "corpus.h5", corpora.Draw(front_end=small, n_training=1000, n_validation=200, n_test=200)
    tracks, _ = audio.survey(audio.find_audio(music))
    assert corpora.matches(path, tracks, draw)
    assert not corpora.matches(path, tracks[1:], draw)
    assert not corpora.matches(path, tracks, corpora.Draw(front_end=small))
    os.utime(tracks[0].path, (1, 1))
    assert not corpora.matches(path, tracks, draw)
    assert not corpora.matches(tmp_path / "none.h5", tracks, draw)


def test_a_foreign_file_is_not_overwritten(music, tmp_path, small):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    tracks, _ = audio.survey(audio.find_audio(music))
    with pytest.raises(TrainingError, match=r"notes\.txt exists and is not a corpus"):
        corpora.build(path, tracks, corpora.Draw(front_end=small))
    assert path.read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_broken_off_build_leaves_nothing(music, tmp_path, small, error):
    tracks, _ = audio.survey(audio.find_audio(music))

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise error

    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        corpora.build(tmp_path / "c.h5", tracks, corpora.Draw(front_end=small), stop)
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_breaks_off_is_named_and_leaves_no_gap(music, tmp_path, small, rng):
    """The FLAC header promises 40 s; half of the file is gone."""
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, rng.uniform(-0.5, 0.5, 320_000), 8000)
    (music / "half.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    tracks, _ = audio.survey(audio.find_audio(music))
    draw = corpora.Draw(front_end=small, n_training=10**6, n_validation=2 * 10**5, n_test=2 * 10**5)
    (refusal,) = corpora.build(tmp_path / "c.h5", tracks, draw)
    assert refusal.path.name == "half.flac"
    with corpora.Corpus(tmp_path / "c.h5") as corpus:
        rows = np.concatenate(list(rows_of(corpus).values()))
    n_whole_files = 3 * (1 + (64_000 - 256) // 128)
    n_half_file = 160_000 // 128
    assert n_whole_files + 0.5 * n_half_file < len(rows) <= n_whole_files + n_half_file
    assert rows.any(axis=1).all() and len(np.unique(rows, axis=0)) == len(rows)


def test_files_shorter_than_a_window_are_named(tmp_path, small, rng):
    soundfile.write(tmp_path / "click.wav", rng.uniform(-1, 1, 255), 8000)
    tracks, _ = audio.survey([tmp_path / "click.wav"])
    with pytest.raises(TrainingError, match=r"hold 0 windows of 256 frames at 8000 Hz; training takes at least 2"):
        corpora.build(tmp_path / "c.h5", tracks, corpora.Draw(front_end=small))
    soundfile.write(tmp_path / "long.wav", rng.uniform(-1, 1, 8000), 8000)
    tracks, _ = audio.survey(audio.find_audio(tmp_path))
    (refusal,) = corpora.build(tmp_path / "c.h5", tracks, corpora.Draw(front_end=small))
    assert str(refusal) == "click.wav: is shorter than one window (256 frames)"


def test_memory_does_not_grow_with_the_corpus(tmp_path, small, rng):
    peaks = []
    for seconds in (30, 300):
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, seconds * 8000).astype(np.float32), 8000)
        tracks, _ = audio.survey([path])
        tracemalloc.start()
        corpora.build(tmp_path / f"{seconds}.h5", tracks, corpora.Draw(front_end=small, n_training=1000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6, f"peaks of {peaks} bytes; the longer audio alone is 9.6 MB"


class TestShuffled:
    """Batches of a split."""

    @pytest.mark.parametrize("n, batch", [(1, 1), (7, 3), (8192, 100), (20_001, 100), (5, 100)])
    def test_every_row_comes_once(self, rng, n, batch):
        split = corpora.Split(np.arange(n + 10, dtype=np.float32)[:, None], 5, n + 5)
        batches = list(split.shuffled(batch, rng))
        assert all(len(rows) == batch for rows in batches[:-1]) and 1 <= len(batches[-1]) <= batch
        np.testing.assert_array_equal(np.sort(np.concatenate(batches), axis=None), np.arange(5, n + 5))

    def test_no_two_epochs_are_alike_and_a_seed_repeats_them(self):
        split = corpora.Split(np.arange(500, dtype=np.float32)[:, None], 0, 500)
        first, second = (np.random.default_rng(3) for _ in range(2))
        one, other = (np.concatenate(list(split.shuffled(10, first))) for _ in range(2))
        assert not np.array_equal(one, other)
        np.testing.assert_array_equal(np.concatenate(list(split.shuffled(10, second))), one)
