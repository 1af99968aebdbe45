import numpy as np
import pytest

import aedsp
from aedsp._kernels.stft import Transform
from reference import stft as reference

GEOMETRIES = [
    dict(fft_length=64, window_length=64, hop_length=16),
    dict(fft_length=128, window_length=100, hop_length=33),
    dict(fft_length=2048, window_length=2048, hop_length=512),
    dict(fft_length=1024, window_length=512, hop_length=256, window="hamming"),
    dict(fft_length=256, window_length=200, hop_length=7, window="blackman"),
    dict(fft_length=64, window_length=64, hop_length=64, window="rect"),
    dict(fft_length=1024, window_length=1024, hop_length=64, window="asymmetric", synthesis_length=256),
    dict(fft_length=256, window_length=201, hop_length=7, window="asymmetric", synthesis_length=30),
    dict(fft_length=128, window_length=128, hop_length=64, window="asymmetric", synthesis_length=128),
]


def transform(front_end):
    return Transform(
        front_end.fft_length,
        front_end.hop_length,
        front_end.analysis_window(),
        front_end.synthesis_window(),
        front_end.reach_length,
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_forward_and_inverse_match_the_reference(rng, geometry):
    front_end = aedsp.FrontEnd(**geometry)
    length, hop = front_end.window_length, front_end.hop_length
    x = rng.standard_normal(length * 6).astype(np.float32)
    expected = reference.forward(x, front_end)
    kernel = transform(front_end)
    out = []
    for i, spectrum in enumerate(expected):
        re, im = kernel.forward(x[i * hop : i * hop + length])
        np.testing.assert_allclose(re + 1j * im, spectrum, atol=np.abs(spectrum).max() * 1e-6)
        out.append(kernel.inverse(re, im))
    out = np.concatenate(out)
    reach = front_end.reach_length  # the sum begins with the heard part of the first window
    out, x = out[reach - hop :], x[length - hop :]
    n = min(len(out), len(x))
    assert n > length
    assert np.sqrt(np.mean((out[:n] - x[:n]) ** 2)) < 1e-6  # -120 dB relative to unit noise


@pytest.mark.parametrize("fft_length, window_length", [(64, 64), (2048, 2048), (4096, 1000)])
def test_a_full_scale_sine_is_1_at_any_length(fft_length, window_length):
    front_end = aedsp.FrontEnd(fft_length=fft_length, window_length=window_length, hop_length=window_length // 4)
    k = fft_length // 8
    x = np.sin(2 * np.pi * k * np.arange(window_length) / fft_length).astype(np.float32)
    assert transform(front_end).magnitudes(x)[0, k] == pytest.approx(1.0, abs=1e-4)


def test_magnitudes_match_the_reference_and_may_be_empty(rng):
    front_end = aedsp.FrontEnd(fft_length=256, window_length=200, hop_length=50)
    x = rng.standard_normal(1999).astype(np.float32)
    expected = np.abs(reference.forward(x, front_end)) * front_end.magnitude_scale
    magnitudes = transform(front_end).magnitudes(x)
    assert magnitudes.shape == expected.shape == (36, 129)
    np.testing.assert_allclose(magnitudes, expected, atol=1e-6)
    assert transform(front_end).magnitudes(x[:199]).shape == (0, 129)
