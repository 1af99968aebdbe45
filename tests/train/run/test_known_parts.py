"""Labels of units trained on corpora whose parts are known: each unit's label names its part."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import soundfile

from aedsp.model.model import Model
from calls import call

RATE, SECONDS = 22_050, 24
T = np.arange(RATE * SECONDS) / RATE


def gate(rng, every_s, length_s, decay=0.0):
    """1 at random for notes of `length_s`, every `every_s`, decaying by e-folds per second."""
    within = T % every_s
    on = rng.random(int(SECONDS / every_s) + 1)[(T // every_s).astype(int)] < 0.5
    smooth = np.clip(np.minimum(within, length_s - within) / 0.005, 0, 1)
    return on * smooth * np.exp(-decay * within)


def harmonics(hz, n, fall):
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, T.shape)) / RATE
    return sum(np.sin(k * phase) / k**fall for k in range(1, n + 1))


def bass(rng):
    notes = rng.choice([55, 61.7, 73.4], SECONDS * 2 + 1)[(T // 0.5).astype(int)]
    return 0.4 * gate(rng, 0.5, 0.45) * harmonics(notes, 2, 2)


def hat(rng):
    high = scipy.signal.butter(8, 6000, "high", fs=RATE, output="sos")
    return 0.2 * gate(rng, 0.25, 0.2, 20) * scipy.signal.sosfilt(high, rng.standard_normal(len(T)))


def voice(rng):
    return 0.1 * gate(rng, 0.7, 0.65) * harmonics(440 * (1 + 0.004 * np.sin(2 * np.pi * 5.5 * T)), 8, 0.8)


def drum(rng):
    return 0.5 * gate(rng, 1.0, 0.3, 60) * rng.standard_normal(len(T))


def organ(rng):
    return 0.1 * gate(rng, 0.9, 0.85) * harmonics(261.63, 5, 1.2)


def low_noise(rng):
    band = scipy.signal.butter(4, (600, 2000), "band", fs=RATE, output="sos")
    return 0.3 * gate(rng, 0.6, 0.5) * scipy.signal.sosfilt(band, rng.standard_normal(len(T)))


CORPORA = {
    "bass, hi-hat, voice": ({"bass": bass, "hiss": hat, "A4 harmonics": voice}),
    "bass, drum, organ": ({"bass": bass, "attack": drum, "C4 harmonics": organ}),
    "noise, hi-hat, organ": ({"noise": low_noise, "hiss": hat, "C4 harmonics": organ}),
    "bass, voice": ({"bass": bass, "A4 harmonics": voice}),
}


@pytest.mark.parametrize("name", CORPORA)
def test_each_label_names_its_part(name, tmp_path):
    rng = np.random.default_rng(3)
    folder = tmp_path / "music"
    folder.mkdir()
    for i in range(2):
        mixture = sum(part(rng) for part in CORPORA[name].values()) + 1e-4 * rng.standard_normal(len(T))
        soundfile.write(folder / f"{i}.wav", mixture, RATE, "FLOAT")
    n = len(CORPORA[name])
    options = (
        "--recipe",
        "parts",
        "--training-spectra",
        2000,
        "--validation-spectra",
        300,
        "--test-spectra",
        0,
        "--hidden",
        n,
        "--split",
        "frame",
        "--no-report",
    )
    assert call(folder, "-o", tmp_path / "m.h5", *options) == 0
    names = Model.load(tmp_path / "m.h5").unit_names
    for part in CORPORA[name]:
        assert sum(label.startswith(part) for label in names) == 1, names
