"""Labels of units: the rules on known spectra, and names in model files."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest

from aedsp.errors import ModelFormatError
from aedsp.model import labels, unit_names
from aedsp.model.model import Model
from models import autoencoder

HZ = np.arange(1025) * 44_100 / 2048


def tones(pitch, n, fall=0.0):
    multiples = pitch * np.arange(1, n + 1)
    peaks = (np.exp(-0.5 * np.square((HZ - hz) / 18)) / k**fall for k, hz in enumerate(multiples, 1))
    return sum(peaks) + 1e-4


def band(low, high):
    return np.where((low < HZ) & (high > HZ), 0.1, 1e-6)


@pytest.mark.parametrize(
    "spectrum, rare, expected",
    [
        (band(40, 110), False, "bass 39-"),
        (band(5000, 14_000), True, "hiss 5-"),
        (band(30, 18_000), True, "attack"),
        (band(30, 18_000), False, "hiss"),
        (band(600, 2000), False, "noise 630-2k Hz"),
        (tones(440, 6), False, "A4 harmonics"),
        (tones(261.63, 8, 1), False, "C4 harmonics"),
        (tones(1174.66, 3), False, "D6 harmonics"),
        (np.zeros(1025), False, "silent"),
    ],
)
def test_the_rules_on_known_spectra(spectrum, rare, expected):
    assert labels.label(spectrum.astype(np.float32), HZ, rare).startswith(expected)


def test_every_label_fits_the_file_and_every_model_gets_some(rng):
    for model in (autoencoder(rng), autoencoder(rng, widths=(12,)), autoencoder(rng, tied=True, context=2)):
        names = labels.label_units(model)
        assert len(names) == model.n_code and all(0 < len(name.encode()) <= 32 for name in names)
        dataclasses.replace(model, unit_names=names)
        assert labels.unit_spectra(model).shape == (model.n_code, model.front_end.n_bins)


def test_names_are_kept_in_the_file(rng, tmp_path):
    model = dataclasses.replace(autoencoder(rng, n_code=3), unit_names=("kick", "", "Flöte 60-200 Hz"))
    model.save(tmp_path / "m.h5")
    assert Model.load(tmp_path / "m.h5").unit_names == model.unit_names
    autoencoder(rng).save(tmp_path / "n.h5")
    assert Model.load(tmp_path / "n.h5").unit_names is None


def test_writing_names_leaves_everything_else_as_it_is(rng, tmp_path):
    path = tmp_path / "m.h5"
    autoencoder(rng, n_code=3).save(path)
    with h5py.File(path, "a") as file:
        file["/others/notes"] = np.arange(4)
        before = {name: item[()] for name, item in _datasets(file)}
    for names in (("a", "b", "c"), ("kick", "Hände", "")):
        unit_names.write(path, names)
        assert Model.load(path).unit_names == names
    with h5py.File(path) as file:
        after = dict(_datasets(file))
        assert all(np.array_equal(after[name][()], value) for name, value in before.items())


def _datasets(file):
    found = []
    file.visititems(lambda name, item: found.append((name, item)) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("names, why", [(("a",) * 2, "3 units"), (("a", "b", "x" * 33), "at most 32 bytes"),
                                        (("a", "b", "two\nlines"), "one line of text")])  # fmt: skip
def test_names_that_do_not_fit_are_refused_and_the_file_stays(rng, tmp_path, names, why):
    path = tmp_path / "m.h5"
    model = autoencoder(rng, n_code=3)
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=why):
        unit_names.write(path, names)
    with pytest.raises(ValueError, match=why.replace("3 units", "unit_names is for 2 units; the code has 3")):
        dataclasses.replace(model, unit_names=names)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("names, why", [
    (np.array([b"a", b"b"]), r"/units/names has shape \(2,\)"),
    (np.array([b"a", b"b", b"x" * 33]), "/units does not fit.*at most 32 bytes"),
    (np.array([b"a", b"b", b"\xff"]), "not UTF-8"),
    (np.zeros(3, np.float32), "expected fixed-length strings"),
])  # fmt: skip
def test_damaged_names_are_refused(rng, tmp_path, names, why):
    path = tmp_path / "m.h5"
    autoencoder(rng, n_code=3).save(path)
    with h5py.File(path, "a") as file:
        file["/units/names"] = names
    with pytest.raises(ModelFormatError, match=why):
        Model.load(path)
