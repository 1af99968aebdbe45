"""Recipe files: the shipped ones and the user's, with the options for a code size and those of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aedsp import toml
from aedsp.errors import TrainingError
from aedsp.text import read_text
from aedsp.train.run.recipe import Recipe, from_options, renamed

RECIPES = Path(__file__).parents[1] / "recipes"
#: Used when none is given; `default` is another name for it.
DEFAULT_RECIPE = "fast"


def names() -> list[str]:
    """Names of the recipes in the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load(name_or_path: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Load a shipped recipe by name, or a TOML file by path, and apply `changes`.

    Raises
    ------
    TrainingError
        No such recipe, invalid TOML, an unknown option (the message gives the nearest valid one), or an invalid
        value.
    """
    changes = dict(changes or {})
    if changes.get("hidden") is not None and changes.get("code") is not None:
        raise TrainingError("hidden sets all layers, code only the units of the innermost one; give one of them")
    name = DEFAULT_RECIPE if name_or_path == "default" and not Path(name_or_path).exists() else name_or_path
    path = shipped if (shipped := RECIPES / f"{name}.toml").is_file() else Path(name_or_path)
    if not path.is_file():
        raise TrainingError(f"no such recipe: {name_or_path!r}; give a TOML file, or one of {', '.join(names())}")
    try:
        options = toml.loads(read_text(path))
        recipe = from_options(_for_code(options, changes))
    except (toml.TOMLDecodeError, UnicodeError) as error:
        raise TrainingError(f"{path} is not valid TOML ({error})") from error
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    if "hidden" in changes:
        changes = _refitted(recipe, changes)
    return from_options({**recipe.to_dict(), **changes})


def _for_code(options: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a recipe file for the chosen code size: its tables `from_code.N` apply from N units on, except to
    the shape of layers that `changes` sets.

    Raises
    ------
    TrainingError
        `from_code` is not a table of tables, or a table has no number.
    """
    options = renamed(options)
    tables = options.pop("from_code", {})
    if not isinstance(tables, dict) or not all(n.isdigit() and isinstance(t, dict) for n, t in tables.items()):
        raise TrainingError(
            f"from_code is {tables!r}; expected tables like [from_code.64], named after the smallest code size"
        )
    hidden = changes.get("hidden", options.get("hidden", 0))
    code = (
        changes.get("code")
        or options.get("code")
        or ([0, *hidden][-1] if isinstance(hidden, (list, tuple)) else hidden)
    )
    shape = ("hidden", "encoder_activation", "decoder_activation") if "hidden" in changes else ()
    for least in sorted(tables, key=int):
        if isinstance(code, int) and int(least) <= code:
            options |= {key: value for key, value in renamed(tables[least]).items() if key not in shape}
    return options


def _refitted(recipe: Recipe, changes: dict[str, Any]) -> dict[str, Any]:
    """`changes`, plus the recipe's per-layer options adapted to the new number of layers.

    The innermost layer keeps its encoder activation and its sparsity, the outermost its decoder activation and its
    corruption; the layers between copy their neighbours.
    """
    hidden = changes["hidden"]
    n = len(hidden) if isinstance(hidden, (list, tuple)) else 1
    fitted: dict[str, Any] = {"code": None}
    for name in ("encoder_activation", "sparsity"):
        values = list(getattr(recipe, name))
        fitted[name] = values if len(values) == 1 else [values[0]] * (n - 1) + [values[-1]]
    for name in ("decoder_activation", "corruption"):
        values = list(getattr(recipe, name))
        fitted[name] = values if len(values) == 1 else [values[0]] + [values[-1]] * (n - 1)
    return {**fitted, **changes}
