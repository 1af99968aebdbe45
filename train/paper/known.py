"""Known cells: outcomes of another run, written to `tables.json` and read back with `--known`.

A model of 3,500 units takes megabytes and hours; its numbers take one line. With them, a run on a new machine trains
only the missing cells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aedsp.errors import TrainingError
from aedsp.train.sweep.cell import Outcome
from aedsp.train.sweep.sweep import Sweep


def to_json(sweep: Sweep) -> dict[str, dict[str, Any]]:
    """By name, the key, the state and the outcome (if any) of each cell; without machine names."""
    return {
        name: {"key": sweep.keys[name], "state": state, "outcome": _outcome(sweep.outcomes.get(name))}
        for name, state in sweep.states.items()
    }


def read(path: Path) -> Mapping[str, Outcome]:
    """Outcomes by key, from the `tables.json` of another run.

    Raises
    ------
    TrainingError
        The file cannot be read, or contains no cells.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"].values()
        return {cell["key"]: Outcome(**cell["outcome"]) for cell in cells if cell["outcome"] is not None}
    except OSError as error:
        raise TrainingError(f"{path} cannot be read ({error.strerror}); give the tables.json of another run") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TrainingError(
            f"{path} contains no cells with key and outcome; expected the tables.json of a run of this version"
        ) from None


def _outcome(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {name: value for name, value in asdict(outcome).items() if name != "worker"}
