"""Run by test_rtsan.py in the sanitized Python: calls the guarded callback as PortAudio would.

python rtsan_run.py compiled FOLDER | python
"""

from __future__ import annotations

import ctypes
import itertools
import sys
from pathlib import Path

import numpy as np

HOST = ctypes.CDLL(None)
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p
)


class Guard(ctypes.Structure):
    _fields_ = [
        ("inner", ctypes.c_void_p), ("user", ctypes.c_void_p), ("calls", ctypes.c_uint64), ("dirty", ctypes.c_uint64),
        ("total", ctypes.c_uint64),
    ]  # fmt: skip


def call(guard, x, out):
    HOST.guard_callback(
        x.ctypes.data_as(ctypes.c_void_p) if x is not None else None, out.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_ulong(len(out)), None, ctypes.c_ulong(0), ctypes.byref(guard),
    )  # fmt: skip


def compiled(folder):
    """All sources, with and without resampling, with transport, seeks, underruns, swaps and a recording."""
    import aedsp
    from aedsp._rt.callback import Callback
    from aedsp._rt.player import EVENT_BYTES, Player
    from aedsp._rt.ring import ItemRing

    model = aedsp.Model.load(folder / "m.h5")
    rng = np.random.default_rng(0)
    calls = 0
    for kind, rate, block, channels in itertools.product(
        ("ring", "device", "none"), (22_050, 48_000), (0, 512), (1, 2)
    ):
        engine = aedsp.Engine(model, rate, channels=channels, block_frames=block or None)
        ring, log = ItemRing(1 << 15, 4 * channels), ItemRing(64, EVENT_BYTES)
        player = Player(
            engine.attach(),
            kind=kind,
            sample_rate=rate,
            source=ring if kind == "ring" else None,
            block_frames=block,
            recorder_frames=1 << 14,
            log=log,
        )
        callback = Callback(player, 2 if kind == "device" else 0, 2, rate)
        guard = Guard(*callback.addresses())
        out = np.empty((512, 2), np.float32)
        for i in range(400):
            if kind == "ring" and i % 90 < 60:
                ring.write(rng.uniform(-1, 1, (512, channels)).astype(np.float32))
            if i % 50 == 10:
                player.command("play")
                engine.controls.gain[:] = rng.uniform(0, 40)
            if i % 50 == 40:
                player.command(("pause", "stop")[i % 100 == 40])
            if i % 70 == 30:
                if kind == "ring" and not player.seek_pending:
                    player.begin_segment()
                engine.swap(model)
            if i == 200:
                player.record(True)
                if kind == "ring":
                    player.end_segment()
            x = rng.uniform(-1, 1, (512, 2)).astype(np.float32) if kind == "device" else None
            call(guard, x, out)
        calls += guard.calls
    print("calls", calls)


def python():
    """The negative control: a Python callback in the same guard."""

    def work(*arguments):
        return len([0] * 1000) * 0

    inner = CALLBACK(work)
    guard = Guard(ctypes.cast(inner, ctypes.c_void_p).value, None)
    call(guard, None, np.empty((64, 1), np.float32))
    print("nothing detected")


if sys.argv[1] == "compiled":
    compiled(Path(sys.argv[2]))
else:
    python()
