import numpy as np
import pytest

from aedsp._kernels.fft import Fft
from reference import fft as reference

SIZES = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
EPS32 = np.finfo(np.float32).eps


def relative_rms(error, of):
    return np.sqrt(np.mean(np.abs(error) ** 2) / np.mean(np.abs(of) ** 2))


def signals(rng, n):
    t = np.arange(n)
    impulse = np.zeros(n)
    impulse[n // 3] = 1
    return {
        "noise": rng.standard_normal(n),
        "tone": np.sin(2 * np.pi * 5 * t / n + 0.3),
        "impulse": impulse,
        "step": np.where(t < n // 2, 1.0, -1.0),
        "tiny": rng.standard_normal(n) * 1e-20,
    }


@pytest.mark.parametrize("n", SIZES)
def test_forward_differs_from_the_definition_by_rounding_only(rng, n):
    fft = Fft(n)
    for name, x in signals(rng, n).items():
        x = x.astype(np.float32)
        re, im = fft.forward(x)
        expected = reference.forward(x)
        assert relative_rms(re + 1j * im - expected, expected) < 2.5 * EPS32, name


@pytest.mark.parametrize("n", SIZES)
def test_inverse_differs_from_the_definition_by_rounding_only(rng, n):
    fft = Fft(n)
    re, im = (rng.standard_normal(n // 2 + 1).astype(np.float32) for _ in range(2))
    x = fft.inverse(re, im)
    expected = reference.inverse(re + 1j * im)
    assert relative_rms(x - expected, expected) < 2.5 * EPS32


@pytest.mark.parametrize("n", SIZES)
def test_round_trip(rng, n):
    fft = Fft(n)
    x = rng.standard_normal(n).astype(np.float32)
    assert relative_rms(fft.inverse(*fft.forward(x)) - x, x) < 4 * EPS32


@pytest.mark.parametrize("n", [64, 128, 512, 2048])
def test_every_bin_alone(n):
    """A cosine in each bin: energy there and nowhere else, so every bin is written exactly once."""
    fft = Fft(n)
    t = np.arange(n)
    for k in range(n // 2 + 1):
        re, im = fft.forward(np.cos(2 * np.pi * k * t / n).astype(np.float32))
        expected = np.zeros(n // 2 + 1)
        expected[k] = n if k in (0, n // 2) else n / 2
        np.testing.assert_allclose(re, expected, atol=n * 4e-7)
        np.testing.assert_allclose(im, 0, atol=n * 4e-7)


def test_silence_is_exact_and_output_is_fully_written():
    fft = Fft(512)
    re, im = np.full(257, np.nan, np.float32), np.full(257, np.nan, np.float32)
    fft.forward(np.zeros(512, np.float32), re, im)
    assert not re.any() and not im.any()
    x = np.full(512, np.nan, np.float32)
    assert not fft.inverse(re, im, x).any()


def test_input_is_not_modified(rng):
    fft = Fft(256)
    x = rng.standard_normal(256).astype(np.float32)
    kept = x.copy()
    re, im = fft.forward(x)
    kept_re = re.copy()
    fft.inverse(re, im)
    assert np.array_equal(x, kept) and np.array_equal(re, kept_re)


def test_imaginary_parts_of_dc_and_nyquist_are_ignored(rng):
    fft = Fft(128)
    re, im = (rng.standard_normal(65).astype(np.float32) for _ in range(2))
    im[[0, -1]] = 0
    expected = fft.inverse(re, im)
    im[[0, -1]] = 1e6
    assert np.array_equal(fft.inverse(re, im), expected)


@pytest.mark.parametrize("n", [0, 1, 32, 96, 100, 65536])
def test_illegal_sizes_raise(n):
    with pytest.raises(ValueError, match=f"FFT length is {n}; expected a power of two from 64 to 32768"):
        Fft(n)


def test_wrong_lengths_raise():
    with pytest.raises(ValueError, match="have 63, 33, 33 values; expected 64, 33, 33"):
        Fft(64).forward(np.zeros(63, np.float32))
