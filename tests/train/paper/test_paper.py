"""The paper's experiment: cells, adjustment, split and hyperparameters as in the paper, and honest tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from aedsp.train.paper import experiment, tables
from aedsp.train.paper.tables import Baseline, Entry, Results
from aedsp.train.run import recipe_file as recipes
from aedsp.train.sweep.cell import Outcome

MAXIMUM = 0.75
CELLS = {cell.name: cell for cell in experiment.cells(MAXIMUM)}

#: The tables of the paper as printed, row by row ("-": empty), typed from its text.
PRINTED_1 = """
8 0.0440
16 0.0414
64 0.0276
256 0.0187
512 0.0198 - - - 0.0664 0.0854 0.0921
1024 0.0352 - - - 0.0711 0.0927 0.0980
1500 0.0371 0.0360 0.0405 0.0547
2048 0.0983 - - - 0.1798 0.2114 0.0972
2500 0.0951 0.0951 0.0951 0.0951
3500 0.0951 0.0951 0.0951 0.0951
"""
PRINTED_2 = """
256 8 0.0737 0.0737 0.0737
256 16 0.0737 0.0737 0.0737
256 32 0.0737 0.0737 0.0737
1500 8 0.0331 0.0331 0.0329
1500 16 0.0348 0.0346 0.0344
1500 32 0.0356 0.0369 0.0384
"""


def test_the_papers_values_are_those_that_it_printed():
    lines = [line.split() for line in PRINTED_1.split("\n") if line]
    printed = {
        (int(n), noise): float(figure)
        for n, *figures in lines
        for noise, figure in zip((0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5), figures, strict=False)
        if figure != "-"
    }
    assert printed == experiment.TABLE_1
    lines = [line.split() for line in PRINTED_2.split("\n") if line]
    assert {
        (int(a), int(b), noise): float(figure)
        for a, b, *figures in lines
        for noise, figure in zip((0, 0.1, 0.25), figures, strict=True)
    } == experiment.TABLE_2
    assert experiment.TABLE_3 == {(256, 8): (0.0723, 0.1006), (1500, 8): (0.0953, 0.1333)}


def test_table_1_has_the_cells_that_the_paper_filled_or_all():
    first = [cell for cell in CELLS.values() if cell.name.count("-") == 0 and "_noise_" in cell.name]
    assert len(first) == 28 and all(cell.parent is None for cell in first)
    found = {(cell.recipe.hidden[0], float(cell.name.rsplit("_", 1)[1])) for cell in first}
    assert found == set(experiment.TABLE_1)
    full = {cell.name for cell in experiment.cells(MAXIMUM, full=True)}
    assert len(full) == 70 + 18 + 2 + 1 + 10 and set(CELLS) <= full


def test_the_keys_of_the_cells_do_not_depend_on_the_last_bits_of_the_maximum():
    low, high = (experiment.cells(maximum) for maximum in (0.8238401412963867, 0.8238402009010315))
    assert low == high


def test_the_largest_models_are_trained_at_other_learning_rates_on_request():
    more = {cell.name: cell for cell in experiment.cells(MAXIMUM, learning_rates=True) if cell.name not in CELLS}
    assert sorted(more) == sorted(f"{n}_rate_{rate}" for n in (2048, 2500, 3500) for rate in ("0.0005", "0.05"))
    for name, cell in more.items():
        twin = CELLS[f"{cell.recipe.hidden[0]}_noise_0.00"].recipe
        assert cell.recipe.learning_rate == float(name.rsplit("_", 1)[1])
        assert dataclasses.replace(cell.recipe, learning_rate=0.005) == twin


def test_every_cell_of_the_paper_has_its_hyperparameters():
    for name, cell in CELLS.items():
        if name.startswith("default"):
            continue
        recipe = cell.recipe
        assert (recipe.optimizer, recipe.batch_size, recipe.learning_rate, recipe.momentum) == ("sgd", 100, 0.005, 0.5)
        assert (recipe.final_learning_rate, recipe.final_momentum, recipe.weight_decay) == (None, None, 0)
        assert (recipe.objective, recipe.magnitude_loss, recipe.initial) == ("squared_error", 0, "random")
        assert recipe.preprocess == ("normalize:0.75",), "one maximum for the whole data set, scaled to [0, 1]"
        assert recipe.tied is (name == "relu_16_tied")


def test_the_data_is_the_papers():
    for cell in CELLS.values():
        draw = cell.recipe.draw()
        assert (draw.n_training, draw.n_validation, draw.n_test, draw.split) == (50_000, 10_000, 10_000, "frame")
        front_end = draw.front_end
        assert (front_end.kind, front_end.sample_rate, front_end.fft_length) == ("stft", 22_050, 2048)
        assert front_end.n_bins == 1025
    assert experiment.data_recipe({}).draw() == CELLS["16_noise_0.00"].recipe.draw()


def test_noise_is_on_the_input_of_a_layer():
    assert CELLS["512_noise_0.25"].recipe.corruption == ("gaussian:0.25",)
    assert CELLS["512_noise_0.00"].recipe.corruption == ("none",)
    assert CELLS["1500-8_noise_0.25"].recipe.corruption == ("none", "gaussian:0.25")
    assert set(CELLS["1500-8_tuned"].recipe.per_layer("corruption")) == {"none"}


def test_activations_are_the_papers():
    first, second = CELLS["64_noise_0.00"].recipe, CELLS["256-8_noise_0.00"].recipe
    assert (first.encoder_activation, first.decoder_activation) == (("sigmoid",), ("linear",))
    assert second.per_layer("encoder_activation") == ("sigmoid", "sigmoid")
    assert second.per_layer("decoder_activation") == ("linear", "sigmoid")
    relu = CELLS["relu_16_tied"].recipe
    assert (relu.hidden, relu.encoder_activation, relu.decoder_activation) == ((16,), ("relu",), ("linear",))


def test_table_2_builds_on_the_bold_models_of_table_1_and_table_3_on_those_of_table_2():
    second = [cell for cell in CELLS.values() if cell.stacks]
    assert len(second) == 18
    for cell in second:
        n_first = cell.recipe.hidden[0]
        assert cell.parent == {256: "256_noise_0.00", 1500: "1500_noise_0.01"}[n_first]
        assert not cell.recipe.fine_tuning
    assert CELLS["256-8_tuned"].parent == "256-8_noise_0.00" and not CELLS["256-8_tuned"].stacks
    assert CELLS["1500-8_tuned"].parent == "1500-8_noise_0.25"


def test_the_default_recipe_has_every_size_on_the_same_spectra():
    for n in experiment.SIZES:
        recipe = CELLS[f"default_{n}"].recipe
        assert recipe.layer_units()[-1] == n
        own = recipes.load("reconstruction", {"code": n}).to_dict()
        same = ("split", "training_spectra", "validation_spectra", "test_spectra")
        assert {key: value for key, value in recipe.to_dict().items() if key not in same} == {
            key: value for key, value in own.items() if key not in same
        }


def test_tiny_settings_change_only_the_amounts():
    tiny = {cell.name: cell for cell in experiment.cells(MAXIMUM, tiny=experiment.TINY)}
    assert set(tiny) == set(CELLS)
    for name, cell in tiny.items():
        changed = {key for key, value in cell.recipe.to_dict().items() if value != CELLS[name].recipe.to_dict()[key]}
        assert changed == set(experiment.TINY)


def outcome(name: str, **options: object) -> Outcome:
    return Outcome(
        **{"name": name, "validation": 0.04, "test": 0.06, "epochs": 9, "best_epoch": 8, "seconds": 1.0, **options}
    )


@pytest.fixture
def made() -> dict[str, tables.Table]:
    outcomes = {
        "16_noise_0.00": outcome("16_noise_0.00"),
        "64_noise_0.00": outcome("64_noise_0.00", diverged="the loss diverges"),
        "256-16_noise_0.10": outcome("256-16_noise_0.10", adjusted=(0.02, 0.4, 0.01)),
        "256-8_tuned": outcome("256-8_tuned"),
    }
    states = {name: "done" if name in outcomes else "waiting" for name in CELLS}
    states["512_noise_0.10"], states["512_noise_0.25"] = "failed", "impossible"
    baseline = Baseline(np.linspace(0.1, 0, 1026), np.linspace(0.2, 0, 1026))
    return {table.title: table for table in tables.tables(Results(outcomes, states, baseline))}


def test_a_cell_shows_its_error_its_share_of_the_trivial_error_and_the_papers(made):
    rows = {labels: dict(zip(made["Table 1"].columns, row, strict=True)) for labels, row in made["Table 1"].rows}
    assert rows["16",]["0.00"] == Entry(error=0.04, share=pytest.approx(0.4), paper=0.0414, cell="16_noise_0.00")
    assert rows["64",]["0.00"].note == "diverged"
    assert rows["16",]["PCA"].error == pytest.approx(0.1 * (1 - 16 / 1025))
    assert rows["1500",]["PCA"].error == 0
    assert rows["16, rectified, tied",]["0.00"].paper == 0.0310
    assert rows["16",]["0.10"] is None, "empty in the paper's table"


def test_missing_and_failed_cells_are_marked_and_no_number_is_invented(made):
    rows = {labels: dict(zip(made["Table 1"].columns, row, strict=True)) for labels, row in made["Table 1"].rows}
    assert (rows["8",]["0.00"].error, rows["8",]["0.00"].note, rows["8",]["0.00"].paper) == (None, "not run", 0.0440)
    assert (rows["512",]["0.10"].note, rows["512",]["0.25"].note) == ("failed", "failed")
    assert (rows["8",]["reconstruction"].error, rows["8",]["reconstruction"].note) == (None, "not run")


def test_table_2_is_adjusted_with_the_pca_of_the_same_codes(made):
    rows = {labels: dict(zip(made["Table 2"].columns, row, strict=True)) for labels, row in made["Table 2"].rows}
    entry = rows["256", "16"]["0.10"]
    assert (entry.error, entry.share, entry.paper) == (0.02, 0.4, 0.0737)
    assert rows["256", "16"]["PCA of the codes"] == Entry(error=0.01, share=pytest.approx(0.2))
    assert rows["256", "8"]["PCA of the codes"].note == "not run"


def test_table_3_has_validation_and_test_each_against_its_own_trivial_error(made):
    rows = dict(made["Table 3"].rows)
    validation, test = rows["256", "8"]
    assert (validation.error, validation.share, validation.paper) == (0.04, pytest.approx(0.4), 0.0723)
    assert (test.error, test.share, test.paper) == (0.06, pytest.approx(0.3), 0.1006)
    assert [entry.share for entry in rows["training mean", "0"]] == [1, 1]
    assert [entry.error for entry in rows["PCA", "8"]] == pytest.approx([0.1 * (1 - 8 / 1025), 0.2 * (1 - 8 / 1025)])


def test_the_tables_as_text(made):
    text = tables.to_markdown(made["Table 1"])
    assert "| 16 | **0.0400** · 40.0 % · *0.0414* |" in text
    assert "| 8 | not run · *0.0440* |" in text and "failed · *0.0664*" in text
    page = tables.to_html(made["Table 1"], {"16_noise_0.00": "cells/x/model.html"}.get)
    assert '<a href="cells/x/model.html">0.0400</a><br><small>40.0 %</small><br><small>paper 0.0414</small>' in page
    numbers = tables.to_json(list(made.values()))
    assert numbers[0]["rows"][1]["0.00"]["error"] == 0.04 and json.dumps(numbers)
