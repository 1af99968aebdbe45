"""The shipped demo models: free, small, made by their recipes, and close to the music that they never heard."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
import soxr

import aedsp
from aedsp.model.front_end import FrontEnd
from aedsp.model.model import Model
from aedsp.train.run import recipe as recipes

DATA = Path(aedsp.__file__).parent / "data"
DEMOS = [name for name in recipes.names() if name.startswith("demo_")]


def model_path(recipe: str) -> Path:
    return DATA / f"relu_{recipe.removeprefix('demo_')}.h5"


def stft(x: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(x, front_end.window_length)[:: front_end.hop_length]
    return np.fft.rfft(frames * front_end.analysis_window(), front_end.fft_length)


def resynthesized(model: Model, x: np.ndarray) -> np.ndarray:
    """Magnitudes through the model, phases of the input, overlap-add under the dual window; float64."""
    front_end, padding = model.front_end, model.front_end.window_length
    spectra = stft(np.pad(x, (padding, 2 * padding)), front_end)
    magnitudes, _ = model.reconstruct(np.abs(spectra) * front_end.magnitude_scale)
    frames = np.fft.irfft(magnitudes / front_end.magnitude_scale * np.exp(1j * np.angle(spectra)))
    y = np.zeros(len(x) + 3 * padding)
    for i, frame in enumerate(frames[:, :padding] * front_end.synthesis_window()):
        y[i * front_end.hop_length :][:padding] += frame
    return y[padding : padding + len(x)]


def spectral_convergence_db(x: np.ndarray, y: np.ndarray, front_end: FrontEnd) -> float:
    """``20 log10(‖|Y| - |X|‖ / ‖|X|‖)``, Frobenius norms."""
    before, after = np.abs(stft(x, front_end)), np.abs(stft(y, front_end))
    return float(20 * np.log10(np.linalg.norm(after - before) / np.linalg.norm(before)))


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_is_what_its_recipe_says(name):
    recipe, model = recipes.load(name), Model.load(model_path(name))
    assert recipe.license == ("CC0-1.0",) and model.license == recipe.model_license == "CC0-1.0"
    assert ((model.n_code,), model.layers[0].tied) == (recipe.hidden, recipe.tied)
    assert model.front_end == recipe.analysis()
    with h5py.File(model_path(name)) as file:
        recorded = json.loads(file["training"].attrs["recipe"])
    lengths = {name: getattr(recipe.analysis(), name) for name in ("fft_length", "window_length", "hop_length")}
    assert recipes.from_options({**recipe.to_dict(), **recorded}) == dataclasses.replace(recipe, **lengths)


@pytest.mark.parametrize("name", DEMOS)
def test_a_shipped_model_can_be_played(name):
    """No dead unit, and silence for silence."""
    model = Model.load(model_path(name))
    assert (model.code_statistics.percentiles[6] > 0).all()
    assert not model.decode(np.zeros((1, model.n_code))).any()


def test_the_shipped_models_are_small():
    assert sum(model_path(name).stat().st_size for name in DEMOS) < 1.2e6


def test_the_units_of_the_larger_model_only_add():
    assert Model.load(model_path("demo_160")).layers[0].decoder_weight.min() >= 0


def test_the_larger_model_comes_close_to_the_test_files(corpus):
    model, figures = Model.load(model_path("demo_160")), {}
    for path in sorted((corpus / "test").glob("*.flac")):
        x, rate = soundfile.read(path, always_2d=True)
        x = soxr.resample(x.mean(axis=1), rate, model.front_end.sample_rate)[: 30 * 22_050]
        figures[path.name] = spectral_convergence_db(x, resynthesized(model, x), model.front_end)
    assert len(figures) >= 5
    assert np.mean(list(figures.values())) < -14, figures
