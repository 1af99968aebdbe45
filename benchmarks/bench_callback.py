"""The live callback, called like PortAudio does, with a file source: the whole block, from ring to device."""

import numpy as np
import pytest

import aedsp
from aedsp._rt.callback import Callback
from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing


@pytest.mark.parametrize("block", [64, 128, 256, 512, 1024])
@pytest.mark.parametrize("rate", [22_050, 48_000])
def bench_callback(benchmark, noise, rate, block):
    engine = aedsp.Engine(aedsp.demo_model(), rate, block_frames=block)
    ring = ItemRing(1 << 16, 4)
    player = Player(
        engine.attach(), kind="ring", sample_rate=rate, source=ring, block_frames=block, recorder_frames=1 << 16
    )
    callback = Callback(player, 0, 2, rate)
    player.command("play")
    x, out = noise(block) * 0.1, np.empty((block, 2), np.float32)
    benchmark.extra_info["deadline_us"] = block / rate * 1e6

    def call():
        ring.write(x)
        callback.call(None, out)

    benchmark(call)
