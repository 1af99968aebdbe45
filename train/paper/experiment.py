"""The cells of Tables 1, 2 and 3, and the paper's values for them.

The paper: Sarroff & Casey (2014), "Musical Audio Synthesis Using Autoencoding Neural Nets", section 3. It does not say
which second layers Table 3 connects. Here they are the best of Table 2: 256-8 without noise (the first of several equal
values) and 1500-8 with noise 0.25; both are fine-tuned without noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aedsp.train.run import recipe_file as recipes
from aedsp.train.run.recipe import Recipe
from aedsp.train.sweep.cell import Cell

Options = dict[str, Any]

SIZES = (8, 16, 64, 256, 512, 1024, 1500, 2048, 2500, 3500)
NOISES = (0.00, 0.01, 0.02, 0.05, 0.10, 0.25, 0.50)
#: Sizes with an error at or above the trivial one in the paper; `--learning-rates` also trains them at these rates.
STUCK_SIZES = (2048, 2500, 3500)
RATES = (0.0005, 0.05)
SECOND_SIZES = (8, 16, 32)
SECOND_NOISES = (0.00, 0.10, 0.25)
#: Units of the first layer, and noise of the Table 1 model below the second layers of Table 2.
FIRST_LAYERS = {256: 0.00, 1500: 0.01}
#: Units of the first layer, and noise of the 8-unit second layer that Table 3 connects to it.
TUNED = {256: 0.00, 1500: 0.25}

#: Mean squared validation error by (units, noise).
TABLE_1 = {
    (8, 0.00): 0.0440, (16, 0.00): 0.0414, (64, 0.00): 0.0276, (256, 0.00): 0.0187,
    (512, 0.00): 0.0198, (512, 0.10): 0.0664, (512, 0.25): 0.0854, (512, 0.50): 0.0921,
    (1024, 0.00): 0.0352, (1024, 0.10): 0.0711, (1024, 0.25): 0.0927, (1024, 0.50): 0.0980,
    (1500, 0.00): 0.0371, (1500, 0.01): 0.0360, (1500, 0.02): 0.0405, (1500, 0.05): 0.0547,
    (2048, 0.00): 0.0983, (2048, 0.10): 0.1798, (2048, 0.25): 0.2114, (2048, 0.50): 0.0972,
    (2500, 0.00): 0.0951, (2500, 0.01): 0.0951, (2500, 0.02): 0.0951, (2500, 0.05): 0.0951,
    (3500, 0.00): 0.0951, (3500, 0.01): 0.0951, (3500, 0.02): 0.0951, (3500, 0.05): 0.0951,
}  # fmt: skip
#: Adjusted mean squared validation error by (units of the first layer, of the second, noise).
TABLE_2 = {
    (256, 8, 0.00): 0.0737, (256, 8, 0.10): 0.0737, (256, 8, 0.25): 0.0737,
    (256, 16, 0.00): 0.0737, (256, 16, 0.10): 0.0737, (256, 16, 0.25): 0.0737,
    (256, 32, 0.00): 0.0737, (256, 32, 0.10): 0.0737, (256, 32, 0.25): 0.0737,
    (1500, 8, 0.00): 0.0331, (1500, 8, 0.10): 0.0331, (1500, 8, 0.25): 0.0329,
    (1500, 16, 0.00): 0.0348, (1500, 16, 0.10): 0.0346, (1500, 16, 0.25): 0.0344,
    (1500, 32, 0.00): 0.0356, (1500, 32, 0.10): 0.0369, (1500, 32, 0.25): 0.0384,
}  # fmt: skip
#: Mean squared validation and test error by (units of the first layer, of the second).
TABLE_3 = {(256, 8): (0.0723, 0.1006), (1500, 8): (0.0953, 0.1333)}
#: Section 3.4: 16 rectified units, linear decoder, tied weights.
RELU_16 = 0.0310
#: Figure 2 shows 256-8-256 without noise.
FIGURE_2 = (256, 8)

#: What `--smoke` changes: too little to learn anything.
TINY = {"training_spectra": 500, "validation_spectra": 100, "test_spectra": 100, "epochs": 1}


def data_recipe(tiny: Options) -> Recipe:
    """The recipe for drawing the spectra (section 3.1)."""
    return recipes.load("paper", tiny)


def cells(
    maximum: float, *, full: bool = False, learning_rates: bool = False, tiny: Options | None = None
) -> list[Cell]:
    """All cells, each parent before the cells that start from it.

    Parameters
    ----------
    maximum : float
        The largest magnitude of the whole data set, scaled to 1 (section 3.1); rounded to four digits.
    full : bool
        Table 1 at every size and noise level; otherwise only the entries in the paper.
    learning_rates : bool
        Add the largest models at 0.1 and 10 times the learning rate, without noise.
    tiny : dict, optional
        Options for every recipe, such as `TINY`.
    """
    tiny = tiny or {}
    # four digits: the last bits of the maximum depend on the instruction set, and the cell keys depend on this string
    common = {"preprocess": [f"normalize:{maximum:.4g}"], **tiny}
    made = [*_first(common, full), *_second(common), *_tuned(common), *_others(common, tiny)]
    return made + list(_rates(common) if learning_rates else [])


def first_name(n_units: int, noise: float) -> str:
    return f"{n_units}_noise_{noise:.2f}"


def second_name(n_first: int, n_second: int, noise: float) -> str:
    return f"{n_first}-{n_second}_noise_{noise:.2f}"


def tuned_name(n_first: int, n_second: int) -> str:
    return f"{n_first}-{n_second}_tuned"


def rate_name(n_units: int, learning_rate: float) -> str:
    return f"{n_units}_rate_{learning_rate:g}"


def default_name(n_units: int) -> str:
    return f"default_{n_units}"


RELU_NAME = "relu_16_tied"


def _first(common: Options, full: bool) -> Iterator[Cell]:
    """Table 1."""
    for n_units in SIZES:
        for noise in NOISES:
            if full or (n_units, noise) in TABLE_1:
                changes = {**common, "hidden": [n_units], "corruption": [_corruption(noise)]}
                yield Cell(name=first_name(n_units, noise), recipe=recipes.load("paper", changes))


def _second(common: Options) -> Iterator[Cell]:
    """Table 2: the noise is on the input of the second layer, the codes of the first."""
    for n_first, n_second, noise in TABLE_2:
        changes = {
            **common,
            "hidden": [n_first, n_second],
            "corruption": ["none", _corruption(noise)],
            "fine_tuning": False,
        }
        yield Cell(
            name=second_name(n_first, n_second, noise),
            recipe=recipes.load("paper_deep", changes),
            parent=first_name(n_first, FIRST_LAYERS[n_first]),
            stacks=True,
        )


def _tuned(common: Options) -> Iterator[Cell]:
    """Table 3."""
    for n_first, n_second in TABLE_3:
        recipe = recipes.load("paper_deep", {**common, "hidden": [n_first, n_second]})
        parent = second_name(n_first, n_second, TUNED[n_first])
        yield Cell(name=tuned_name(n_first, n_second), recipe=recipe, parent=parent)


def _others(common: Options, tiny: Options) -> Iterator[Cell]:
    """The paper's preliminary rectified model, and the recipe `reconstruction` of this project on the same spectra."""
    relu = {**common, "hidden": [16], "encoder_activation": ["relu"], "tied": True}
    yield Cell(name=RELU_NAME, recipe=recipes.load("paper", relu))
    data = data_recipe(tiny)
    same = ("split", "training_spectra", "validation_spectra", "test_spectra")
    changes = {name: getattr(data, name) for name in same} | tiny
    for n_units in SIZES:
        yield Cell(name=default_name(n_units), recipe=recipes.load("reconstruction", {**changes, "code": n_units}))


def _rates(common: Options) -> Iterator[Cell]:
    for n_units in STUCK_SIZES:
        for rate in RATES:
            changes = {**common, "hidden": [n_units], "learning_rate": rate}
            yield Cell(name=rate_name(n_units, rate), recipe=recipes.load("paper", changes))


def _corruption(noise: float) -> str:
    return f"gaussian:{noise:.2f}" if noise else "none"
