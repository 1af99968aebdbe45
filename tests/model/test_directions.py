"""Directions of bright, loud and rough: each moves its descriptor, and the others little."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aedsp import data
from aedsp.model import directions
from aedsp.model.model import Model
from models import autoencoder, front_end


def test_descriptors_of_known_spectra():
    geometry = front_end(fft_length=1024, window_length=1024)
    hz = geometry.centres_hz()
    spectra = np.zeros((3, len(hz)))
    spectra[0, np.argmin(np.abs(hz - 1000))] = 0.5
    spectra[1, np.argmin(np.abs(hz - 4000))] = 0.5
    spectra[2] = 0.1
    centroid, level, flatness = directions.describe(spectra, geometry).T
    assert abs(centroid[0]) < 0.03 and abs(centroid[1] - 2) < 0.03
    assert np.allclose(level[:2], 20 * np.log10(0.5), atol=0.01)
    assert abs(flatness[2]) < 1e-6 and flatness[0] < -50


@pytest.mark.parametrize("name", data.MODELS)
def test_a_direction_moves_its_descriptor_and_the_others_little(name):
    model = Model.load(data.model_path(name))
    code = directions._draw(model.code_statistics).astype(np.float32)
    before = directions.describe(model.decode(code), model.front_end)
    for i, (direction, offset) in enumerate(directions.fit(model).items()):
        after = directions.describe(model.decode(code + offset), model.front_end)
        moved = (after - before).mean(axis=0) / before.std(axis=0)
        assert 0.3 < moved[i] < 1.7, f"{direction}: {moved}"
        assert np.abs(np.delete(moved, i)).max() < 0.45, f"{direction}: {moved}"


def test_without_statistics_there_are_none(rng):
    assert directions.fit(autoencoder(rng)) == {}
    assert directions.fit(dataclasses.replace(autoencoder(rng), code_statistics=None)) == {}
