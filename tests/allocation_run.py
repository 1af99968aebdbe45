"""Runs 10,000 hops of every configuration under the preloaded allocation counter of test_allocation.py; prints JSON."""

from __future__ import annotations

import ctypes
import itertools
import json
import sys

import numpy as np

import aedsp
from models import autoencoder, front_end

HOPS = 10_000


def main() -> None:
    shim = ctypes.CDLL(sys.argv[1])
    shim.count_calls.restype = ctypes.c_uint64
    rng = np.random.default_rng(0)
    geometry = front_end(fft_length=256, window_length=256, hop_length=64)
    bands = front_end(kind="cqft", fft_length=256, window_length=256, hop_length=64, f_min_hz=100.0)
    models = {
        "constant-Q": autoencoder(rng, bands, 8, steps=(aedsp.Power(0.5),)),
        "relu": autoencoder(rng, geometry, 8),
        "deep, log, context": autoencoder(
            rng,
            geometry,
            8,
            widths=(20,),
            encoder="sigmoid",
            context=2,
            steps=(aedsp.Log(1e-4), aedsp.Standardize(-3, 1)),
        ),
        "tied, power": autoencoder(rng, geometry, 8, tied=True, encoder="tanh", steps=(aedsp.Power(0.3),)),
    }
    statistics = aedsp.model.model.CodeStatistics(np.zeros(8), np.ones(8), np.sort(rng.random((7, 8)), axis=0))
    known = aedsp.Model(layers=models["relu"].layers, front_end=geometry, code_statistics=statistics)
    counts = {}

    def count(name, engine, block, source):
        engine.controls.gain[:] = 50  # loud enough to reach the limiter
        x = rng.uniform(-1, 1, (block, engine.channels)).astype(np.float32)
        x[5, 0] = np.nan
        out = np.empty_like(x)
        lent = engine.as_c()
        process, state = ctypes.cast(lent.process, ctypes.c_void_p), lent.address
        calls = HOPS * 64 * int(engine.sample_rate / 22_050 + 1) // block
        counts[name] = shim.count_calls(
            process, ctypes.c_void_p(state), x.ctypes.data_as(ctypes.c_void_p) if source else None,
            out.ctypes.data_as(ctypes.c_void_p), ctypes.c_ssize_t(block), calls,
        )  # fmt: skip
        assert engine.statistics.hops >= HOPS, engine.statistics

    for (name, model), rate, channels, phase, monitor, block, source in itertools.product(
        models.items(),
        (None, 48_000),
        (1, 2),
        ("source", "advance"),
        ("original", "resynthesized"),
        (64, 777),
        (True, False),
    ):
        engine = aedsp.Engine(model, rate, channels=channels, phase=phase)
        engine.controls.monitor = monitor
        way_in = "input" if source else "no input"
        count(f"{name} {rate} x{channels} {phase} {monitor} {block} {way_in}", engine, block, source)
    for (phase, refine), frozen, drive in itertools.product(
        (("spsi", 0), ("pghi", 0), ("pghi1", 2)), (False, True), (None, "walk:3", "hold")
    ):
        engine = aedsp.Engine(known, phase=phase, refine=refine)
        engine.controls.frozen = frozen
        if drive:
            engine.generate(64, drive=drive)
        count(f"{phase} {refine} {'frozen' if frozen else 'free'} {drive}", engine, 777, drive is None)
    short = front_end(fft_length=256, window_length=256, hop_length=64, window="asymmetric", synthesis_length=128)
    for model, (phase, refine), channels, frozen in itertools.product(
        (autoencoder(rng, short, 8, steps=(aedsp.Power(0.25),)), autoencoder(rng, bands, 8)),
        (("auto", 0), ("pghi1", 2)), (1, 2), (False, True),
    ):  # fmt: skip
        engine = aedsp.Engine(model, 48_000, channels=channels, phase=phase, refine=refine)
        c = engine.controls
        c.detail, c.mix, c.volume_db, c.target_amount, c.frozen = 0.7, 0.6, -3.0, 0.4, frozen
        kind = model.front_end.kind
        count(f"blended {kind} {phase} {refine} x{channels} {'frozen' if frozen else 'free'}", engine, 777, True)
    out = np.empty(64, np.float32)
    control = shim.count_calls(
        shim.allocating_process, None, None, out.ctypes.data_as(ctypes.c_void_p), ctypes.c_ssize_t(64), 10
    )
    print(json.dumps({"counts": counts, "control": control}))


if __name__ == "__main__":
    main()
