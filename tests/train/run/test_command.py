"""`python -m aedsp.train`: from a folder to a model file; one line and exit status 2 for bad input."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from aedsp import Model
from aedsp.train.run import recipe_file as recipes
from aedsp.train.run.recipe import Recipe
from calls import GEOMETRY, call, start


def test_a_folder_becomes_a_model(music, tmp_path, capsys):
    path = tmp_path / "out.h5"
    (music / "bad.wav").write_bytes(b"nothing")
    assert call(music, "-o", path, *GEOMETRY, "--epochs", 3, "--weights", "float16") == 0
    model = Model.load(path)
    assert (model.n_code, model.front_end.n_bins, model.name) == (8, 129, "out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'out.corpus.h5'}: 1 MB of spectra, kept for the next run")
    assert (
        lines[1]
        == "skipped: bad.wav: not readable as audio (Format not recognised); expected wav, flac, ogg, mp3 or aiff"
    )
    assert lines[2] == "3 files, spectra: 1,285 training, 106 validation, 106 test, split by spectrum"
    assert lines[3] == (
        "split by spectrum: 3 files are too few to hold out whole ones; the losses are those of spectra from the same "
        "files (--split file for other files)"
    )
    assert lines[4] == "fewer than the 70,000 spectra of the recipe: the files hold no more"
    assert lines[-2].startswith(f"{path}: 8 units, epoch ")
    assert lines[-1] == f"{tmp_path / 'out.html'}: report of the training, with figures and sound"
    names = ["music", "out.corpus.h5", "out.h5", "out.html", "out.report"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_the_papers_recipe_trains(music, tmp_path):
    assert call(music, "-o", tmp_path / "out.h5", "--recipe", "paper", *GEOMETRY, "--no-report", "--epochs", 1) == 0
    layer = Model.load(tmp_path / "out.h5").layers[0]
    assert (layer.encoder_activation, layer.decoder_activation, layer.tied) == ("sigmoid", "linear", False)


def test_a_named_corpus_is_kept_and_reused(music, tmp_path, capsys):
    arguments = (music, "-o", tmp_path / "out.h5", "--corpus", tmp_path / "c.h5", *GEOMETRY, "--epochs", 1)
    assert call(*arguments) == 0
    assert "reusing" not in capsys.readouterr().out
    written = (tmp_path / "c.h5").stat().st_mtime_ns
    assert call(*arguments) == 0
    assert ": same files, same options" in capsys.readouterr().out
    assert (tmp_path / "c.h5").stat().st_mtime_ns == written


def test_dry_run_prints_a_recipe_that_loads(tmp_path, capsys):
    assert call("--dry-run", "--hidden", 3, "--preprocess", "power:0.25,normalize", "--no-tied") == 0
    path = tmp_path / "printed.toml"
    path.write_text(capsys.readouterr().out)
    expected = recipes.load("reconstruction", {"hidden": [3], "preprocess": ("power:0.25", "normalize")})
    assert recipes.load(str(path)) == expected


def test_every_option_is_a_flag(capsys):
    assert call("--help") == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(Recipe):
        assert f"--{field.name.replace('_', '-')}" in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere"], "nowhere: no such directory; give the folder that contains the audio files"),
        (["--hidden", "0"], "hidden is 0; expected a whole number from 1 to 65536"),
        (["--hidden", "x"], "--hidden"),
        (["--hiden", "3"], "--hiden"),
        (["--recipe", "nope"], "no such recipe: 'nope'"),
        (["--fft-length", "1000"], "fft_length is 1000; expected a power of two"),
        (["-o", "nowhere/x.h5"], "nowhere: no such directory; create it"),
        (["-o", "."], "is a directory; give the name of the model file"),
        (["-o", "mine.html"], "mine.html is where the report goes; give the name of the model file"),
        (["--hidden", "9,3", "--code", "2"], "give one of them"),
        (["-o", "mine.txt"], "mine.txt exists and is not a model file"),
        (["-o", "theirs.h5"], "theirs.h5 exists and is not a model file"),
        (["-o", "new.h5", "--corpus", "new.h5"], "new.h5 is given as both model and corpus"),
        (["music", "--license", "CC0-1.0"], "needs MANIFEST.tsv"),
        (["music", "--corpus", "mine.txt"], "mine.txt exists and is not a corpus"),
        (["music", "--window-length", "2048", "--sample-rate", "1"], "hold 0 windows"),
    ],
)
def test_bad_input_is_one_line_and_status_2(music, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("mine")
    with h5py.File("theirs.h5", "w") as file:
        file["precious"] = [1, 2, 3]
    before = sorted(tmp_path.rglob("*"))
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
    assert sorted(tmp_path.rglob("*")) == before and Path("mine.txt").read_text() == "mine"


SILENCE = np.zeros(16_000)


@pytest.mark.parametrize(
    "audio, options, message",
    [
        ([], [], "contains no audio; expected files that end in"),
        ([SILENCE[:100]], [], "hold 0 windows of 256 frames at 8000 Hz; training needs at least 2; give longer audio"),
        ([SILENCE], [], "the largest training value is 0, expected above 0; give audio that is not silent"),
        ([SILENCE], ["--preprocess", "power:0.5"], "all training spectra are identical; give audio that changes"),
        (
            [SILENCE],
            ["--skip-silence-db", "-80"],
            "0 of 124 spectra can be used, at least 2 are needed; the others are silent",
        ),
        (None, ["--hidden", "65536,65536,65536"], "GB of memory, this machine has"),
        (None, ["--recipe", "mine.toml"], "mine.toml: unknown option 'momentun'; did you mean 'momentum'?"),
        (None, ["--hidden", "8,x"], "--hidden is 'x'; expected whole numbers, separated by commas"),
        (None, ["--continue", "nowhere.h5"], "nowhere.h5: No such file"),
        (None, ["--continue", "mine.toml"], "mine.toml: is not HDF5"),
    ],
)
def test_unusable_input_is_one_line_and_leaves_nothing(music, tmp_path, monkeypatch, capsys, audio, options, message):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("momentun = 0.5")
    folder = music
    if audio is not None:
        folder = tmp_path / "Über allen Gipfeln" / "音楽"
        folder.mkdir(parents=True)
        for i, x in enumerate(audio):
            soundfile.write(folder / f"leise {i}.wav", x, 8000)
    before = sorted(tmp_path.iterdir())
    assert call(folder, "-o", "out.h5", *GEOMETRY, *options) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error, error
    left = sorted(set(tmp_path.iterdir()) - set(before))
    assert [path.name for path in left] in ([], ["out.corpus.h5"])


def test_names_with_spaces_and_other_letters(music, tmp_path, capsys):
    music.rename(tmp_path / "Über allen Gipfeln")
    (tmp_path / "Über allen Gipfeln" / "0.wav").rename(tmp_path / "Über allen Gipfeln" / "ist Ruh 音.wav")
    assert call(tmp_path / "Über allen Gipfeln", "-o", tmp_path / "ü b.h5", *GEOMETRY, "--epochs", 1) == 0
    assert (tmp_path / "ü b.html").exists() and Model.load(tmp_path / "ü b.h5").name == "ü b"


def test_a_corpus_of_another_front_end_is_rebuilt_with_a_message(music, tmp_path, capsys):
    arguments = (music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0, "--no-report")
    assert call(*arguments) == 0
    capsys.readouterr()
    assert call(*arguments, "--hop-length", 64) == 0
    assert "replaces a corpus of other files or options" in capsys.readouterr().out
    assert Model.load(tmp_path / "out.h5").front_end.hop_length == 64


def test_a_run_interrupted_in_its_first_epoch_leaves_the_previous_model(music, tmp_path):
    path = tmp_path / "out.h5"
    assert call(music, "-o", path, *GEOMETRY, "--epochs", 1, "--no-report") == 0
    before = path.read_bytes()
    process = start(
        music, "-o", path, *GEOMETRY, "--epochs", 3, "--training-spectra", 1200, "--batch-size", 1, PYTHONUNBUFFERED="1"
    )
    while "before the first step" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "no model was written" in out
    assert path.read_bytes() == before


def test_duplicate_files_count_once(music, tmp_path, capsys):
    (music / "copy.wav").write_bytes((music / "0.wav").read_bytes())
    assert call(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0, "--no-report") == 0
    out = capsys.readouterr().out
    assert "skipped: copy.wav: is the same as 0.wav" in out and "3 files" in out
    assert call(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0, "--no-report") == 0
    out = capsys.readouterr().out
    assert "reusing" in out and "skipped: copy.wav" in out


def test_classes_need_folders(music, tmp_path, capsys):
    options = (*GEOMETRY, "--classes", "--epochs", 1, "--class-epochs", 1, "--no-report")
    assert call(music, "-o", tmp_path / "out.h5", *options) == 2
    assert "is not in the folder of a class" in capsys.readouterr().err
    for i in range(2):
        (music / f"k{i}").mkdir()
        (music / f"{i}.wav").rename(music / f"k{i}" / "x.wav")
    assert call(music, "-o", tmp_path / "out.h5", *options) == 0
    out = capsys.readouterr().out
    assert (
        "skipped: 2.wav: is not in the folder of a class" in out and "classes: k0, k1" in out and "by spectrum" in out
    )
    assert Model.load(tmp_path / "out.h5").classes.centroids.any(axis=1).all()
    (music / "k1" / "x.wav").unlink()
    assert call(music, "-o", tmp_path / "out.h5", *options) == 2
    assert "classes needs at least two subfolders of DIR with music in each; found k0 (" in capsys.readouterr().err


def test_a_diverged_run_keeps_the_best_model_and_exits_with_1(music, tmp_path, capsys):
    options = ("--optimizer", "sgd", "--learning-rate", 1000, "--initial", "random", "--no-report")
    assert call(music, "-o", tmp_path / "out.h5", *GEOMETRY, *options) == 1
    out = capsys.readouterr().out
    assert "the loss is no longer finite in training, epoch 1, batch" in out and "use a smaller learning_rate" in out
    assert Model.load(tmp_path / "out.h5").n_code == 8
    assert not (tmp_path / "out.checkpoint.h5").exists()


def weights_of(path):
    return [layer.encoder_weight for layer in Model.load(path).layers]


def test_a_run_killed_at_any_moment_resumes_to_the_same_weights(music, tmp_path):
    arguments = (
        music,
        *GEOMETRY,
        "--epochs",
        300,
        "--early-stopping-epochs",
        290,
        "--no-report",
        "--corpus",
        tmp_path / "c.h5",
    )
    assert call(*arguments, "-o", tmp_path / "whole.h5") == 0
    for delay_s in (0.0, 0.03, 0.07):
        process = start(*arguments, "-o", tmp_path / "out.h5", PYTHONUNBUFFERED="1")
        lines = [process.stdout.readline()]
        while process.poll() is None and not lines[-1].startswith("training, epoch"):
            lines.append(process.stdout.readline())
        time.sleep(delay_s)
        process.kill()
        process.communicate(timeout=60)
        assert not (tmp_path / "out.h5").exists() and (tmp_path / "out.checkpoint.h5").exists(), lines
    process = start(*arguments, "-o", tmp_path / "out.h5")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "resuming from" in out and "out.checkpoint.h5 (delete it to start over)" in out
    for a, b in zip(weights_of(tmp_path / "whole.h5"), weights_of(tmp_path / "out.h5"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "out.checkpoint.h5").exists()


def test_a_full_disk_is_one_line(music, tmp_path):
    """A file system of 1 MB; the corpus is larger."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs privileges")
    try:
        process = start(music, "-o", place / "out.h5", *GEOMETRY, "--hop-length", 16)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2 and err.count("\n") == 1, err
        assert "MB of spectra: No space left on device" in err
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_trained_model_is_continued_on_other_music(music, tmp_path, capsys):
    call(music, "-o", tmp_path / "first.h5", *GEOMETRY, "--epochs", 2, "--no-report")
    arguments = (music, "-o", tmp_path / "second.h5", "--continue", tmp_path / "first.h5", "--no-report")
    assert call(*arguments, "--epochs", 3, "--learning-rate", 0.0005) == 0
    assert "adapting, epoch 3 of 3" in capsys.readouterr().out
    first, second = (Model.load(tmp_path / name) for name in ("first.h5", "second.h5"))
    assert second.front_end == first.front_end and second.n_code == first.n_code
    assert not np.array_equal(first.layers[0].encoder_weight, second.layers[0].encoder_weight)
    for option, message in (("--hidden", "--hidden is set by"), ("--code", "--code has no effect with")):
        assert call(*arguments, option, 3) == 2
        assert message in capsys.readouterr().err
    arguments = (music, "-o", tmp_path / "first.h5", "--continue", tmp_path / "first.h5")
    assert call(*arguments) == 2
    assert "first.h5 is the model to continue; give another output with -o" in capsys.readouterr().err


def test_without_a_folder_it_uses_the_corpus_of_the_environment(music, tmp_path, monkeypatch, capsys):
    music.rename(tmp_path / "train")
    monkeypatch.setenv("AEDSP_CORPUS", str(tmp_path))
    assert call("-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0) == 0
    assert f"no folder given: training on {tmp_path / 'train'} (from AEDSP_CORPUS)" in capsys.readouterr().out


def test_ctrl_c_writes_the_best_model_so_far(music, tmp_path):
    path = tmp_path / "out.h5"
    process = start(music, "-o", path, *GEOMETRY, "--epochs", 100_000, PYTHONUNBUFFERED="1")
    lines = []
    while process.poll() is None and not (lines and lines[-1].startswith("training, epoch 2 of")):
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted; the best model so far was written; run the same command to resume" in out
    assert Model.load(path).n_code == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == ["music", "out.checkpoint.h5", "out.corpus.h5", "out.h5"]


def test_ctrl_c_during_the_corpus_leaves_nothing(music, tmp_path):
    path = tmp_path / "out.h5"
    lengths = ["--fft-length", 64, "--window-length", 64, "--hop-length", 1]
    process = start(music, "-o", path, "--sample-rate", 768_000, *lengths, "--training-spectra", 5_000_000)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.h5")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)  # while rows are being written
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "no model was written" in out
    assert [p.name for p in tmp_path.iterdir()] == ["music"]


def test_a_small_folder_is_split_by_spectrum_unless_asked_otherwise(music, tmp_path, capsys):
    assert call(music, "-o", tmp_path / "a.h5", *GEOMETRY, "--epochs", 1, "--no-report") == 0
    assert "split by spectrum: 3 files are too few to hold out whole ones" in capsys.readouterr().out
    assert call(music, "-o", tmp_path / "a.h5", *GEOMETRY, "--epochs", 1, "--no-report") == 0
    assert "reusing the spectra" in capsys.readouterr().out
    for i in range(3, 24):
        (music / f"{i}.wav").write_bytes((music / f"{i % 3}.wav").read_bytes()[: 44 + 2 * (30_000 + 100 * i)])
    assert call(music, "-o", tmp_path / "b.h5", *GEOMETRY, "--epochs", 1, "--no-report") == 0
    assert "split by file" in capsys.readouterr().out


def test_a_training_whose_validation_only_rises_stops_early_and_says_what_helps(music, tmp_path, capsys):
    options = ["--epochs", 40, "--learning-rate", "0.5", "--optimizer", "adam", "--training-spectra", 60, "--no-report"]
    assert call(music, "-o", tmp_path / "a.h5", *GEOMETRY, *options, "--split", "file") in (0, 1)
    out = capsys.readouterr().out
    assert "epoch 40 of 40" not in out
    assert "stopped early: the validation loss has not improved since epoch" in out or "the loss diverges" in out


def test_parts_are_as_many_as_a_controller_has_faders():
    from aedsp.train.run import recipe_file as recipe

    assert recipe.load("parts", {}).layer_units() == (16,)
    assert recipe.load("parts", {"code": 24}).layer_units() == (24,)
