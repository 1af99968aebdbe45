"""Writes the labels of the units into a model file, and leaves everything else in it as it is. Control thread only."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import h5py

from aedsp.atomic import atomic_write
from aedsp.model.format import LONGEST_NAME, checked_names, names_dataset
from aedsp.model.model import Model


def write(path: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Replace `/units/names`, atomically; the file is read back before it replaces `path`.

    Raises
    ------
    ModelFormatError
        The file is not a valid model.
    ValueError
        A name is too long or no line of text, or there are not as many as units.
    OSError
        The file cannot be read, or its folder cannot be written.
    """
    model = Model.load(path)
    if len(names) != model.n_code:
        raise ValueError(f"{len(names)} names are given; the code has {model.n_code} units")
    image = io.BytesIO(Path(path).read_bytes())
    with h5py.File(image, "r+", libver=("v108", "v108")) as file:
        units = file.require_group("units")
        if "names" in units:
            del units["names"]
        kind = h5py.string_dtype("utf-8", LONGEST_NAME)
        units.create_dataset("names", data=names_dataset(checked_names(names)).astype(kind))
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(image.getvalue())
        Model.load(unfinished)
