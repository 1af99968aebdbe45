"""GEMM and vector addition into given arrays: ``C ← α A B + β C``, ``y ← y + x``.

Uses the BLAS of SciPy if installed, which multiplies, scales and adds in one pass over C, so that momentum needs no
extra pass; otherwise NumPy, equal up to rounding. No allocation after every shape has been used once.
"""

from __future__ import annotations

import importlib.util
from typing import Literal, Protocol

import numpy as np

from aedsp.arrays import Floats

Kind = Literal["scipy", "numpy"]


class Gemm(Protocol):
    """Both operations, for matrices of one dtype; transposed views are allowed."""

    def product(self, a: Floats, b: Floats, out: Floats, alpha: float = 1.0, beta: float = 0.0) -> None:
        """``out ← alpha · a b + beta · out``; a (n, k), b (k, m), out (n, m)."""
        ...

    def add(self, x: Floats, y: Floats) -> None:
        """``y ← y + x``; both (n,)."""
        ...


def load_gemm(kind: Kind | None = None) -> Gemm:
    """The SciPy version if SciPy can be used, unless `kind` selects one."""
    if kind == "numpy" or (kind is None and importlib.util.find_spec("scipy") is None):
        return NumpyGemm()
    try:
        return BlasGemm()
    except ImportError:  # a broken installation
        if kind == "scipy":
            raise
        return NumpyGemm()


class NumpyGemm:
    """Uses `numpy.matmul`, with a scratch matrix for each output shape if β is not 0."""

    def __init__(self) -> None:
        self._scratch: dict[tuple[int, ...], Floats] = {}

    def product(self, a: Floats, b: Floats, out: Floats, alpha: float = 1.0, beta: float = 0.0) -> None:
        real = out.dtype.type
        if beta == 0:
            np.matmul(a, b, out=out)
            if alpha != 1:
                out *= real(alpha)
            return
        scratch = self._scratch.setdefault(out.shape, np.zeros(0, out.dtype))
        if scratch.shape != out.shape or scratch.dtype != out.dtype:
            scratch = self._scratch[out.shape] = np.zeros(out.shape, out.dtype)
        np.matmul(a, b, out=scratch)
        if alpha != 1:
            scratch *= real(alpha)
        if beta != 1:
            out *= real(beta)
        out += scratch

    def add(self, x: Floats, y: Floats) -> None:
        y += x


class BlasGemm:
    """Uses `gemm` and `axpy`. BLAS is column-major, so everything is passed transposed: ``Cᵀ ← α Bᵀ Aᵀ + β Cᵀ``."""

    def __init__(self) -> None:
        from scipy.linalg import blas

        self._gemm = {"f": blas.sgemm, "d": blas.dgemm}
        self._axpy = {"f": blas.saxpy, "d": blas.daxpy}
        self._plain = NumpyGemm()

    def product(self, a: Floats, b: Floats, out: Floats, alpha: float = 1.0, beta: float = 0.0) -> None:
        target = out.T
        if not target.flags.f_contiguous or 0 in (*a.shape, *b.shape):
            self._plain.product(a, b, out, alpha, beta)
            return
        left, right = b.T, a.T
        turn_left, turn_right = not left.flags.f_contiguous, not right.flags.f_contiguous
        left, right = left.T if turn_left else left, right.T if turn_right else right
        if not (left.flags.f_contiguous and right.flags.f_contiguous):
            self._plain.product(a, b, out, alpha, beta)
            return
        self._gemm[out.dtype.char](alpha, left, right, beta, target, turn_left, turn_right, 1)

    def add(self, x: Floats, y: Floats) -> None:
        self._axpy[y.dtype.char](x, y)
