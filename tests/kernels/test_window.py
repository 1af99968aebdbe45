import numpy as np
import pytest

import aedsp
from aedsp._kernels import window
from reference import window as reference


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "rect"])
@pytest.mark.parametrize("length", [64, 63, 1000, 2048])
def test_analysis_windows_are_the_periodic_windows_of_scipy(name, length):
    front_end = aedsp.FrontEnd(fft_length=2048, window_length=length, hop_length=length // 4, window=name)
    np.testing.assert_allclose(front_end.analysis_window(), reference.periodic(name, length), atol=1e-15)


@pytest.mark.parametrize(
    "name, length, hop", [("hann", 64, 16), ("hann", 63, 17), ("hamming", 96, 50), ("rect", 64, 64)]
)
def test_synthesis_window_is_the_canonical_dual(name, length, hop):
    front_end = aedsp.FrontEnd(fft_length=128, window_length=length, hop_length=hop, window=name)
    expected = reference.dual(front_end.analysis_window(), hop)
    np.testing.assert_allclose(front_end.synthesis_window(), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("length, synthesis, hop", [(1024, 256, 64), (2048, 512, 64), (201, 30, 7), (64, 64, 32)])
def test_asymmetric_windows_are_those_of_the_reference_and_reconstruct(length, synthesis, hop):
    front_end = aedsp.FrontEnd(
        fft_length=2048, window_length=length, hop_length=hop, window="asymmetric", synthesis_length=synthesis
    )
    analysis, dual = reference.asymmetric(length, synthesis, hop)
    np.testing.assert_allclose(front_end.analysis_window(), analysis, atol=1e-15)
    np.testing.assert_allclose(front_end.synthesis_window(), dual, rtol=1e-12, atol=1e-15)
    assert not front_end.synthesis_window()[: length - synthesis].any()
    overlapped = [np.sum((analysis * dual)[n::hop]) for n in range(hop)]
    np.testing.assert_allclose(overlapped, 1, rtol=1e-12)


@pytest.mark.parametrize("length, fft_length", [(1, 64), (63, 64), (64, 64), (17, 128)])
def test_apply_multiplies_and_pads_with_zeros(rng, length, fft_length):
    frame, w = (rng.standard_normal(length).astype(np.float32) for _ in range(2))
    out = window.apply(frame, w, fft_length)
    np.testing.assert_allclose(out, reference.apply(frame, w, fft_length), rtol=1e-7)
    assert not out[length:].any()


def test_different_lengths_raise():
    with pytest.raises(ValueError, match="frame has 3 samples, window 4"):
        window.apply(np.zeros(3, np.float32), np.zeros(4, np.float32), 64)
