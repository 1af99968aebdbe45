"""Whether changing songs clicks: energy above 13 kHz around fifty changes at random moments, against elsewhere.

    AEDSP_CORPUS44=<folder with test/> python benchmarks/songs.py [--changes 50] [--original]

A stream plays pieces of the folder through `play16` on a device that runs as fast as it can; after a random time it
switches to a random place of a random piece. The log of the audio thread says where each jump was. Compared: the energy
above 13 kHz in the 10 ms around each jump, and in 10 ms of the same songs elsewhere, as ratios to the energy in the
half second around it. A click would stand out of these by tens of dB. --original: with the model left out.

Without AEDSP_CORPUS44: the shipped clips.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import scipy.signal

import aedsp
from aedsp import data

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import fake_device

RATE, BLOCK = 44_100, 256


class Jumps:
    """Notes the frames at which the audio thread switched to another song."""

    def __init__(self) -> None:
        self.frames: list[int] = []

    def published(self, version: int, state: object) -> None: ...
    def swapped(self, model: object, path: str | None) -> None: ...
    def swap_failed(self) -> None: ...
    def took_effect(self, events: np.ndarray) -> None:
        from aedsp._rt.player import EVENTS

        self.frames += [int(frame) for kind, frame, _, _ in events.tolist() if EVENTS[kind] == "seek"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--original", action="store_true", help="with the model left out")
    arguments = parser.parse_args()
    folder = os.environ.get("AEDSP_CORPUS44")
    paths = sorted(Path(folder, "test").iterdir()) if folder else [data.demo_audio_path(name) for name in data.CLIPS]
    devices = fake_device.install(fake_device.paced(BLOCK, 0.001))
    engine = aedsp.Engine(aedsp.demo_model(), RATE, channels=2)
    engine.controls.detail = 1.0
    engine.controls.monitor = "original" if arguments.original else "resynthesized"
    rng, jumps = np.random.default_rng(0), Jumps()
    stream = aedsp.Stream(engine, aedsp.FileSource(paths[0], True))
    stream.engine.listener = jumps
    stream.start()
    for _ in range(arguments.changes):
        time.sleep(float(rng.uniform(0.05, 0.4)))
        stream.change(aedsp.FileSource(paths[int(rng.integers(len(paths)))], True, float(rng.uniform(0, 10))))
    time.sleep(0.5)
    stream.deliver_events()
    stream.close()
    x = np.concatenate([block for device in devices for block in device.heard]).mean(axis=1)
    high = np.square(scipy.signal.sosfilt(scipy.signal.butter(10, 13_000, "high", fs=RATE, output="sos"), x))
    at = np.array(jumps.frames) + engine.latency_frames + int(0.005 * RATE)
    elsewhere = rng.integers(RATE, len(x) - RATE, 5000)
    elsewhere = elsewhere[np.abs(elsewhere[:, None] - at).min(axis=1) > RATE // 4]

    def stands_out(moments: np.ndarray) -> np.ndarray:
        near, around = int(0.005 * RATE), RATE // 4
        inside = [m for m in moments if around <= m < len(x) - around]
        levels = [high[m - near : m + near].mean() / (high[m - around : m + around].mean() + 1e-16) for m in inside]
        return 10 * np.log10(np.array(levels) + 1e-6)

    underruns = stream.statistics.underrun_frames
    print(f"{len(at)} changes in {len(x) / RATE:.0f} s of {len(paths)} pieces; {underruns} frames underrun")
    print("above 13 kHz in 10 ms, dB of the half second around it | median | 95 % | highest")
    for name, moments in (("around a change", at), ("elsewhere", elsewhere)):
        levels = stands_out(moments)
        print(f"{name} | {np.median(levels):.1f} | {np.percentile(levels, 95):.1f} | {levels.max():.1f}")


if __name__ == "__main__":
    main()
