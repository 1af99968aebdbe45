import numpy as np
import pytest

from aedsp._kernels.heap import integrate
from reference import heap as reference


@pytest.mark.parametrize("n", [2, 5, 129])
def test_the_kernel_matches_the_reference(rng, n):
    for _ in range(50):
        now, before = (rng.random((2, n)) ** 6).astype("f4")
        now[rng.random(n) < 0.2] = 0
        before[rng.random(n) < 0.5] = 0
        now[: n // 3] = np.round(now[: n // 3], 1)  # ties: the lower bin first
        turns_before, hop_step, bin_step, turns = (rng.uniform(-1, 1, m).astype("f4") for m in (n, n, n - 1, n))
        expected = reference.integrate(now, before, turns_before, hop_step, bin_step, np.float32(1e-4), turns)
        found = integrate(now, before, turns_before, hop_step, bin_step, 1e-4, turns.copy())
        difference = found - expected
        np.testing.assert_allclose(difference - np.rint(difference), 0, atol=2e-5)


def test_wrong_shapes_raise():
    x = np.ones(5, "f4")
    with pytest.raises(ValueError, match="and bin_step n - 1"):
        integrate(x, x, x, x, x, 0, x)
