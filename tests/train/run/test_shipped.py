"""The shipped demo models: free, small, made by their recipes. How they sound: tests/engine/test_quality.py."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import aedsp
from aedsp.model.model import Model
from aedsp.train.run import recipe_file as recipes

DATA = Path(aedsp.__file__).parent / "data"
DEMOS = [name for name in recipes.names() if name.startswith("demo_")]


def model_path(recipe: str) -> Path:
    name = recipe.removeprefix("demo_")
    return DATA / f"{f'relu_{name}' if name.isdigit() else name}.h5"


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_is_what_its_recipe_says(name):
    recipe, model = recipes.load(name), Model.load(model_path(name))
    assert set(recipe.license) <= {"CC0-1.0", "Public-Domain"}
    assert model.license == recipe.model_license == "CC0-1.0"
    assert (model.n_code, model.layers[0].tied) == (recipe.hidden[-1], recipe.tied)
    assert model.front_end == recipe.analysis()
    with h5py.File(model_path(name)) as file:
        recorded = json.loads(file["training"].attrs["recipe"])
    lengths = {name: getattr(recipe.analysis(), name) for name in ("fft_length", "window_length", "hop_length")}
    assert recipes.from_options({**recipe.to_dict(), **recorded}) == dataclasses.replace(recipe, **lengths)


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_can_be_played(name):
    """No dead unit, and, where units only add, silence for silence."""
    model = Model.load(model_path(name))
    assert (model.code_statistics.percentiles[6] > 0).all()
    if model.layers[0].encoder_bias.any():
        return
    assert not model.decode(np.zeros((1, model.n_code))).any()


def test_the_shipped_models_are_small():
    assert sum(model_path(name).stat().st_size for name in DEMOS) < 3e6


@pytest.mark.parametrize("name", ["demo_160", "demo_play16"])
def test_the_units_of_models_to_play_only_add(name):
    assert Model.load(model_path(name)).layers[0].decoder_weight.min() >= 0


def test_the_default_model_answers_within_12_ms_and_with_blocks_of_64_within_10_2():
    assert aedsp.demo_model().name == "play16" and len(aedsp.demo_audio()) == 15 * 44_100
    assert aedsp.Engine(aedsp.demo_model()).latency_s <= 0.012
    assert aedsp.Engine(aedsp.demo_model(), block_frames=64).latency_s <= 0.0102
