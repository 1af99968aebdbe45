"""Time-stretching and transposing before the engine: settings, whole sources, resynthesis."""

import numpy as np
import pytest

import aedsp
from aedsp.engine import time_stretch
from models import autoencoder, level_db, music


@pytest.mark.parametrize("rate", [22_050, 48_000])
@pytest.mark.parametrize("stretch", [0.25, 0.8, 1.5, 4])
def test_a_whole_source_has_the_stretched_length(rng, rate, stretch):
    x = rng.uniform(-1, 1, (15_001, 2)).astype(np.float32)
    y = np.concatenate(list(time_stretch.Stretched(np.split(x, [100, 9000]), rate, 2, stretch, 3)))
    assert len(y) == round(15_001 * stretch) and y.dtype == np.float32 and level_db(y[:1000]) > -15
    again = np.concatenate(list(time_stretch.Stretched([x], rate, 2, stretch, 3)))
    assert np.array_equal(y, again)


def test_neutral_settings_leave_blocks_untouched(rng):
    x = rng.uniform(-1, 1, (5000, 1)).astype(np.float32)
    assert next(iter(time_stretch.Stretched([x], 22_050, 1, 1, 0))) is x


@pytest.mark.parametrize(
    ("stretch", "transpose", "text"),
    [
        (0.2, 0, r"stretch is 0\.2; expected 0\.25 to 4"),
        (float("nan"), 0, "stretch is nan"),
        ("2", 0, "stretch is '2'; expected a number from"),
        (True, 0, "stretch is True"),
        (1, 25, "transpose is 25; expected -24 to 24"),
        (1, float("-inf"), "transpose is -inf"),
    ],
)
def test_values_out_of_range_are_refused(stretch, transpose, text):
    with pytest.raises(ValueError, match=text):
        aedsp.resynthesize(aedsp.demo_model(), np.zeros(10, np.float32), stretch=stretch, transpose=transpose)


def test_resynthesis_of_a_stretched_source(rng):
    model, x = autoencoder(rng), music(rng, 9000)
    y = aedsp.resynthesize(model, x, stretch=1.5, transpose=-2)
    stretched = np.concatenate(list(time_stretch.Stretched([x[:, None]], 22_050, 1, 1.5, -2)))[:, 0]
    assert y.shape == (13_500,) and np.array_equal(y, aedsp.resynthesize(model, stretched))
    original = aedsp.resynthesize(model, x, stretch=1.5, transpose=-2, monitor="original")
    assert level_db(original - stretched) - level_db(stretched) < -80
    assert aedsp.resynthesize(model, np.zeros((0, 2), np.float32), stretch=2).shape == (0, 2)


def test_invalid_audio_is_refused_when_stretched_too():
    for x in (np.zeros(10, np.int16), np.zeros(10, complex), np.zeros(10, bool)):
        with pytest.raises(TypeError, match="expected floating-point samples"):
            aedsp.resynthesize(aedsp.demo_model(), x, stretch=2)
