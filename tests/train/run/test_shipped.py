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
    return DATA / f"relu_{recipe.removeprefix('demo_')}.h5"


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_is_what_its_recipe_says(name):
    recipe, model = recipes.load(name), Model.load(model_path(name))
    assert recipe.license == ("CC0-1.0",) and model.license == recipe.model_license == "CC0-1.0"
    assert ((model.n_code,), model.layers[0].tied) == (recipe.hidden, recipe.tied)
    assert model.front_end == recipe.analysis()
    with h5py.File(model_path(name)) as file:
        recorded = json.loads(file["training"].attrs["recipe"])
    lengths = {name: getattr(recipe.analysis(), name) for name in ("fft_length", "window_length", "hop_length")}
    assert recipes.from_options({**recipe.to_dict(), **recorded}) == dataclasses.replace(recipe, **lengths)


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_can_be_played(name):
    """No dead unit, and silence for silence."""
    model = Model.load(model_path(name))
    assert (model.code_statistics.percentiles[6] > 0).all()
    assert not model.decode(np.zeros((1, model.n_code))).any()


def test_the_shipped_models_are_small():
    assert sum(model_path(name).stat().st_size for name in DEMOS) < 1.2e6


def test_the_units_of_the_larger_model_only_add():
    assert Model.load(model_path("demo_160")).layers[0].decoder_weight.min() >= 0
