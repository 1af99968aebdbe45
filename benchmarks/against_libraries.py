"""Times our FFT against FFTW and MKL, our dense layers against OpenBLAS: one thread, interleaved; medians.

Usage: python benchmarks/against_libraries.py        (Debian: apt install libfftw3-dev libopenblas-dev; pip install mkl)
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np

import aedsp
from aedsp._kernels.dense import Stack
from aedsp._kernels.fft import Fft

ROUNDS = 31


def pointer(value):
    return value.ctypes.data_as(ctypes.c_void_p) if isinstance(value, np.ndarray) else ctypes.c_void_p(value)


def build():
    target = Path(tempfile.mkdtemp()) / "libraries.so"
    source = Path(__file__).parent / "peers" / "libraries.c"
    command = [
        shutil.which("cc") or "gcc",
        "-O3",
        "-march=native",
        "-ffast-math",
        "-shared",
        "-fPIC",
        source,
        "-o",
        target,
    ]
    built = subprocess.run([*command, "-lfftw3f", "-lopenblas", "-lm", "-ldl"], capture_output=True, text=True)
    if built.returncode:
        sys.exit(f"cannot build the peers ({built.stderr.splitlines()[0]}); apt install libfftw3-dev libopenblas-dev")
    library = ctypes.CDLL(str(target))
    for name in ("time_forward", "time_inverse", "time_stack", "time_fftw", "time_mkl", "time_blas"):
        getattr(library, name).restype = ctypes.c_double
    return library


def row(name, ours, theirs):
    """Medians and ratio of two alternating (function, arguments) that return seconds."""
    times = np.array([(ours[0](*ours[1]), theirs[0](*theirs[1])) for _ in range(ROUNDS)]) * 1e6
    mine, other = np.median(times, axis=0)
    print(f"{name:<28} {mine:>10.2f} {other:>10.2f} {mine / other:>8.2f}")


def compare_fft(library, rng):
    print(f"\n{'FFT, real, float32':<28} {'aedsp µs':>10} {'peer µs':>10} {'ratio':>8}")
    mkl = sorted(Path(sys.prefix, "lib").glob("libmkl_rt.so*"))
    if not mkl:
        print("skipped MKL: libmkl_rt not found; pip install mkl")
    for n in (64, 256, 512, 1024, 2048, 4096, 8192, 32768):
        x, spectrum = rng.standard_normal(n).astype("f4"), np.zeros(n + 2, "f4")
        re, im = np.zeros(n // 2 + 1, "f4"), np.zeros(n // 2 + 1, "f4")
        library.fftw_make(n, pointer(x), pointer(spectrum))
        peers = {"FFTW": library.time_fftw}
        if mkl and library.mkl_make(str(mkl[-1]).encode(), n, pointer(x), pointer(spectrum)):
            peers["MKL"] = library.time_mkl
        x[:] = rng.standard_normal(n)
        fft, calls = Fft(n), max(4, 400_000 // n)
        forward, inverse, plan = fft.addresses()
        for peer, time_peer in peers.items():
            arguments = [pointer(v) for v in (forward, plan, x, re, im)]
            row(f"{n} forward, {peer}", (library.time_forward, (*arguments, calls)), (time_peer, (0, calls)))
            arguments = [pointer(v) for v in (inverse, plan, re, im, x)]
            spectrum[:] = 0
            row(f"{n} inverse, {peer}", (library.time_inverse, (*arguments, calls)), (time_peer, (1, calls)))


def compare_dense(library, rng):
    print(f"\n{'encode + decode, 1025 bins':<28} {'aedsp µs':>10} {'BLAS µs':>10} {'ratio':>8}")
    bins = 1025
    for units in (16, 64, 256, 1500, 3500):
        w, v = ((rng.standard_normal((units, bins)) * 0.05).astype("f4") for _ in range(2))
        b, c = rng.standard_normal(units).astype("f4"), rng.standard_normal(bins).astype("f4")
        layers = [(w, b, np.ascontiguousarray(v.T), c, "sigmoid", "linear", 1)]
        x = np.zeros(1040, "f4")
        x[:bins] = rng.random(bins)
        y, z = np.zeros(units, "f4"), np.zeros(bins, "f4")
        calls = max(2, 20_000 // units)
        factor, override = np.ones(units, "f4"), np.full(units, np.nan, "f4")
        other = [pointer(value) for value in (w, v, b, c, x, y, z)]
        for precision in ("float32", "float16", "int8"):
            stack = Stack(layers, precision)
            mine = [pointer(value) for value in (*stack.addresses(), x, np.zeros(units, "f4"), factor, override)]
            theirs = (library.time_blas, (*other, units, bins, calls))
            row(f"{units} units, {precision}", (library.time_stack, (*mine, calls)), theirs)


def main():
    library = build()
    rng = np.random.default_rng(0)
    print(f"instruction set {aedsp.cpu().isa} of {', '.join(aedsp.cpu().supported)}; medians of {ROUNDS} rounds")
    compare_fft(library, rng)
    compare_dense(library, rng)


if __name__ == "__main__":
    main()
