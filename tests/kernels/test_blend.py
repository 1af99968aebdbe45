import numpy as np
import pytest

from aedsp._kernels import blend
from reference import blend as reference

SIZES = [0, 1, 7, 16, 33, 1025]


def magnitudes(rng, n):
    z = (10.0 ** rng.uniform(-9, 1, n)).astype(np.float32)
    z[::5] = 0
    return z


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("detail", [0.0, 0.25, 1.0])
def test_detail_matches_the_reference(rng, n, detail):
    z, z0, x = (magnitudes(rng, n) for _ in range(3))
    expected = reference.detailed(z, z0, x, detail)
    np.testing.assert_allclose(blend.detailed(z, z0, x, detail), expected, rtol=8e-7, atol=1e-30)


def test_untouched_at_full_detail_the_original_passes_bit_identical(rng):
    z, x = magnitudes(rng, 1025), magnitudes(rng, 1025)
    assert np.array_equal(blend.detailed(z, z, x, 1.0), x)
    assert np.array_equal(blend.detailed(z, x, x, 0.0), z)


def test_the_ratio_is_limited_to_eight(rng):
    x = magnitudes(rng, 33)
    full, zero = np.full(33, 16, np.float32), np.zeros(33, np.float32)
    assert np.array_equal(blend.detailed(full, zero, x, 1.0), 8 * x)
    np.testing.assert_allclose(blend.detailed(zero, full, x, 1.0), x * 1e-4 / 16.0001, rtol=1e-6)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0])
def test_mix_matches_the_reference(rng, n, mix):
    m, turns = magnitudes(rng, n), 2j * np.pi * rng.random(n)
    unit, original = np.exp(turns), rng.standard_normal(n) + 1j * rng.standard_normal(n)
    parts = [np.ascontiguousarray(a, np.float32) for a in (unit.real, unit.imag, original.real, original.imag)]
    re, im = blend.mixed(m, *parts[:2], 3.5, mix, *parts[2:])
    expected = reference.mixed(original, 3.5 * m * unit, mix)
    np.testing.assert_allclose(re + 1j * im, expected, atol=4e-7 * (1 + 3.5 * m.max(initial=0)))
    if mix == 0:
        assert np.array_equal(re, parts[2]) and np.array_equal(im, parts[3])


def test_different_lengths_raise():
    x, y = np.zeros(3, np.float32), np.zeros(4, np.float32)
    with pytest.raises(ValueError, match="decoded, neutral, original have 3, 3, 4 bins; expected equal numbers"):
        blend.detailed(x, x, y, 1.0)
    with pytest.raises(ValueError, match="all arrays must have 3 bins, like magnitude"):
        blend.mixed(x, x, x, 1.0, 0.5, x, y)
