"""``α A B + β C`` against its definition, in place, for every memory layout in a network."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from aedsp.train.network.gemm import load_gemm

KINDS = ["numpy", *(["scipy"] if importlib.util.find_spec("scipy") else [])]


@pytest.mark.parametrize("which", KINDS)
@pytest.mark.parametrize("n, k, m", [(1, 1, 1), (3, 7, 2), (17, 33, 8), (100, 64, 129)])
@pytest.mark.parametrize("alpha, beta", [(1.0, 0.0), (1.0, 1.0), (-0.25, 0.5), (2.0, 0.0)])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_product(rng, which, n, k, m, alpha, beta, turned, dtype):
    a, b, out = (rng.standard_normal(shape).astype(dtype) for shape in ((n, k), (k, m), (n, m)))
    given_a = np.ascontiguousarray(a.T).T if turned[0] else a
    given_b = np.ascontiguousarray(b.T).T if turned[1] else b
    before = out.copy()
    expected = alpha * (a.astype(float) @ b) + beta * before
    bound = 4 * np.finfo(dtype).eps * (abs(alpha) * (np.abs(a) @ np.abs(b)) + np.abs(before)) + 1e-30
    chosen = load_gemm(which)
    chosen.product(given_a, given_b, out, alpha, beta)
    assert (np.abs(out - expected) <= bound).all()
    within = np.zeros((n, m + 3), dtype)
    within[:, 3:] = before
    chosen.product(given_a, given_b, within[:, 3:], alpha, beta)
    assert (np.abs(within[:, 3:] - expected) <= bound).all() and not within[:, :3].any()


@pytest.mark.parametrize("which", KINDS)
def test_add(rng, which):
    x, y = rng.standard_normal((2, 37)).astype(np.float32)
    expected = x + y
    load_gemm(which).add(x, y)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
