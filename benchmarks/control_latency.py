"""From a MIDI message at the port to the sound at the device: the first changed frame, and half of the change.

    python benchmarks/control_latency.py [--presses 200] [--rates 44100,48000] [--blocks 64,128]

Needs jackd (Debian: jackd2) and pip install 'aedsp[play,test]'. For each rate and block a JACK server with the dummy
driver, `aedsp.play` on a looped tone with the default model, and one client that is controller and recorder on the
same clock. A message mutes or unmutes all units, at a random moment. The instantaneous amplitude of the tone shows
when the change begins (0.5 % of it) and when half of it is reached. Times in ms: median, 1 % and 99 %, worst; alone,
and while a Python thread of the player's own process holds the GIL (`sorted(range(600_000))` in a loop). The device's
latency, which is part of all of them, is what the player reports.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[1]
SERVER = "aedsp-latency"
HZ = 44_100 * 40 / 2048
PLAYER = """
import sys, threading, time
if sys.argv[1] == "busy":
    def hold():
        time.sleep(5)
        while True:
            sorted(range(600_000))
    threading.Thread(target=hold, daemon=True).start()
from aedsp import cli
from aedsp.play.__main__ import command
cli.run(command, sys.argv[2:], name="play")
"""
RECORDER = """
import sys, json, time
import numpy as np
sys.path.insert(0, sys.argv[1])
from rig import Rig
presses, seed = int(sys.argv[2]), int(sys.argv[3])
rig = Rig(seconds=14 + 0.22 * presses)
rig.connect(patience_s=20.0)
time.sleep(7.0)  # a busy thread begins after 5 s
rng, at, planned = np.random.default_rng(seed), rig.at + rig.rate // 4, []
for _ in range(presses):
    at += int(rig.rate * (0.18 + 0.04 * rng.random()))
    rig.plan(at, (0xB0, 60, 127), (0xB0, 60, 0))
    planned.append(at)
while rig.at < min(at + rig.rate // 4, len(rig.audio) - 4096):
    time.sleep(0.05)
np.save(sys.argv[4], rig.recorded()[:, 0])
print(json.dumps({"sent": [f for f, m in rig.sent if m[2] == 127], "xruns": rig.xruns, "rate": rig.rate}))
rig.close()
"""


def amplitude(x: np.ndarray, rate: float) -> np.ndarray:
    """Instantaneous amplitude of a tone at HZ, from every two frames."""
    w = 2 * np.pi * HZ / rate
    a, b = x[:-1].astype(float), x[1:].astype(float)
    return np.sqrt(np.maximum(a * a + b * b - 2 * a * b * np.cos(w), 0)) / np.sin(w)


def delays(x: np.ndarray, sent: list[int], rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames from each message to the first change, and to half of the change."""
    level, first, half = amplitude(x, rate), [], []
    for frame in sent:
        before = np.median(level[frame - rate // 100 : frame])
        after = np.median(level[frame + rate // 10 : frame + rate // 10 + rate // 100])
        share = (level[frame : frame + rate // 10] - before) / (after - before)
        if abs(after - before) < 0.05:
            continue
        first.append(int(np.argmax(np.abs(share) > 0.005)))
        half.append(int(np.argmax(share > 0.5)))
    return np.array(first), np.array(half)


def measure(rate: int, block: int, busy: bool, presses: int, folder: Path) -> str:
    names = {"JACK_DEFAULT_SERVER": SERVER, "JACK_NO_START_SERVER": "1", "XDG_CONFIG_HOME": str(folder)}
    environment = {**os.environ, **names}
    n = 10 * rate  # a whole number of periods, so that the loop has no seam
    periods = round(HZ * n / rate)
    tone = 0.3 * np.sin(2 * np.pi * periods * np.arange(n) / n)
    soundfile.write(folder / "tone.wav", tone, rate, subtype="FLOAT")
    driver = ["-d", "dummy", "-C", "0", "-P", "1", "-r", str(rate), "-p", str(block)]
    server = subprocess.Popen(
        ["jackd", "--no-mlock", "-n", SERVER, "-R", "-P", "70", *driver],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    player = None
    try:
        subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], check=True, capture_output=True)
        options = ["--loop", "--no-screen", "--json", "--device", "system", "--block", str(block)]
        player = subprocess.Popen(
            [sys.executable, "-c", PLAYER, "busy" if busy else "alone", str(folder / "tone.wav"), *options],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        recording = folder / "heard.npy"
        done = subprocess.run(
            [sys.executable, "-c", RECORDER, str(ROOT / "tests" / "e2e"), str(presses), "0", str(recording)],
            env=environment, capture_output=True, text=True, timeout=120 + presses, cwd=folder,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        facts = json.loads(done.stdout)
        player.terminate()
        said, _ = player.communicate(timeout=20)
    finally:
        if player is not None and player.poll() is None:
            player.kill()
        server.terminate()
        server.wait()
    reported = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    texts = [line["message"] for line in reported if "message" in line]
    device = next((text for text in texts if "latency" in text and "frames" in text), "")
    first, half = delays(np.load(recording), facts["sent"], rate)

    def spread(values: np.ndarray) -> str:
        ms = 1000 * values / rate
        low, middle, high = np.percentile(ms, (1, 50, 99))
        return f"{middle:.1f} ({low:.1f} to {high:.1f}), worst {ms.max():.1f}"

    row = f"{rate} / {block} | {'GIL held' if busy else 'alone'} | {spread(first)} | {spread(half)}"
    return f"{row} | {len(half)} of {presses}, {facts['xruns']} xruns | {device}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--rates", default="44100,48000")
    parser.add_argument("--blocks", default="64,128")
    arguments = parser.parse_args()
    print("rate / block | | first change, ms | half of the change, ms | messages | the player's own account")
    for rate in map(int, arguments.rates.split(",")):
        for block in map(int, arguments.blocks.split(",")):
            for busy in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    print(measure(rate, block, busy, arguments.presses, Path(folder)), flush=True)
                time.sleep(0.5)


if __name__ == "__main__":
    main()
