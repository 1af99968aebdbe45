import numpy as np
import pytest

from aedsp._kernels.resample import Filter
from reference import resample as reference

PAIRS = [
    (48_000, 22_050),
    (22_050, 48_000),
    (44_100, 22_050),
    (22_050, 44_100),
    (96_000, 22_050),
    (22_050, 44_101),
    (16_000, 22_050.5),
]


def response_db(rate_in, rate_out, frequency):
    """Levels after resampling, in the middle of the output: of the sine, the rest, and both together."""
    n = int(rate_in * 0.2)
    x = np.sin(2 * np.pi * frequency * np.arange(n) / rate_in).astype(np.float32)
    y = Filter(rate_in, rate_out).resample(x)[len(x) * 0 :]
    y = y[len(y) // 4 : -len(y) // 4].astype(np.float64)
    t = np.arange(len(y)) / rate_out
    basis = np.stack([np.sin(2 * np.pi * frequency * t), np.cos(2 * np.pi * frequency * t)], 1)
    fit = basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
    db = lambda v: 20 * np.log10(np.sqrt(np.mean(v**2)) / np.sqrt(0.5) + 1e-12)
    return db(fit), db(y - fit), db(y)


@pytest.mark.parametrize("rate_in, rate_out", PAIRS)
def test_passband_is_flat_to_a_tenth_of_a_db(rate_in, rate_out):
    nyquist = min(rate_in, rate_out) / 2
    for share in (0.01, 0.3, 0.6, 0.8, 0.9):
        level, rest, _ = response_db(rate_in, rate_out, share * nyquist)
        assert abs(level) < 0.1, share
        assert rest < -90, share


@pytest.mark.parametrize("rate_in, rate_out", [p for p in PAIRS if p[0] > p[1]])
def test_stopband_is_below_minus_90_db(rate_in, rate_out):
    nyquist = rate_out / 2
    for frequency in np.linspace(nyquist, rate_in / 2 * 0.99, 12):
        assert response_db(rate_in, rate_out, frequency)[2] < -90, frequency


@pytest.mark.parametrize("rate_in, rate_out", [(48_000, 22_050), (22_050, 48_000), (22_050, 44_101)])
def test_equals_the_windowed_sinc(rng, rate_in, rate_out):
    x = rng.uniform(-1, 1, 1500).astype(np.float32)
    kernel = Filter(rate_in, rate_out)
    h = reference.kaiser_sinc(rate_in, rate_out, kernel.half)
    np.testing.assert_allclose(kernel.resample(x), reference.resample(x, rate_in, rate_out, h), atol=4e-5)


def test_equal_rates_pass_unchanged(rng):
    x = rng.uniform(-1, 1, 777).astype(np.float32)
    assert np.array_equal(Filter(22_050, 22_050).resample(x), x)


@pytest.mark.parametrize("rate_in, rate_out", PAIRS)
def test_any_partition_is_bit_identical(rng, rate_in, rate_out):
    x = rng.uniform(-1, 1, 5000).astype(np.float32)
    kernel = Filter(rate_in, rate_out)
    expected = kernel.resample(x)
    for block in (1, 7, 64, 5000):
        assert np.array_equal(kernel.resample(x, block), expected)
