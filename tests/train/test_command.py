"""`python -m aedsp.train`: from a folder to a model file, and one line with exit status 2 for what cannot be."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from aedsp import Model, command_line
from aedsp.train import recipe as recipes
from aedsp.train.__main__ import command
from aedsp.train.recipe import Recipe

GEOMETRY = [
    "--sample-rate",
    "8000",
    "--fft-length",
    "256",
    "--window-length",
    "256",
    "--hop-length",
    "128",
    "--hidden",
    "8",
]


def call(*arguments: object) -> int:
    """Exit status of the command, in this process."""
    with pytest.raises(SystemExit) as stopped:
        command_line.run(command, [str(argument) for argument in arguments], name="python -m aedsp.train")
    return int(stopped.value.code or 0)


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own, in the folder that its output goes to."""
    return subprocess.Popen(
        [sys.executable, "-m", "aedsp.train", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=Path(arguments[arguments.index("-o") + 1]).parent,
    )


def test_a_folder_becomes_a_model(music, tmp_path, capsys):
    path = tmp_path / "out.h5"
    (music / "bad.wav").write_bytes(b"nothing")
    assert call(music, "-o", path, *GEOMETRY, "--epochs", 3, "--weights", "float16") == 0
    model = Model.load(path)
    assert (model.n_code, model.front_end.n_bins, model.name) == (8, 129, "out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'out.corpus.h5'}: 1 MB of spectra, for the next time")
    assert lines[1] == "left out: bad.wav: cannot be read as audio (Format not recognised)"
    assert lines[2] == "3 files, spectra: 499 training, 499 validation, 499 test, split by file"
    assert lines[3] == "the recipe asks for 70,000; that is all there is"
    assert lines[-2].startswith(f"{path}: 8 units, epoch ")
    assert lines[-1] == f"{tmp_path / 'out.html'}: what was learnt, in pictures and sound"
    names = ["music", "out.corpus.h5", "out.h5", "out.html", "out.report"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_the_papers_recipe_trains(music, tmp_path):
    assert call(music, "-o", tmp_path / "out.h5", "--recipe", "paper", *GEOMETRY, "--no-report", "--epochs", 1) == 0
    layer = Model.load(tmp_path / "out.h5").layers[0]
    assert (layer.encoder_activation, layer.decoder_activation, layer.tied) == ("sigmoid", "linear", False)


def test_a_named_corpus_is_kept_and_used_again(music, tmp_path, capsys):
    arguments = (music, "-o", tmp_path / "out.h5", "--corpus", tmp_path / "c.h5", *GEOMETRY, "--epochs", 1)
    assert call(*arguments) == 0
    assert "used again" not in capsys.readouterr().out
    written = (tmp_path / "c.h5").stat().st_mtime_ns
    assert call(*arguments) == 0
    assert "used again: same files, same options" in capsys.readouterr().out
    assert (tmp_path / "c.h5").stat().st_mtime_ns == written


def test_dry_run_prints_a_recipe_that_loads(tmp_path, capsys):
    assert call("--dry-run", "--hidden", 3, "--preprocess", "power:0.25,normalize", "--no-tied") == 0
    path = tmp_path / "printed.toml"
    path.write_text(capsys.readouterr().out)
    expected = recipes.load(recipes.DEFAULT_RECIPE, {"hidden": [3], "preprocess": ("power:0.25", "normalize")})
    assert recipes.load(str(path)) == expected


def test_every_option_is_a_flag(capsys):
    assert call("--help") == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(Recipe):
        assert f"--{field.name.replace('_', '-')}" in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere"], "nowhere is not a folder; give the folder that holds the audio files"),
        (["--hidden", "0"], "hidden is 0; expected a whole number from 1 to 65536"),
        (["--hidden", "x"], "--hidden"),
        (["--hiden", "3"], "--hiden"),
        (["--recipe", "nope"], "there is no recipe 'nope'"),
        (["--fft-length", "1000"], "fft_length is 1000; expected a power of two"),
        (["-o", "nowhere/x.h5"], "nowhere is not a folder; make it"),
        (["-o", "."], "is a folder; give the name of the model file"),
        (["-o", "mine.txt"], "mine.txt exists and is not a model file"),
        (["-o", "theirs.h5"], "theirs.h5 exists and is not a model file"),
        (["-o", "new.h5", "--corpus", "new.h5"], "new.h5 is to be both the model and the corpus"),
        (["music", "--license", "CC0-1.0"], "there is no MANIFEST.tsv"),
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


def test_without_a_folder_it_takes_the_corpus_of_the_environment(music, tmp_path, monkeypatch, capsys):
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
    assert "interrupted; this is the best model so far; the same command again goes on" in out
    assert Model.load(path).n_code == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == ["music", "out.checkpoint.h5", "out.corpus.h5", "out.h5"]


def test_ctrl_c_during_the_corpus_leaves_nothing(music, tmp_path):
    path = tmp_path / "out.h5"
    lengths = ["--fft-length", 64, "--window-length", 64, "--hop-length", 1]
    process = start(music, "-o", path, "--sample-rate", 768_000, *lengths, "--training-spectra", 5_000_000)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.h5")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)  # into the writing of rows
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "no model was written" in out
    assert [p.name for p in tmp_path.iterdir()] == ["music"]
