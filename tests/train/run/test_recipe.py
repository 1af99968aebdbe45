"""Recipes: the shipped ones load, unknown and invalid options are rejected, TOML round-trips."""

from __future__ import annotations

import pytest

from aedsp.errors import TrainingError
from aedsp.train.run import recipe_file as recipes
from aedsp.train.run.recipe import Recipe


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes_load(name):
    assert isinstance(recipes.load(name), Recipe)


def test_the_papers_recipe_is_the_papers():
    paper = recipes.load("paper")
    assert (paper.batch_size, paper.learning_rate, paper.momentum) == (100, 0.005, 0.5)
    assert (paper.training_spectra, paper.validation_spectra, paper.test_spectra) == (50_000, 10_000, 10_000)
    assert (paper.encoder_activation, paper.decoder_activation, paper.tied) == (("sigmoid",), ("linear",), False)
    assert (paper.sample_rate, paper.analysis().fft_length, paper.preprocess) == (22_050, 2048, ("normalize",))
    assert (paper.optimizer, paper.hidden, paper.split) == ("sgd", (256,), "frame")
    assert (paper.epochs, paper.early_stopping_epochs, paper.early_stopping_decrease) == (250, 5, 0.001)


def test_a_recipe_round_trips_through_toml(tmp_path):
    recipe = Recipe(name='a "b"\\\n', license=("CC0-1.0", "x"), tied=True, learning_rate=1e-7, hidden=(9, 3))
    path = tmp_path / "mine.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert recipes.load(str(path)) == recipe


def test_changes_override_the_recipe(tmp_path):
    changed = recipes.load("paper", {"hidden": 16, "preprocess": ["power:0.5"]})
    assert (changed.hidden, changed.preprocess, changed.batch_size) == ((16,), ("power:0.5",), 100)


def test_other_layers_keep_the_outermost_and_innermost_options():
    one, three = (recipes.load("reconstruction", {"hidden": hidden}) for hidden in ([9], [90, 30, 9]))
    assert (one.encoder_activation, one.decoder_activation) == (("linear",), ("linear",))
    assert three.encoder_activation == ("relu", "relu", "linear")
    assert three.decoder_activation == ("linear", "relu", "relu")
    chosen = recipes.load("reconstruction", {"hidden": [90, 9], "encoder_activation": ["tanh"]})
    assert chosen.encoder_activation == ("tanh",)


def test_explicit_layers_override_those_of_a_code_table():
    recipe = recipes.load("reconstruction", {"hidden": [1024, 600]})
    assert recipe.layer_units() == (1024, 600) and recipe.encoder_activation == ("relu", "linear")
    assert recipe.learning_rate < recipes.load("reconstruction").learning_rate
    assert recipes.load("reconstruction", {"code": 600}).encoder_activation == ("linear",)


def test_constant_q_bands_end_at_the_nyquist_frequency():
    assert recipes.load("reconstruction", {"front_end": "cqft", "sample_rate": 16_000.0}).analysis().f_max_hz == 8000


def test_code_replaces_the_innermost_layer_only():
    default = recipes.load("reconstruction")
    assert recipes.load("reconstruction", {"code": 5}).layer_units() == (*default.hidden[:-1], 5)
    assert recipes.load("reconstruction", {"hidden": [40, 7]}).layer_units() == (40, 7)


def test_a_recipe_may_have_other_options_for_larger_codes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "hidden = [40, 9]\nbatch = 7\n"
        "[from_code.16]\nbatch = 8\nseed = 1\n"
        "[from_code.100]\nbatch = 9\nhidden = [400, 100]\n"
    )
    seen = {}
    for code in (None, 15, 16, 99, 100):
        recipe = recipes.load(str(path), {"code": code} if code else {})
        seen[code] = (recipe.batch_size, recipe.seed, recipe.layer_units())
    assert seen == {
        None: (7, 0, (40, 9)), 15: (7, 0, (40, 15)), 16: (8, 1, (40, 16)), 99: (8, 1, (40, 99)), 100: (9, 1, (400, 100))
    }  # fmt: skip
    assert recipes.load(str(path), {"hidden": [20], "batch_size": 3}).batch_size == 3
    assert recipes.load(str(path), {"hidden": [20]}).seed == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("hiden = 3", r"mine\.toml: unknown option 'hiden'; did you mean 'hidden'\?"),
        ("learningrate = 3", r"did you mean 'learning_rate'"),
        ("hidden = 0", r"mine\.toml: hidden is 0; expected a whole number from 1 to 65536"),
        ("hidden = 2.5", r"hidden is 2\.5; expected a whole number"),
        ("hidden = true", r"hidden is True; expected a whole number"),
        ("tied = 1", r"tied is 1; expected true or false"),
        ("momentum = 1.0", r"momentum is 1\.0; expected a number from 0 to 0\.9999"),
        ("learning_rate = nan", r"learning_rate is nan; expected a number from 0"),
        ("optimizer = 'adm'", r"optimizer is 'adm'; expected one of sgd, adam"),
        ("preprocess = 3", r"preprocess is 3; expected a string"),
        ("hidden = []", r"hidden is empty"),
        (
            "encoder_activation = ['relu', 'tanh']",
            r"encoder_activation has 2 values; expected one, or one for each of 1",
        ),
        ("corruption = ['gaussian']", r"corruption is 'gaussian'; expected none, gaussian:DEVIATION"),
        ("corruption = ['dropout:1.5']", r"corruption is 'dropout:1.5'; .* the share from 0 to 1"),
        ("from_code = 3", r"from_code is 3; expected tables like"),
        ("[from_code.many]\nbatch = 3", r"expected tables like \[from_code\.64\]"),
        ("preprocessed_loss = 0", r"are both 0; set at least one of them above 0"),
        ("preprocess = ['normalise']", r"preprocess step is 'normalise'; expected normalize, normalize:MAXIMUM"),
        ("preprocess = ['log:-1']", r"preprocess step is 'log:-1'; expected .* the number above 0"),
        ("preprocess = ['standardize:2']", r"preprocess step is 'standardize:2'"),
        ("hidden = ", r"mine\.toml is not valid TOML"),
    ],
)
def test_invalid_recipes_are_rejected_with_the_option_named(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=message):
        recipes.load(str(path))


def test_a_recipe_that_does_not_exist():
    with pytest.raises(TrainingError, match=r"no such recipe: 'papre'; give a TOML file, or one of .*paper"):
        recipes.load("papre")


def test_default_is_another_name_of_the_recipe_that_is_used_when_none_is_given():
    assert recipes.DEFAULT_RECIPE == "fast" and recipes.load("default") == recipes.load("fast")
    assert "default" not in recipes.names() and {"fast", "parts", "reconstruction", "paper"} <= set(recipes.names())
    fast = recipes.load("fast").analysis()
    assert (fast.sample_rate, fast.window, fast.reach_length, fast.hop_length) == (44_100, "asymmetric", 512, 64)


@pytest.mark.parametrize("changes", [{"tied": True}, {"preprocess": ["log:1e-4"]}, {"decoder_activation": ["sigmoid"]}])
def test_levels_can_be_matched_only_where_the_decoder_scales(changes):
    with pytest.raises(TrainingError, match="match_levels scales the decoder; expected tied = false"):
        recipes.load("fast", changes)
