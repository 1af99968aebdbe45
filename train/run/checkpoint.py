"""Checkpoints: the state of a run after an epoch, in an HDF5 file, to resume bit-identically.

Atomic write: if it fails, the previous checkpoint is kept.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from aedsp.arrays import Floats
from aedsp.atomic import atomic_write, is_locked, sibling
from aedsp.errors import TrainingError
from aedsp.train.run.recipe import NEW_OPTIONS, renamed

FORMAT = "aedsp-checkpoint"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """recipe : every option; corpus : fingerprint; stage : index of the current one; about : numbers and strings;
    arrays : by name."""

    recipe: dict[str, Any]
    corpus: str
    stage: int
    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Floats] = field(default_factory=dict)


def path_for(output: Path) -> Path:
    """The path of the checkpoint of a model in training."""
    return sibling(output, ".checkpoint.h5")


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint to `path`, replacing an older one."""
    image = io.BytesIO()  # in memory, so that a full disk is an error of Python, not of HDF5
    with h5py.File(image, "w") as file:
        file.attrs["format"] = np.bytes_(FORMAT)
        file.attrs["format_version"] = FORMAT_VERSION
        about = {name: getattr(checkpoint, name) for name in ("recipe", "corpus", "stage", "about")}
        file["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        arrays = file.create_group("arrays")
        for name, array in checkpoint.arrays.items():
            arrays[name] = array
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(image.getvalue())


def load(path: Path) -> Checkpoint:
    """Load the checkpoint at `path`.

    Raises
    ------
    TrainingError
        The file is damaged or not a checkpoint of this version.
    """
    try:
        with h5py.File(path, "r") as file:
            version = file.attrs["format_version"]
            if file.attrs["format"] != FORMAT.encode() or version != FORMAT_VERSION:
                raise TrainingError(f"{path} is not a checkpoint of version {FORMAT_VERSION}; delete it to start over")
            about = json.loads(bytes(file["about"][:]))
            return Checkpoint(**about, arrays={name: dataset[...] for name, dataset in file["arrays"].items()})
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        if is_locked(error):
            raise TrainingError(
                f"{path} is open in another program; close it there, and run the command again"
            ) from None
        raise TrainingError(f"{path} is damaged ({error}); delete it to start over") from None


def require_same(path: Path, checkpoint: Checkpoint, recipe: Mapping[str, Any], corpus: str) -> None:
    """Reject a checkpoint of another recipe or corpus.

    Raises
    ------
    TrainingError
        The message names every option that differs, with both values.
    """
    mend = f"use the same options, give another output, or delete {path} to start over"
    then, now = {**NEW_OPTIONS, **renamed(checkpoint.recipe)}, json.loads(json.dumps(dict(recipe)))
    differences = [
        f"{key} was {then.get(key)!r} and is {now.get(key)!r}"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if differences:
        raise TrainingError(f"{path} belongs to another recipe: {'; '.join(differences)}; {mend}")
    if checkpoint.corpus != corpus:
        raise TrainingError(f"{path} belongs to other spectra: the audio files have changed; {mend}")
