"""Completion of text commands."""

from __future__ import annotations

import pytest

from aedsp.control import actions
from aedsp.control.completion import complete


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("mine.h5", "my other model.h5", "song.wav", ".hidden.h5"):
        (tmp_path / name).touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "deep.h5").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "typed, completed, candidates",
    [
        ("tran", "transpose ", ["transpose"]),
        ("re", "re", ["resynthesized", "restore", "reset", "redo", "recall", "record"]),
        ("model rel", "model relu_16", ["relu_160", "relu_16"]),
        ("model m", "model m", ["mine.h5", "models/", "my other model.h5"]),
        ("model my", "model my other model.h5", ["my other model.h5"]),
        ("model models/", "model models/deep.h5", ["models/deep.h5"]),
        ("model ~/mi", "model ~/mine.h5", ["~/mine.h5"]),
        ("nudge ov", "nudge override ", ["override"]),
        ("bank p", "bank previous ", ["previous"]),
        ("learn bank-", "learn bank-", ["bank-previous", "bank-next"]),
        ("override 3 o", "override 3 off ", ["off"]),
        ("nothing such", "nothing such", []),
        ("gain 3 ", "gain 3 ", []),
    ],
)
def test_what_is_certain_is_completed(folder, typed, completed, candidates):
    assert complete(typed) == (completed, candidates)


@pytest.mark.parametrize(
    "typed",
    [
        "model my other model.h5",
        'model "my other model.h5"',
        "model  ~/my other model.h5",
        "model '~/my other model.h5'",
    ],
)
def test_names_with_spaces_quotes_and_tilde_arrive_whole(folder, typed):
    class Taker:
        def load_model(self, path):
            self.path = path
            return True

    taker = Taker()
    actions.run(taker, typed)
    assert taker.path in ("my other model.h5", str(folder / "my other model.h5"))


def test_several_spaces_in_a_name_are_kept(folder):
    paths = []

    class Taker:
        def toggle_recording(self, path):
            paths.append(path)

    actions.run(Taker(), "record  a  b.wav ")
    assert paths == ["a  b.wav"]


def test_open_quotes_and_links_to_themselves_do_not_disturb(folder):
    (folder / "circle").symlink_to(folder / "circle")
    assert complete('model "my o') == ("model my other model.h5", ["my other model.h5"])
    assert complete("model ci") == ("model ci", [])
