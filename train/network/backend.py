"""Selects the elementwise kernels: fused Numba loops if Numba can be used, otherwise NumPy."""

from __future__ import annotations

import functools
import importlib.util
from types import SimpleNamespace
from typing import Any, Literal

from aedsp.train.network import elementwise

Kind = Literal["numba", "numpy"]


@functools.cache
def elementwise_kernels(kind: Kind | None = None) -> Any:
    """The functions of `elementwise`, by name; from Numba if it can be used, unless `kind` selects one.

    `kind` of the result says which; `trouble`, why an installed Numba is not used, else "".
    """
    names = [function.__name__ for function in elementwise.ALL]
    trouble = ""
    if kind == "numba" or (kind is None and importlib.util.find_spec("numba") is not None):
        try:
            from aedsp.train.network import elementwise_numba
        except Exception as error:  # another NumPy than it was built for, no folder for its cache, ...
            if kind == "numba":
                raise
            trouble = " ".join(str(error).split()) or type(error).__name__
        else:
            functions = {name: getattr(elementwise_numba, name) for name in names}
            return SimpleNamespace(kind="numba", trouble="", **functions)
    return SimpleNamespace(kind="numpy", trouble=trouble, **{name: getattr(elementwise, name) for name in names})
