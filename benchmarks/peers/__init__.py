"""Peers of our hop: C++ compositions of MKL, FFTW and OpenBLAS, and Python loops.

MKL is on PyPI (`pip install mkl mkl-include`), FFTW and OpenBLAS in Debian (`libfftw3-dev libopenblas-dev`). Missing
libraries are reported and skipped.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FAST = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


def pointer(value: np.ndarray | int) -> ctypes.c_void_p:
    return ctypes.c_void_p(value.ctypes.data if isinstance(value, np.ndarray) else value)


def compiled(source: str, *options: str) -> ctypes.CDLL:
    """Compile a C or C++ file of this folder to a shared library and load it.

    Raises
    ------
    RuntimeError
        Compilation failed; the text is the compiler's first line.
    """
    target = Path(tempfile.mkdtemp()) / f"{Path(source).stem}.so"
    compiler = shutil.which("g++" if source.endswith("cpp") else "gcc") or "cc"
    command = [compiler, *FAST, HERE / source, "-o", target, *options, "-lm"]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise RuntimeError(built.stderr.splitlines()[0])
    return ctypes.CDLL(str(target))


def composition(name: str) -> ctypes.CDLL:
    """The C++ hop on "mkl", or on "fftw" with OpenBLAS.

    Raises
    ------
    RuntimeError
        The libraries are not installed.
    """
    if name == "fftw":
        library = compiled("hop.cpp", "-DPEER_FFTW", "-lfftw3f", "-lopenblas")
    else:
        found = sorted(Path(sys.prefix, "lib").glob("libmkl_rt.so*"))
        if not found:
            raise RuntimeError("libmkl_rt not found; pip install mkl mkl-include")
        lib = str(found[0].parent)
        library = compiled(
            "hop.cpp", "-DPEER_MKL", f"-I{sys.prefix}/include", f"-L{lib}", f"-l:{found[0].name}", f"-Wl,-rpath,{lib}"
        )
    library.peer_run.restype = ctypes.c_double
    return library
