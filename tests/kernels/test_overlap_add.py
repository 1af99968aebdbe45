import numpy as np
import pytest

from aedsp._kernels import overlap_add
from reference import overlap_add as reference


@pytest.mark.parametrize("length, hop", [(1, 1), (7, 3), (64, 64), (100, 33), (512, 128)])
def test_equals_the_sum_over_all_frames(rng, length, hop):
    frames = rng.standard_normal((9, length + 5)).astype(np.float32)
    window = rng.random(length).astype(np.float32)
    total = np.zeros(length, np.float32)
    out = np.concatenate([overlap_add.add(frame, window, total, hop) for frame in frames])
    expected = reference.add_all(frames, window, hop)
    np.testing.assert_allclose(out, expected[: len(out)], atol=length / hop * 4e-7 * 4)
    np.testing.assert_allclose(total[: length - hop], expected[len(out) :], atol=length / hop * 4e-7 * 4)


def test_wrong_lengths_raise():
    zeros = np.zeros(8, np.float32)
    with pytest.raises(ValueError, match="expected frame >= window = sum >= hop >= 1"):
        overlap_add.add(zeros, zeros, zeros, 9)
