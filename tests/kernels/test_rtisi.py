import numpy as np
import pytest

from aedsp import FrontEnd
from aedsp._kernels.rtisi import Refinement
from reference import rtisi as reference
from reference import stft


def refined(front_end, z, units, n):
    kernel = Refinement(
        front_end.fft_length,
        front_end.hop_length,
        front_end.analysis_window(),
        front_end.synthesis_window(),
        front_end.reach_length,
    )
    hops = [
        kernel.run(row, np.ascontiguousarray(unit.real, "f4"), np.ascontiguousarray(unit.imag, "f4"), n)
        for row, unit in zip(z, units, strict=True)
    ]
    return np.concatenate(hops)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(
    "geometry",
    [
        dict(fft_length=256, window_length=256, hop_length=64),
        dict(fft_length=512, window_length=400, hop_length=100),
        dict(fft_length=512, window_length=512, hop_length=16, window="asymmetric", synthesis_length=128),
        dict(fft_length=128, window_length=100, hop_length=33, window="asymmetric", synthesis_length=68),
    ],
)
def test_the_kernel_matches_the_reference(rng, geometry, n):
    front_end = FrontEnd(**geometry)
    z = rng.random((20 + front_end.window_length // front_end.hop_length, front_end.n_fft_bins)).astype(np.float32)
    units = np.exp(2j * np.pi * rng.random(z.shape))
    expected = reference.resynthesize(z, units, front_end, n)
    late = front_end.window_length - front_end.reach_length  # the reference's sum begins with the whole window
    found, expected = refined(front_end, z, units, n)[: len(expected) - late], expected[late:]
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


def test_every_iteration_reduces_the_error(rng):
    front_end = FrontEnd(fft_length=256, window_length=256, hop_length=64)
    x = np.sin(0.3 * np.arange(8000)) + 0.1 * rng.standard_normal(8000)
    z = (np.abs(stft.forward(x, front_end)) * front_end.magnitude_scale).astype("f4")
    units = np.exp(2j * np.pi * rng.random(z.shape))
    errors = []
    for n in (0, 1, 4):
        found = np.abs(stft.forward(refined(front_end, z, units, n), front_end)) * front_end.magnitude_scale
        m = min(len(found), len(z))
        errors.append(np.linalg.norm(found[6 : m - 6] - z[6 : m - 6]))
    assert errors[0] > 1.15 * errors[1] and errors[1] > 1.15 * errors[2]


def test_wrong_shapes_raise():
    with pytest.raises(ValueError, match="1 <= hop <= window <= FFT"):
        Refinement(100, 10, np.ones(100), np.ones(100))
    with pytest.raises(ValueError, match="expected equal lengths"):
        Refinement(128, 10, np.ones(100), np.ones(99))
    with pytest.raises(ValueError, match="must all have 65 bins"):
        Refinement(128, 32, np.ones(100), np.ones(100)).run(np.ones(3, "f4"), np.ones(3, "f4"), np.ones(3, "f4"), 1)
