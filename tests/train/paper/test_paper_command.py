"""`python -m aedsp.train.paper`: bad input in one line, the whole experiment at tiny size, resuming, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp import cli
from aedsp.model.model import Model
from aedsp.train.paper.__main__ import command


def call(*arguments: object) -> int:
    """Run the command in this process; return the exit status."""
    with pytest.raises(SystemExit) as stopped:
        cli.run(command, [str(argument) for argument in arguments], name="python -m aedsp.train.paper")
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["DIR/nowhere"], "nowhere: no such directory; give the folder that contains the audio files"),
        (["DIR", "-o", "DIR/0.wav"], "0.wav is a file; give a folder for the results with -o"),
        (["DIR", "-o", "DIR/no/results"], "no: no such directory; create it, or give another output with -o"),
        (["DIR", "-o", "DIR"], "index.html exists and was not written by this command; give another folder"),
        (["DIR", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler at 'tcp://127.0.0.1:1'"),
        (["DIR", "--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "--workers is for this machine only"),
        (["DIR", "--hours", "-1"], "--hours.: (Input should be greater than or equal to 0|-1.0 is not in the range)"),
        (["DIR", "--known", "DIR/no.json"], r"no\.json cannot be read \(No such file or directory\); give the tables"),
        (
            ["DIR", "--known", "DIR/index.html"],
            "index.html contains no cells with key and outcome; expected the",
        ),
        (["DIR", "--workers", "0"], "--workers.: (Input should be greater than or equal to 1|0 is not in the range)"),
    ],
)
def test_bad_input_is_one_line(music, tmp_path, monkeypatch, capsys, arguments, message):
    pytest.importorskip("distributed", reason="Dask is not installed; sweeps need it")
    monkeypatch.setattr("aedsp.train.sweep.cluster._CONNECT_S", 1)
    monkeypatch.chdir(tmp_path)
    (music / "index.html").write_text("my own page")
    assert call(*(text.replace("DIR", str(music)) for text in arguments)) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(message, error) and len(error.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["music"], "nothing is left behind"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[Path, str]:
    """The output folder of the command, and its console output."""
    pytest.importorskip("distributed", reason="Dask is not installed; sweeps need it")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; the figure needs it")
    root = os.environ.get("AEDSP_CORPUS")
    folder = Path(root, "train") if root else Path(aedsp.__file__).parent / "data"
    output = tmp_path_factory.mktemp("paper") / "results"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "aedsp.train.paper", folder, "--smoke", "-o", output], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    print(f"python -m aedsp.train.paper --smoke: {time.monotonic() - began:.0f} s")
    return output, done.stdout


@pytest.mark.slow
def test_the_smoke_run_makes_every_table_and_the_figure_and_says_that_it_is_tiny(smoke):
    output, said = smoke
    assert said.startswith("tiny settings: a check that everything runs")
    assert "59 of 59 done" in said
    page, text = (output / "index.html").read_text(), (output / "tables.md").read_text()
    for title in ("Table 1", "Table 2", "Table 3", "Figure 2"):
        assert f"<h2>{title}</h2>" in page
    found = json.loads((output / "tables.json").read_text())
    entries = [entry for table in found["tables"] for row in table["rows"] for entry in row.values()]
    entries = [entry for entry in entries if isinstance(entry, dict)]
    assert len(entries) == (28 + 10 + 10 + 1 + 1) + (18 + 6) + 2 * 5 and not found["failed"]
    assert all(entry["error"] >= 0 and entry["share"] >= 0 and not entry["note"] for entry in entries)
    assert "Tiny settings" in page and "Tiny settings" in text
    assert len(re.findall(r"paper 0\.\d{4}", page)) == 28 + 18 + 4 + 1
    assert (output / "figure2.png").read_bytes()[:4] == b"\x89PNG" and b"<svg" in (output / "figure2.svg").read_bytes()[
        :1000
    ]
    assert "Frequency (Hz)" in (output / "figure2.svg").read_text()


@pytest.mark.slow
def test_everything_on_the_page_exists_and_needs_no_server(smoke):
    output, _ = smoke
    page = (output / "index.html").read_text()
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len([link for link in links if link.endswith("model.html")]) >= 59
    assert len([link for link in links if link.endswith(".flac")]) == 2 + 2 * 59
    for link in links:
        assert ":" not in link and (output / link).is_file(), link
    before, rate = soundfile.read(output / "figure2" / "before.flac", dtype="float32")
    after, _ = soundfile.read(output / "figure2" / "after.flac", dtype="float32")
    folder = next(output.glob("cells/256-8_tuned-*"))
    expected = aedsp.resynthesize(Model.load(folder / "model.h5"), before, rate)
    difference = after - np.clip(expected, -1, 1)  # both files have 16 bits, whose noise the models take as sound
    assert np.sqrt(np.mean(difference**2) / np.mean(expected**2)) < 0.01


@pytest.mark.slow
def test_a_second_run_trains_nothing_and_one_with_a_cell_missing_trains_that(smoke):
    output, _ = smoke
    folder = os.environ.get("AEDSP_CORPUS")
    folder = Path(folder, "train") if folder else Path(aedsp.__file__).parent / "data"
    times = {path: path.stat().st_mtime_ns for path in output.glob("cells/*/model.h5")}
    lost = next(path for path in times if path.parent.name.startswith("16_noise"))
    lost.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "aedsp.train.paper", folder, "--smoke", "-o", output], capture_output=True, text=True
    )
    assert done.returncode == 0 and "59 cells: 58 already done, 1 to run" in done.stdout
    again = {path: path.stat().st_mtime_ns for path in output.glob("cells/*/model.h5")}
    assert {path for path in again if again[path] != times[path]} == {lost}


@pytest.mark.slow
def test_a_new_folder_with_the_numbers_of_another_run_trains_nothing_and_shows_them(smoke, tmp_path):
    output, _ = smoke
    folder = os.environ.get("AEDSP_CORPUS")
    folder = Path(folder, "train") if folder else Path(aedsp.__file__).parent / "data"
    command = [sys.executable, "-m", "aedsp.train.paper", folder, "--smoke", "-o", tmp_path / "new", "--known"]
    done = subprocess.run([*command, output / "tables.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "59 cells: 0 already done, 59 known from another run, 0 to run" in done.stdout
    there, here = (json.loads((path / "tables.json").read_text()) for path in (output, tmp_path / "new"))
    assert here["tables"] == there["tables"] and {cell["state"] for cell in here["cells"].values()} == {"known"}
    assert all(cell["key"] == there["cells"][name]["key"] for name, cell in here["cells"].items())
    for link in re.findall(r'(?:src|href)="([^"]+)"', (tmp_path / "new" / "index.html").read_text()):
        assert (tmp_path / "new" / link).is_file(), link


@pytest.mark.slow
def test_ctrl_c_writes_the_page_of_finished_cells_and_the_next_run_resumes(music, tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed; sweeps need it")
    output = tmp_path / "results"
    arguments = [sys.executable, "-m", "aedsp.train.paper", music, "--smoke", "-o", output, "--workers", "1"]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    said = []
    while "1 of 59 done" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
        said.append(line)
    os.killpg(process.pid, signal.SIGINT)  # to the workers too, as a terminal does
    out, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "interrupted; run the same command to resume" in out and error.splitlines() == [
        "stopping after this step; press Ctrl-C again to stop at once"
    ]
    page = (output / "index.html").read_text()
    assert "not run" in page and not list((output / "cells").glob(".*"))
    done = subprocess.run([*map(str, arguments), "--hours", "0"], capture_output=True, text=True)
    assert done.returncode == 0 and "time is up: " in done.stdout
    found = re.search(r"59 cells: (\d+) already done", done.stdout)
    assert found and int(found[1]) >= 1
