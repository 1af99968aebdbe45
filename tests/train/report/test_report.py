"""The report beside a model: every section, valid figures, and the sound of the model."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile

from aedsp import Model, resynthesize
from calls import GEOMETRY, call


def report_of(music, tmp_path, *options):
    path = tmp_path / "out.h5"
    assert call(music, "-o", path, *GEOMETRY, "--epochs", 2, *options) == 0
    return path, (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [(), ("--hidden", "24,6"), ("--context-spectra", 2), ("--split", "frame")])
def test_it_has_every_section_and_figure(music, tmp_path, options):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; reports need it")
    path, page = report_of(music, tmp_path, *options)
    for section in ("Summary", "Loss", "Before and after", "Error by frequency", "What the units do", "Recipe"):
        assert f"<h2>{section}</h2>" in page
    shown = re.findall(r'src="out\.report/([^"]+)"', page)
    assert set(shown) == {"loss.png", "clip.png", "spectra.png", "bands.png", "units.png", "before.flac", "after.flac"}
    for name in shown:
        content = (tmp_path / "out.report" / name).read_bytes()
        assert content[:4] in (b"\x89PNG", b"fLaC") and len(content) > 2000
    before, rate = soundfile.read(tmp_path / "out.report" / "before.flac", dtype="float32")
    after, _ = soundfile.read(tmp_path / "out.report" / "after.flac", dtype="float32")
    np.testing.assert_allclose(after, resynthesize(Model.load(path), before, rate), atol=1e-4)
    assert "epochs = 2" in page


def test_a_second_report_replaces_the_first_and_no_report_is_written_with_no_report(music, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; reports need it")
    report_of(music, tmp_path)
    (tmp_path / "out.report" / "loss.png").write_bytes(b"")
    report_of(music, tmp_path)
    assert (tmp_path / "out.report" / "loss.png").stat().st_size > 2000
    assert call(music, "-o", tmp_path / "quiet.h5", *GEOMETRY, "--epochs", 0, "--no-report") == 0
    assert not list(tmp_path.glob("quiet.html")) and not list(tmp_path.glob(".aedsp*"))


@pytest.mark.parametrize("name", ["out.html", "out.report/mine.txt"])
def test_files_that_are_not_a_report_are_not_replaced(music, tmp_path, capsys, name):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; reports need it")
    (tmp_path / "out.report").mkdir()
    (tmp_path / name).write_text("mine")
    assert call(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0) == 0
    assert "no report: " in capsys.readouterr().out
    assert (tmp_path / name).read_text() == "mine" and (tmp_path / "out.h5").exists()


def test_a_file_that_can_no_longer_be_read_is_skipped(music, tmp_path, rng):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; reports need it")
    for i in range(3):
        soundfile.write(tmp_path / "whole.flac", rng.uniform(-0.5, 0.5, 80_000), 8000)
        whole = (tmp_path / "whole.flac").read_bytes()
        (music / f"half{i}.flac").write_bytes(whole[: len(whole) // 2])
    _, page = report_of(music, tmp_path)
    assert "clip.png" in page


def test_without_matplotlib_there_is_one_line_about_it(music, tmp_path, monkeypatch, capsys):
    from aedsp.audio import plot
    from aedsp.errors import MissingExtraError

    def missing():
        raise MissingExtraError("pictures need matplotlib; pip install 'aedsp[report]'")

    monkeypatch.setattr(plot, "_matplotlib_figure", missing)
    assert call(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 0) == 0
    assert "no report: pictures need matplotlib; pip install" in capsys.readouterr().out
    assert (tmp_path / "out.h5").exists() and not (tmp_path / "out.report").exists()
