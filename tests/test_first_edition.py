"""Files that the first edition wrote (tests/first_edition) still do what they did."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from aedsp.control import gesture_file
from aedsp.control import mapping as mappings
from aedsp.control.mapping import Target
from aedsp.model.model import Model
from aedsp.play import session as sessions
from aedsp.train.data.corpus import Corpus
from aedsp.train.run import recipe_file as recipes
from aedsp.train.run.training import train

FOLDER = Path(__file__).parent / "first_edition"


def test_a_session(rng):
    session = sessions.load(FOLDER / "session.toml")
    assert (session.model, session.source, session.mapping) == ("relu_16.h5", "piano.ogg", "nanokontrol2")
    assert (session.block, session.channels, session.loop, session.phase) == (512, 1, True, "auto")
    units = {"gain": {"3": 0.25}, "muted": {"4": 1.0}, "sign": {"2": -1.0}, "override": {"5": 0.5}}
    assert session.controls == session.snapshots[1] == {"monitor": "resynthesized", **units}


def test_a_mapping():
    mapping = mappings.load(FOLDER / "mapping.toml")
    shipped = mappings.load("nanokontrol2")
    learnt = {("cc", 99): Target("gain", 2), ("note", 60): Target("play")}
    kept = {key: target for key, target in shipped.targets.items() if target not in learnt.values()}
    assert dict(mapping.targets) == {**kept, **learnt}


def test_gestures():
    """What they sound like is in `same_sound`; here, that every kind of change is among them."""
    take = gesture_file.read(FOLDER / "take.mid")
    entries, rate = take.entries, take.frames_a_second
    assert rate == 22_050 and entries[0].change["aedsp"] == 1
    kinds = {key for entry in entries for key in entry.change}
    assert {"controls", "monitor", "frozen", "transport", "stretch", "transpose", "seek", "end"} <= kinds


def test_a_training_is_resumed(tmp_path):
    for name in ("model.checkpoint.h5", "model.corpus.h5"):
        shutil.copy(FOLDER / name, tmp_path)
    recipe = recipes.load(str(FOLDER / "recipe.toml"), {})
    epochs = []
    with Corpus(tmp_path / "model.corpus.h5") as corpus:
        result = train(
            recipe, corpus, name="resumed", checkpoint=tmp_path / "model.checkpoint.h5",
            on_row=lambda stage, row: epochs.append(row.epoch),
        )  # fmt: skip
    whole = Model.load(FOLDER / "whole.h5")
    assert epochs == [3, 4], "the checkpoint was taken after two of four epochs"
    for ours, theirs in zip(result.model.layers, whole.layers, strict=True):
        for name in ("encoder_weight", "encoder_bias", "decoder_weight", "decoder_bias"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=0, atol=1e-6)
