import numpy as np
import pytest

from aedsp import FrontEnd
from aedsp._kernels.pghi import GAMMA, Integration
from reference import pghi as reference
from reference import stft


def music_like(rng, front_end, n_hops):
    """Float32 magnitudes (n_hops, n_bins) of gliding tones, clicks and some noise."""
    t = np.arange(front_end.window_length + n_hops * front_end.hop_length)
    x = np.sin(0.05 * t + 1e-5 * t**2) + 0.5 * np.sin(0.4 * t) + 1e-3 * rng.standard_normal(len(t))
    x[:: len(t) // 5] += 2
    return (np.abs(stft.forward(x, front_end)[:n_hops]) * front_end.magnitude_scale).astype(np.float32)


@pytest.mark.parametrize("look_ahead", [False, True])
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "asymmetric"])
@pytest.mark.parametrize(("n", "length", "hop"), [(256, 256, 64), (512, 400, 100), (64, 64, 32)])
def test_the_kernel_matches_the_reference(rng, n, length, hop, window, look_ahead):
    options = {"synthesis_length": 2 * hop} if window == "asymmetric" else {}
    front_end = FrontEnd(fft_length=n, window_length=length, hop_length=hop, window=window, **options)
    z = music_like(rng, front_end, 12)
    z[5] = 0  # one hop of silence
    z[8, 20:30] = 0
    start = rng.random(front_end.n_fft_bins)
    kernel = Integration(n, length, hop, start, window, look_ahead, front_end.window_centre)
    found = [re + 1j * im for re, im in map(kernel.run, z)][look_ahead:]
    expected = reference.units(z, front_end, start, look_ahead=int(look_ahead))
    # two bins of nearly equal magnitude may swap order, which changes the phases of some bins
    close = np.abs(np.array(found) - expected) < 2e-3
    assert close.mean() > 0.98 and close[:4].all()


def test_a_tone_continues_at_its_own_frequency():
    front_end = FrontEnd(fft_length=1024, window_length=1024, hop_length=128)
    n, hop, f = 1024, 128, 100.3
    x = np.sin(2 * np.pi * f / n * np.arange(1024 + 200 * hop))
    spectra = stft.forward(x, front_end)
    kernel = Integration(n, n, hop, np.zeros(front_end.n_fft_bins))
    units = [
        re + 1j * im for re, im in (kernel.run(z) for z in np.abs(spectra * front_end.magnitude_scale).astype("f4"))
    ]
    turns = np.angle(np.array([unit[100] for unit in units[1:]]) / np.array([unit[100] for unit in units[:-1]]))
    expected = 2 * np.pi * hop * f / n
    np.testing.assert_allclose(np.exp(1j * turns[5:]), np.exp(1j * expected), atol=0.02)


def test_gamma_is_that_of_the_gaussian_closest_to_the_window():
    length = 4096
    t = np.arange(length) - length / 2
    for window, gamma in GAMMA.items() - {("asymmetric", GAMMA["asymmetric"])}:
        w = FrontEnd(fft_length=length, window_length=length, window=window).analysis_window()
        errors = {g: np.sum((w - np.exp(-np.pi * t**2 / (g * length**2))) ** 2) for g in np.arange(0.1, 0.4, 0.001)}
        assert min(errors, key=errors.__getitem__) == pytest.approx(gamma, abs=0.02)


def test_wrong_windows_and_lengths_raise():
    with pytest.raises(ValueError, match="window is 'rect'; phase gradients are known for hann"):
        Integration(64, 64, 16, np.zeros(33), "rect")
    with pytest.raises(ValueError, match="expected a power of two from 64, and one phase per bin"):
        Integration(100, 100, 16, np.zeros(51))
    with pytest.raises(ValueError, match="magnitude has 3 bins; expected 33"):
        Integration(64, 64, 16, np.zeros(33)).run(np.zeros(3, "f4"))
