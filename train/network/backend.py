"""Selects the elementwise kernels: fused Numba loops if Numba is installed, otherwise NumPy."""

from __future__ import annotations

import functools
import importlib.util
from types import SimpleNamespace
from typing import Any, Literal

from aedsp.train.network import elementwise

Kind = Literal["numba", "numpy"]


@functools.cache
def elementwise_kernels(kind: Kind | None = None) -> Any:
    """The functions of `elementwise`, by name; from Numba if it is installed, unless `kind` selects one."""
    names = [function.__name__ for function in elementwise.ALL]
    if kind == "numpy" or (kind is None and importlib.util.find_spec("numba") is None):
        return SimpleNamespace(kind="numpy", **{name: getattr(elementwise, name) for name in names})
    from aedsp.train.network import elementwise_numba

    return SimpleNamespace(kind="numba", **{name: getattr(elementwise_numba, name) for name in names})
