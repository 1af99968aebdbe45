"""Checkpoints: a run between two epochs, in an HDF5 file beside the model, so that it goes on as if never stopped.

Written beside, synchronised, then renamed: whatever happens meanwhile, the previous one survives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from aedsp.arrays import Floats
from aedsp.atomic import atomic_write
from aedsp.errors import TrainingError
from aedsp.train.run.recipe import renamed

FORMAT = "aedsp-checkpoint"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """recipe : every option; corpus : fingerprint; stage : index of the one under way; about : numbers and texts;
    arrays : by name."""

    recipe: dict[str, Any]
    corpus: str
    stage: int
    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Floats] = field(default_factory=dict)


def path_for(output: Path) -> Path:
    """Where the checkpoint of a model is kept while it is being trained."""
    return output.with_name(f"{output.stem}.checkpoint.h5")


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path`."""
    with h5py.File("checkpoint", "w", driver="core", backing_store=False) as file:
        file.attrs["format"] = np.bytes_(FORMAT)
        file.attrs["format_version"] = FORMAT_VERSION
        about = {name: getattr(checkpoint, name) for name in ("recipe", "corpus", "stage", "about")}
        file["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        arrays = file.create_group("arrays")
        for name, array in checkpoint.arrays.items():
            arrays[name] = array
        file.flush()
        image = file.id.get_file_image()  # made in memory: only Python meets a full disk
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(image)


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`.

    Raises
    ------
    TrainingError
        It is none, or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            version = file.attrs["format_version"]
            if file.attrs["format"] != FORMAT.encode() or version != FORMAT_VERSION:
                raise TrainingError(
                    f"{path} is no checkpoint of version {FORMAT_VERSION}; delete it to train from the start"
                )
            about = json.loads(bytes(file["about"][:]))
            return Checkpoint(**about, arrays={name: dataset[...] for name, dataset in file["arrays"].items()})
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); delete it to train from the start") from None


def require_same(path: Path, checkpoint: Checkpoint, recipe: Mapping[str, Any], corpus: str) -> None:
    """Refuse to go on with another recipe or another corpus.

    Raises
    ------
    TrainingError
        The text names every option that differs, with both values.
    """
    mend = f"train with the same options, give another output, or delete {path} to train from the start"
    then, now = renamed(checkpoint.recipe), json.loads(json.dumps(dict(recipe)))
    differences = [
        f"{key} was {then.get(key)!r} and is {now.get(key)!r}"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if differences:
        raise TrainingError(f"{path} is of another recipe: {'; '.join(differences)}; {mend}")
    if checkpoint.corpus != corpus:
        raise TrainingError(f"{path} is of other spectra: the audio files have changed since; {mend}")
