"""Models in open files and in packages."""

from __future__ import annotations

import importlib.resources
import io
import sys
import zipfile

import numpy as np
import pytest

import aedsp
from models import autoencoder


def same(a, b):
    return all(np.array_equal(x.encoder_weight, y.encoder_weight) for x, y in zip(a.layers, b.layers, strict=True))


def test_a_round_trip_through_bytes(rng, tmp_path):
    model = autoencoder(rng)
    image = io.BytesIO()
    model.save(image)
    model.save(tmp_path / "m.h5")
    assert image.getvalue() == (tmp_path / "m.h5").read_bytes()
    image.seek(0)
    assert same(aedsp.Model.load(image), model)
    with open(tmp_path / "m.h5", "rb") as file:
        assert same(aedsp.Model.load(file), model)


def test_from_the_position_on(rng, tmp_path):
    """One file among others in an archive of one's own."""
    model, image = autoencoder(rng), io.BytesIO(b"header")
    image.seek(6)
    model.save(image)
    image.seek(6)
    assert same(aedsp.Model.load(image), model)


def test_a_file_of_a_zipped_package(rng, tmp_path, monkeypatch):
    model, image = autoencoder(rng), io.BytesIO()
    model.save(image)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("packed_models/__init__.py", "")
        archive.writestr("packed_models/m.h5", image.getvalue())
    monkeypatch.syspath_prepend(str(tmp_path / "p.zip"))
    assert same(aedsp.Model.load(importlib.resources.files("packed_models") / "m.h5"), model)
    sys.modules.pop("packed_models")


@pytest.mark.parametrize(
    "file, error, message",
    [
        (io.BytesIO(b""), aedsp.errors.ModelFormatError, "<BytesIO>: is not HDF5: it is empty"),
        (io.BytesIO(b"RIFF1234"), aedsp.errors.ModelFormatError, "<BytesIO>: is not HDF5: it starts with b'RIFF1234'"),
        (io.StringIO("x"), TypeError, r"<StringIO>: is open in text mode; .*: open\(path, 'rb'\)"),
        (7, TypeError, "the model file is int; expected a path or an open binary file"),
    ],
)
def test_what_is_no_model(file, error, message):
    with pytest.raises(error, match=message):
        aedsp.Model.load(file)


def test_a_damaged_one_is_named(rng):
    image = io.BytesIO()
    autoencoder(rng).save(image)
    cut = io.BytesIO(image.getvalue()[:3000])
    cut.name = "archive/m.h5"
    with pytest.raises(aedsp.errors.ModelFormatError, match=r"archive/m\.h5: /?.*damaged or truncated"):
        aedsp.Model.load(cut)
