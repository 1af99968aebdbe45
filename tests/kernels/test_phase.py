import numpy as np
import pytest

from aedsp import FrontEnd
from aedsp._kernels.phase import Phases, angles, logarithms, phasors
from reference import phase as reference

N, HOP = 256, 37
BINS = N // 2 + 1


def test_source_phases_are_those_of_the_input_and_advance_in_silence(rng):
    kernel = Phases(N, N, HOP, np.zeros(BINS))
    spectra = rng.standard_normal((60, BINS)) + 1j * rng.standard_normal((60, BINS))
    spectra[3:50, 20:] = 0  # 47 hops of silence in most bins
    spectra[10:12] = 1e-12
    expected = reference.source(spectra.astype(np.complex64), 1.0, N, HOP)
    re, im = np.ones(BINS, np.float32), np.zeros(BINS, np.float32)
    for x, unit in zip(spectra.astype(np.complex64), expected, strict=True):
        magnitude = kernel.source(np.ascontiguousarray(x.real), np.ascontiguousarray(x.imag), 1.0, re, im)
        np.testing.assert_allclose(re + 1j * im, unit, atol=2e-5)
        np.testing.assert_allclose(magnitude, np.abs(x), rtol=1e-6)


def test_a_long_silence_keeps_unit_length(rng):
    kernel = Phases(N, N, HOP, np.zeros(BINS))
    re, im = np.ones(BINS, np.float32), np.zeros(BINS, np.float32)
    zeros = np.zeros(BINS, np.float32)
    for _ in range(20_000):
        kernel.source(zeros, zeros, 1.0, re, im)
    np.testing.assert_allclose(np.hypot(re, im), 1, atol=1e-6)


@pytest.mark.parametrize("hop", [0, 1, 5, 1000, 10**9, 2**53 + 1])
def test_advance_never_drifts(rng, hop):
    start = rng.random(BINS)
    re, im = Phases(N, N, HOP, start).advance(hop)
    np.testing.assert_allclose(re + 1j * im, reference.advance(hop, N, HOP, start), atol=3e-7)


def test_wrong_geometry_raises():
    with pytest.raises(ValueError, match="expected a power of two from 64, and one phase per bin"):
        Phases(100, 100, 10, np.zeros(51))


ASYMMETRIC = {"window": "asymmetric", "synthesis_length": 64}


@pytest.mark.parametrize(
    ("n", "length", "hop", "options"),
    [(256, 256, 64, {}), (512, 400, 100, {}), (64, 64, 48, {}), (512, 401, 31, ASYMMETRIC)],
)
def test_spsi_matches_the_reference(rng, n, length, hop, options):
    front_end = FrontEnd(fft_length=n, window_length=length, hop_length=hop, **options)
    z = rng.random((30, front_end.n_fft_bins)).astype(np.float32) ** 4
    z[10] = 0
    z[12] = np.linspace(0, 1, front_end.n_fft_bins)  # no peak
    z[13, 1::2] = 0.5
    start = rng.random(front_end.n_fft_bins)
    kernel = Phases(n, length, hop, start, front_end.window_centre)
    found = [re + 1j * im for re, im in map(kernel.spsi, z)]
    np.testing.assert_allclose(found, reference.spsi(z, front_end, start), atol=1e-4)


def test_logarithms_phasors_and_angles_match_libm(rng):
    x = np.concatenate([10.0 ** rng.uniform(-9, 2, 1000), [1e-9, 1, 0, 16, 1e-30]]).astype(np.float32)
    np.testing.assert_allclose(logarithms(x, 1e-9), np.log(np.maximum(x, np.float32(1e-9))), rtol=3e-7, atol=3e-7)
    turns = np.concatenate([rng.uniform(-3, 3, 1000), [0, 0.125, -0.125, 0.25, 0.5, -0.5, 0.75, 1]]).astype(np.float32)
    re, im = phasors(turns)
    np.testing.assert_allclose(re + 1j * im, np.exp(2j * np.pi * turns.astype(float)), atol=3e-7)
    re, im = rng.standard_normal((2, 1000)).astype(np.float32) * 10.0 ** rng.integers(-6, 6, 1000).astype(np.float32)
    re = np.concatenate([re, [0, 1, -1, 0, 0, 1, -1]]).astype(np.float32)
    im = np.concatenate([im, [0, 0, 0, 1, -1, 1, -1]]).astype(np.float32)
    difference = angles(re, im) - np.arctan2(im.astype(float), re.astype(float)) / (2 * np.pi)
    np.testing.assert_allclose(difference - np.rint(difference), 0, atol=3e-7)
