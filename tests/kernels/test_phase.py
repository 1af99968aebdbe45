import numpy as np
import pytest

from aedsp._kernels.phase import Phases
from reference import phase as reference

N, HOP = 256, 37
BINS = N // 2 + 1


def test_source_phases_are_those_of_the_input_and_run_on_where_there_is_none(rng):
    kernel = Phases(N, HOP, np.zeros(BINS))
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
    kernel = Phases(N, HOP, np.zeros(BINS))
    re, im = np.ones(BINS, np.float32), np.zeros(BINS, np.float32)
    zeros = np.zeros(BINS, np.float32)
    for _ in range(20_000):
        kernel.source(zeros, zeros, 1.0, re, im)
    np.testing.assert_allclose(np.hypot(re, im), 1, atol=1e-6)


@pytest.mark.parametrize("hop", [0, 1, 5, 1000, 10**9, 2**53 + 1])
def test_advance_never_drifts(rng, hop):
    start = rng.random(BINS)
    re, im = Phases(N, HOP, start).advance(hop)
    np.testing.assert_allclose(re + 1j * im, reference.advance(hop, N, HOP, start), atol=3e-7)


def test_bad_geometry_is_refused():
    with pytest.raises(ValueError, match="expected a power of two and one a bin"):
        Phases(100, 10, np.zeros(51))
