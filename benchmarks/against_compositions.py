"""Times the whole hop against C++ built on MKL, FFTW and OpenBLAS, and Python loops: one thread, interleaved.

Usage: python benchmarks/against_compositions.py [--rounds 9] [--tails]

Ratios of medians. Blocks of one hop, or "64 hops", which share reads of the weights. AVX2 for both sides:
AEDSP_ISA=v3 MKL_ENABLE_INSTRUCTIONS=AVX2. --tails: thread CPU time of each of a million hops.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

import aedsp
from peers import compiled, composition, loops, pointer
from results import keep

HOPS = 192
CONFIGURATIONS = [  # fft, hop, units, tied
    (2048, 512, 16, False),
    (2048, 512, 256, False),
    (2048, 512, 1500, False),
    (2048, 512, 3500, True),
    (512, 128, 64, False),
]


def weights(n, units):
    rng = np.random.default_rng(0)
    bins = n // 2 + 1
    W, V = ((rng.standard_normal((units, bins)) * 0.05).astype("f4") for _ in range(2))
    return W, V, (rng.standard_normal(units) * 0.1).astype("f4"), (rng.standard_normal(bins) * 0.1).astype("f4")


def model(n, hop, W, V, b, c):
    """V None: tied."""
    layer = aedsp.Layer(
        encoder_weight=W, encoder_bias=b, decoder_weight=None if V is None else V.T, decoder_bias=c,
        encoder_activation="sigmoid", decoder_activation="linear",
    )  # fmt: skip
    front_end = aedsp.FrontEnd(fft_length=n, window_length=n, hop_length=hop)
    return aedsp.Model(front_end=front_end, layers=(layer,))


class Ours:
    """Our compiled hop, called like a host does, with blocks of `hops` hops."""

    clock = None

    def __init__(self, of, hops, **options):
        self.engine = aedsp.Engine(of, **options)
        self.hops, self.block = hops, hops * of.front_end.hop_length
        Ours.clock = Ours.clock or compiled("process.c")
        Ours.clock.time_process.restype = ctypes.c_double
        self.lent = self.engine.as_c()
        self.process, self.state = ctypes.cast(self.lent.process, ctypes.c_void_p), pointer(self.lent.address)

    def run(self, x, out):
        n = len(x) // self.block // self.engine.channels
        block = ctypes.c_ssize_t(self.block)
        return Ours.clock.time_process(self.process, self.state, pointer(x), pointer(out), block, n) / (n * self.hops)

    def times(self, x, out, n):
        found = np.zeros(n)
        block = ctypes.c_ssize_t(self.block)
        Ours.clock.process_times(self.process, self.state, pointer(x), pointer(out), block, n, pointer(found))
        return found


class Composition:
    def __init__(self, name, n, hop, given):
        self.library, self.hop = composition(name), hop
        W, V, b, c = given
        self.library.peer_init(n, hop, len(b), *map(pointer, (W, V, b, c)))

    def run(self, x, out):
        n = len(x) // self.hop
        return self.library.peer_run(pointer(x), pointer(out), n) / n

    def times(self, x, out, n):
        found = np.zeros(n)
        self.library.peer_times(pointer(x), pointer(out), n, pointer(found))
        return found


class Loop:
    def __init__(self, of, hop):
        self.of, self.hop = of, hop

    def run(self, x, out):
        n = min(64, len(x) // self.hop)
        began = time.perf_counter()
        for i in range(n):
            out[i * self.hop : (i + 1) * self.hop] = self.of(x[i * self.hop : (i + 1) * self.hop])
        return (time.perf_counter() - began) / n


def runners(n, hop, units, tied):
    """Runners by name, and reasons for missing ones by name."""
    W, V, b, c = given = weights(n, units)
    ours = model(n, hop, W, None if tied else V, b, c)
    found = {
        "float16": Ours(ours, 1, precision="float16"),
        "float16, 64 hops": Ours(ours, 64, precision="float16"),
        "float32": Ours(ours, 1, precision="float32"),
        "int8": Ours(ours, 1, precision="int8"),
        "stereo": Ours(ours, 1, precision="float16", channels=2),
    }
    missing = {}
    for name in ("mkl", "fftw"):
        try:
            found[name] = Composition(name, n, hop, given)
        except (RuntimeError, OSError) as error:
            missing[name] = str(error)
    found["original loop"] = Loop(loops.Original(n, hop, *given), hop)
    try:
        found["torch"] = Loop(loops.Torch(n, hop, *given), hop)
    except ImportError as error:
        missing["torch"] = str(error)
    return found, missing


def measure(found, hop, rounds):
    """Median times in µs by name."""
    rng = np.random.default_rng(1)
    mono, stereo = ((rng.standard_normal(hop * HOPS * n) * 0.1).astype("f4") for n in (1, 2))
    outs = {name: np.zeros_like(stereo if name == "stereo" else mono) for name in found}
    times = {name: [] for name in found}
    for _ in range(rounds):
        for name, runner in found.items():
            times[name].append(runner.run(stereo if name == "stereo" else mono, outs[name]))
    return {name: float(np.median(values)) * 1e6 for name, values in times.items()}


def tails(hop=512, n=1_000_000):
    """Thread CPU time of a million hops at 256 units, alternating every 10,000 between ours and MKL's."""
    W, V, b, c = given = weights(2048, 256)
    sides = {
        "float16": Ours(model(2048, hop, W, V, b, c), 1, precision="float16"),
        "mkl": Composition("mkl", 2048, hop, given),
    }
    x = (np.random.default_rng(1).standard_normal(hop) * 0.1).astype("f4")
    times = {name: [] for name in sides}
    for _ in range(n // 10_000):
        for name, side in sides.items():
            times[name].append(side.times(x, np.zeros_like(x), 10_000))
    ranks = (50, 99, 99.9, 99.99, 100)
    rows = {name: [float(v) * 1e6 for v in np.percentile(np.concatenate(t), ranks)] for name, t in times.items()}
    print(f"{n:,} hops, thread CPU µs at {ranks} %:")
    for name, row in rows.items():
        print(f"  {name:<8} {'  '.join(f'{v:8.1f}' for v in row)}")
    return {"ranks": ranks, **rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tails", action="store_true")
    arguments = parser.parse_args()
    cpu = aedsp.cpu()
    print(f"instruction set {cpu.isa} of {', '.join(cpu.supported)}; medians of {arguments.rounds} rounds, µs per hop")
    rows = []
    for configuration in CONFIGURATIONS:
        found, missing = runners(*configuration)
        times = measure(found, configuration[1], arguments.rounds)
        n, hop, units, tied = configuration
        print(f"\n{n}/{hop}/{units}{', tied' if tied else ''}")
        for name, value in times.items():
            against = f"  {value / times['mkl']:6.2f} of MKL" if "mkl" in times else ""
            print(f"  {name:<18} {value:9.2f}{against}  {times['original loop'] / value:7.1f}x the original loop")
        print(f"  stereo against mono {times['stereo'] / times['float16']:.2f}")
        for name, reason in missing.items():
            print(f"  skipped {name}: {reason}")
        rows.append({"fft": n, "hop": hop, "units": units, "tied": tied, "us": times})
    kept = {"rows": rows}
    if arguments.tails:
        kept["tails"] = tails()
    print(keep("compositions", kept))


if __name__ == "__main__":
    main()
