"""An engine for C, Numba and other compiled callers: `aedsp.h` from Python's side."""

from __future__ import annotations

import ctypes
import weakref
from pathlib import Path
from typing import Any

from aedsp._rt.c_interface import VERSION, CEngine
from aedsp._rt.handle import EngineHandle

_POINTER, _LENGTH = ctypes.c_void_p, ctypes.c_ssize_t
#: Result and arguments of each function, as in `aedsp.h`.
_TYPES: dict[str, tuple[Any, ...]] = {
    "process": (ctypes.c_int32, _POINTER, _POINTER, _POINTER, _LENGTH),
    "process_codes": (_LENGTH, _POINTER, _POINTER, _POINTER, _LENGTH, _POINTER, _LENGTH, ctypes.c_int32),
    "reset": (None, _POINTER),
    "set_at": (ctypes.c_int32, _POINTER, ctypes.c_int64, ctypes.c_int32, ctypes.c_int32, ctypes.c_float),
    "code": (_LENGTH, _POINTER, _POINTER, _LENGTH),
    "frame": (ctypes.c_int64, _POINTER),
    "n_units": (ctypes.c_int32, _POINTER),
}


def get_include() -> str:
    """Folder of `aedsp.h`: ``cc -I$(python -c 'import aedsp; print(aedsp.get_include())')``."""
    return str(Path(__file__).parent.parent / "include")


class LentEngine:
    """An engine lent to compiled code by `Engine.as_c`; a context manager that takes it back.

    Keep it as long as compiled code uses the engine: one that is dropped takes it back too.

    Attributes
    ----------
    address : int
        The ``aedsp_engine *``. Valid until the end of the context.
    process, process_codes, reset, set_at, code, frame, n_units
        The functions of `aedsp.h` as ctypes functions, whose first argument is `address` and whose pointers are
        addresses (``x.ctypes.data``). They can be called in an ``@numba.njit`` function and in a ``numba.cfunc``, and
        release the GIL when called from Python.
    version : int
        AEDSP_C_VERSION of this library.
    """

    process: Any
    process_codes: Any
    reset: Any
    set_at: Any
    code: Any
    frame: Any
    n_units: Any
    version = VERSION

    def __init__(
        self,
        handle: EngineHandle,
        sample_rate: float,
        block_frames: int | None,
        code_latency_frames: float,
        hop_frames: float,
    ) -> None:
        self._engine = CEngine(handle, sample_rate, block_frames or 0, code_latency_frames, hop_frames)
        self.address = self._engine.address
        for name, types in _TYPES.items():
            setattr(self, name, ctypes.CFUNCTYPE(*types)(self._engine.function(name)))
        self._detach = weakref.finalize(self, handle.detach)

    def close(self) -> None:
        """Take the engine back; no compiled code may use it any more."""
        self._detach()

    def __enter__(self) -> LentEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
