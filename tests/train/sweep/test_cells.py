"""A sweep: each cell runs once, parents first, failures twice; nothing is lost or half-written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.train.data.corpus import Corpus, largest
from aedsp.train.data.sampling import SPLITS
from aedsp.train.run.recipe import Recipe
from aedsp.train.sweep.baselines import Components, error_of
from aedsp.train.sweep.cell import Cell, Files, Material, run_cell
from aedsp.train.sweep.sweep import Store, Sweep, alone, keys_of
from runs import GEOMETRY

SIGMOIDS = {"encoder_activation": ("sigmoid",), "learning_rate": 0.02, "momentum": 0.5, "epochs": 2}
DEEP = {**SIGMOIDS, "hidden": (12, 4), "decoder_activation": ("linear", "sigmoid")}


def recipe(**options: object) -> Recipe:
    return Recipe(**GEOMETRY, **{"hidden": (12,), **SIGMOIDS, **options})


def cells() -> list[Cell]:
    """Two first layers, a second layer on one of them, and both layers fine-tuned together."""
    return [
        Cell(name="first", recipe=recipe()),
        Cell(name="other", recipe=recipe(seed=1)),
        Cell(name="second", recipe=recipe(**DEEP, fine_tuning=False), parent="first", stacks=True),
        Cell(name="tuned", recipe=recipe(**DEEP), parent="second"),
    ]


class Here:
    """Workers in this process: a cell runs when its result is requested."""

    def __init__(self, failing: dict[str, int] | None = None) -> None:
        self.ran: list[str] = []
        self._queue: list[tuple[float, str, tuple[Cell, Material, bytes | None]]] = []
        self._failing = failing or {}

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None:
        self._queue.append((-priority, name, (cell, material, parent)))

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]:
        self._queue.sort(key=lambda entry: entry[:2])
        _, name, work = self._queue.pop(0)
        self.ran.append(name)
        if self._failing.get(name):
            self._failing[name] -= 1
            return [(name, TrainingError("on request"))]
        try:
            return [(name, run_cell(*work, lambda stage, row: None, lambda: None))]
        except TrainingError as error:
            return [(name, error)]

    def stop(self) -> list[tuple[str, Files | Exception]]:
        self._queue = []
        return []


@pytest.fixture
def material(small_corpus, tmp_path: Path) -> Material:
    with small_corpus() as corpus:
        return Material(corpus=tmp_path / "corpus.h5", fingerprint=corpus.fingerprint, report=False)


def run(material: Material, folder: Path, some: list[Cell], workers: Here, until=lambda: False) -> Sweep:
    sweep = Sweep(some, material, Store(folder))
    sweep.run(workers, lambda: None, until)
    return sweep


def test_keys_are_those_of_the_first_edition_whatever_options_are_called_now():
    first_edition = "fee1b3457b079eb628399a4e803dec00d71ccd57204e727c3c4e45bcc4c27f1e"
    assert keys_of([Cell(name="a", recipe=Recipe(hidden=(8,)))], "fingerprint") == {"a": first_edition}


def test_every_cell_runs_once_and_parents_first(material, tmp_path):
    workers = Here()
    sweep = run(material, tmp_path, cells(), workers)
    assert set(sweep.states.values()) == {"done"}
    assert sorted(workers.ran) == ["first", "other", "second", "tuned"]
    assert workers.ran.index("first") < workers.ran.index("second") < workers.ran.index("tuned")
    again = Here()
    assert run(material, tmp_path, cells(), again).outcomes == sweep.outcomes and not again.ran


def test_what_a_cell_depends_on_and_nothing_else_makes_it_run_again(material, tmp_path):
    run(material, tmp_path, cells(), Here())
    changed = [dataclasses.replace(c, recipe=recipe(seed=2)) if c.name == "first" else c for c in cells()]
    workers = Here()
    run(material, tmp_path, changed, workers)
    assert sorted(workers.ran) == ["first", "second", "tuned"]
    other_corpus = dataclasses.replace(material, fingerprint="another")
    assert not Sweep(cells(), other_corpus, Store(tmp_path)).outcomes
    assert len(Sweep(cells(), material, Store(tmp_path)).outcomes) == 4  # the older ones are still there


def test_a_second_layer_leaves_the_first_as_it_is_and_fine_tuning_moves_all(material, tmp_path):
    sweep = run(material, tmp_path, cells(), Here())
    first, second, tuned = (Model.load(sweep.path(name) / "model.h5") for name in ("first", "second", "tuned"))
    np.testing.assert_array_equal(first.layers[0].encoder_weight, second.layers[0].encoder_weight)
    np.testing.assert_array_equal(first.layers[0].decoder_bias, second.layers[0].decoder_bias)
    assert second.layers[1].n_visible == 12 and second.n_code == tuned.n_code == 4
    assert np.abs(tuned.layers[0].encoder_weight - second.layers[0].encoder_weight).max() > 0


def test_the_numbers_of_a_cell_are_those_of_its_model(material, tmp_path):
    sweep = run(material, tmp_path, cells(), Here())
    second, outcome = Model.load(sweep.path("second") / "model.h5"), sweep.outcomes["second"]
    with Corpus(material.corpus) as corpus:
        maximum = largest(corpus)
        rows = {name: corpus.splits[name].read(0, 10_000) for name in SPLITS}
    assert maximum == max(float(x.max()) for x in rows.values())
    assert outcome.validation == pytest.approx(error_of(second, [rows["validation"]], maximum))
    assert outcome.test == pytest.approx(error_of(second, [rows["test"]], maximum))
    codes = {name: second.layers[0].encode(second.preprocess.apply(x)).astype(np.float64) for name, x in rows.items()}
    layer = second.layers[1]
    rebuilt = layer.decode(layer.encode(codes["validation"]))
    error = np.square(rebuilt - codes["validation"]).sum(axis=1).mean()
    left = Components([codes["training"]], 12).errors([codes["validation"]])
    # Table 2 of the paper: scaled by 1025 / HL1; here 129 bins on 12 units
    assert outcome.adjusted == pytest.approx((error * 129 / 12, error / left[0], left[4] * 129 / 12), rel=1e-4)
    assert sweep.outcomes["first"].adjusted is None


def test_a_cell_that_fails_once_is_run_again(material, tmp_path):
    workers = Here({"first": 1})
    sweep = run(material, tmp_path, cells(), workers)
    assert workers.ran.count("first") == 2 and set(sweep.states.values()) == {"done"}


def test_a_cell_that_fails_twice_is_given_up_with_its_descendants_and_the_rest_runs(material, tmp_path):
    workers = Here({"first": 9})
    sweep = run(material, tmp_path, cells(), workers)
    assert sweep.states == {"first": "failed", "other": "done", "second": "impossible", "tuned": "impossible"}
    assert workers.ran.count("first") == 2
    assert sweep.troubles["first"] == "on request"
    assert sweep.troubles["second"] == "needs the model of first, which failed"
    later = Here()
    assert set(run(material, tmp_path, cells(), later).states.values()) == {"done"} and "other" not in later.ran


def test_an_option_that_does_not_suit_the_data_fails_with_a_message(material, tmp_path):
    bad = Cell(name="bad", recipe=recipe(objective="cross_entropy", preprocess=("standardize",)))
    sweep = run(material, tmp_path, [bad], Here())
    assert sweep.states == {"bad": "failed"}
    assert sweep.troubles["bad"].startswith("objective cross_entropy needs spectra from 0 to 1")


def test_what_is_left_when_time_is_up_waits_for_the_next_run(material, tmp_path):
    workers = Here()
    sweep = run(material, tmp_path, cells(), workers, until=lambda: len(workers.ran) == 2)
    assert sorted(sweep.states.values()) == ["done", "done", "waiting", "waiting"]
    rest = Here()
    assert set(run(material, tmp_path, cells(), rest).states.values()) == {"done"}
    assert sorted(rest.ran + workers.ran) == ["first", "other", "second", "tuned"]


def test_ctrl_c_keeps_what_is_done(material, tmp_path):
    workers, sweep = Here(), Sweep(cells(), material, Store(tmp_path))

    def interrupt() -> None:
        if len(workers.ran) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep.run(workers, interrupt, lambda: False)
    assert sorted(sweep.states.values()) == ["done", "waiting", "waiting", "waiting"]


@pytest.mark.parametrize("damage", ["no outcome", "half an outcome", "no model", "another key", "an old outcome"])
def test_a_damaged_cell_runs_again(material, tmp_path, damage):
    only = cells()[:1]
    folder = run(material, tmp_path, only, Here()).path("first")
    about = json.loads((folder / "cell.json").read_text())
    match damage:
        case "no outcome":
            (folder / "cell.json").unlink()
        case "half an outcome":
            (folder / "cell.json").write_text(json.dumps(about)[:100])
        case "no model":
            (folder / "model.h5").unlink()
        case "another key":
            (folder / "cell.json").write_text(json.dumps({**about, "key": "?"}))
        case "an old outcome":
            (folder / "cell.json").write_text(json.dumps({**about, "outcome": {"name": "first"}}))
    workers = Here()
    assert run(material, tmp_path, only, workers).states == {"first": "done"} and workers.ran == ["first"]
    assert [path.name for path in (tmp_path / "cells").iterdir()] == [folder.name]


def test_a_run_that_was_killed_leaves_nothing_behind(tmp_path):
    left = tmp_path / "cells" / ".unfinished-1"
    left.mkdir(parents=True)
    (left / "model.h5").write_text("half")
    Store(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("name", ["../outside.txt", "a/../../outside.txt", "/tmp/aedsp-outside.txt"])
def test_files_with_names_outside_the_folder_are_rejected(material, tmp_path, name):
    files = run_cell(cells()[0], material, None, lambda stage, row: None, lambda: None)
    with pytest.raises(ValueError, match="expected a name inside the cell's folder"):
        Store(tmp_path).put("first", "k" * 64, {**files, name: b"x"})
    assert not list((tmp_path / "cells").iterdir())
    assert not (tmp_path / "outside.txt").exists() and not Path("/tmp/aedsp-outside.txt").exists()


def test_a_name_that_is_not_a_valid_folder_is_rejected(material, tmp_path):
    with pytest.raises(ValueError, match=r"cell is named 'a/b'; expected letters"):
        Sweep([Cell(name="a/b", recipe=recipe())], material, Store(tmp_path))


def test_a_cell_comes_out_the_same_wherever_it_runs(material, tmp_path):
    weights = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        sweep = run(material, folder, cells()[:1], Here())
        weights.append(Model.load(sweep.path("first") / "model.h5").layers[0].encoder_weight)
    np.testing.assert_array_equal(*weights)


def test_a_report_comes_with_the_model_on_request(material, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; reports need it")
    wanted = dataclasses.replace(material, report=True)
    files = run_cell(cells()[0], wanted, None, lambda stage, row: None, lambda: None)
    assert {"model.h5", "model.html", "cell.json", "model.report/units.png"} <= set(files)
    assert json.loads(files["cell.json"])["outcome"]["report"]


def test_larger_cells_cost_more():
    costs = {cell.name: cell.cost for cell in cells()}
    assert costs["second"] < costs["first"] == costs["other"] < costs["tuned"]
    assert Cell(name="a", recipe=recipe(hidden=(24,))).cost > costs["first"]


def test_stacking_needs_matching_layers(material):
    files = run_cell(cells()[0], material, None, lambda stage, row: None, lambda: None)
    model = files["model.h5"]
    for options, expected in [
        ({**DEEP, "hidden": (11, 4)}, r"the model below has hidden \[12\]; the recipe has \[11\]"),
        ({"hidden": (12,)}, r"the model below has 1 layers; expected a recipe with pretraining and more layers"),
        ({**DEEP, "pretraining": False}, r"expected a recipe with pretraining"),
        ({**DEEP, "encoder_activation": ("relu", "sigmoid")}, r"has encoder_activation \['sigmoid'\]"),
        ({**DEEP, "tied": True}, r"has tied False; the recipe has True"),
    ]:
        with pytest.raises(TrainingError, match=expected):
            run_cell(
                Cell(name="a", recipe=recipe(**options), parent="first", stacks=True),
                material, model, lambda stage, row: None, lambda: None,
            )  # fmt: skip


def test_a_stacked_layer_that_diverges_at_once_is_dropped(material, tmp_path):
    options = {**DEEP, "learning_rate": 1e5, "decoder_activation": ("linear", "linear")}
    some = [*cells()[:1], Cell(name="wild", recipe=recipe(**options), parent="first", stacks=True)]
    outcome = run(material, tmp_path, some, Here()).outcomes["wild"]
    assert outcome.diverged and outcome.adjusted is None


def test_a_full_disk_stops_the_sweep_and_loses_nothing_else(material, tmp_path, monkeypatch):
    sweep, workers = Sweep(cells()[:2], material, Store(tmp_path)), Here()
    put = sweep.store.put

    def full(name: str, key: str, files: Files) -> object:
        if name == "first":
            raise OSError(28, "No space left on device")
        return put(name, key, files)

    monkeypatch.setattr(sweep.store, "put", full)
    results = []
    sweep._hand_out(workers)
    for _ in range(2):
        results += workers.finished(1)
    with pytest.raises(OSError, match="No space left"):
        sweep._take_all(results)
    assert sweep.states == {"first": "waiting", "other": "done"}


def test_an_invalid_cell_counts_as_a_failure(material, tmp_path):
    sweep = Sweep(cells()[:1], material, Store(tmp_path))
    for _ in range(2):
        sweep._take_all([("first", {"cell.json": b"{}"})])
    assert sweep.states == {"first": "failed"}
    assert "the worker sent no cell of this version" in sweep.troubles["first"]


class Stopped(Exception):
    pass


def trained(cell: Cell, material: Material, stop_after: int | None = None) -> bytes:
    """The model of a cell; stopped in the epoch after `stop_after`."""
    epochs = []

    def check() -> None:
        if stop_after is not None and len(epochs) > stop_after:  # epoch 0 is a row too
            raise Stopped

    return run_cell(cell, material, None, lambda stage, row: epochs.append(row.epoch), check)["model.h5"]


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_cell_that_was_stopped_resumes_from_its_checkpoint_bit_identically(material, tmp_path, stop_after):
    cell = Cell(name="first", recipe=recipe(epochs=4, corruption=("gaussian:0.1",)))
    (tmp_path / "whole.h5").write_bytes(trained(cell, material))
    kept = dataclasses.replace(material, checkpoint=Store(tmp_path).checkpoint("first", "k" * 64))
    with pytest.raises(Stopped):
        trained(cell, kept, stop_after)
    assert kept.checkpoint.is_file()
    epochs = []
    files = run_cell(cell, kept, None, lambda stage, row: epochs.append(row.epoch), lambda: None)
    assert epochs == list(range(stop_after + 1, 5)), "earlier epochs are not trained again"
    (tmp_path / "resumed.h5").write_bytes(files["model.h5"])
    whole, resumed = (Model.load(tmp_path / f"{name}.h5").layers[0] for name in ("whole", "resumed"))
    for name in ("encoder_weight", "encoder_bias", "decoder_weight", "decoder_bias"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))
    assert json.loads(files["cell.json"])["outcome"]["seconds"] > 0


def test_a_finished_cell_leaves_no_checkpoint_and_a_failed_one_starts_over(material, tmp_path):
    sweep = run(material, tmp_path, cells(), Here())
    assert set(sweep.states.values()) == {"done"} and not list((tmp_path / "checkpoints").iterdir())
    checkpoint = sweep.store.checkpoint("next", sweep.keys["first"])
    some = [Cell(name="next", recipe=recipe())]
    checkpoint.write_bytes(b"damaged")
    workers = Here()
    again = run(material, tmp_path, some, workers)
    assert again.states == {"next": "done"} and workers.ran == ["next", "next"], again.troubles


def test_without_the_folder_of_checkpoints_a_cell_runs_all_the_same(material, tmp_path):
    elsewhere = dataclasses.replace(material, checkpoint=tmp_path / "nowhere" / "first.h5")
    assert trained(cells()[0], elsewhere) and not (tmp_path / "nowhere").exists()


def test_known_cells_do_not_run_unless_a_cell_that_has_to_run_starts_from_them(material, tmp_path):
    there = run(material, tmp_path / "there", cells(), Here())
    known = {there.keys[name]: outcome for name, outcome in there.outcomes.items()}
    sweep = Sweep(cells(), material, Store(tmp_path / "here"), known=known)
    assert set(sweep.states.values()) == {"known"} and not sweep.open and sweep.outcomes == there.outcomes
    without = {key: outcome for key, outcome in known.items() if outcome.name != "tuned"}
    sweep, workers = Sweep(cells(), material, Store(tmp_path / "here"), known=without), Here()
    assert sweep.states == {"first": "waiting", "other": "known", "second": "waiting", "tuned": "waiting"}
    sweep.run(workers, lambda: None, lambda: False)
    assert workers.ran == ["first", "second", "tuned"]
    assert sweep.outcomes["tuned"].validation == there.outcomes["tuned"].validation
    other_corpus = dataclasses.replace(material, fingerprint="another")
    assert set(Sweep(cells(), other_corpus, Store(tmp_path / "here"), known=known).states.values()) == {"waiting"}


def test_two_runs_do_not_share_a_folder(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no such locks")
    with alone(tmp_path), pytest.raises(TrainingError, match="is being written by another run"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
