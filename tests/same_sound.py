"""Digests of what aedsp computes, to compare before and after a change that must not alter the sound.

    python tests/same_sound.py            # print them
    python tests/same_sound.py --write    # keep them as tests/same_sound.json: this is how it should sound from now on

The last bits depend on the processor and on the versions of a few libraries, so the digests are kept by machine. The
input is stored as samples, since a decoder of Ogg files may differ in the last bits too.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

import aedsp
from aedsp import data

KEPT = Path(__file__).with_suffix(".json")
TAKE = Path(__file__).parent / "first_edition" / "take.mid"
PHASES = ("source", "advance", "spsi", "pghi", "pghi1")
DRIVES = ("constant", "typical", "typical:50", "walk", "walk:2")


def machine() -> str:
    """What the last bits depend on."""
    best = aedsp.cpu().supported[-1]
    if (info := Path("/proc/cpuinfo")).exists():  # approximate reciprocals differ between processors
        found = dict(re.findall(r"^(cpu family|model)\s*: (\d+)$", info.read_text(), re.M))
        best += f" of family {found.get('cpu family')} model {found.get('model')}"
    libraries = f"numpy {np.__version__}, soxr {soxr.__version__}, libsndfile {soundfile.__libsndfile_version__}"
    return f"{best}, playing {aedsp.cpu().isa}, {libraries}"


def sounds() -> Iterator[tuple[str, np.ndarray]]:
    """Name and samples of everything that is compared."""
    model, (clip, other) = aedsp.demo_model("relu_160"), data.beginnings()
    yield "demo", aedsp.resynthesize(model, clip)
    yield (
        "demo, small model, bent",
        aedsp.resynthesize(
            aedsp.demo_model("relu_16"),
            clip,
            gain={2: 0.3},
            scale={3: 1.7},
            muted={4: 1},
            sign={5: -1},
            override={6: 0.5},
        ),
    )
    yield "stretched and transposed", aedsp.resynthesize(model, clip, stretch=1.25, transpose=3)
    with tempfile.TemporaryDirectory() as folder:
        soundfile.write(Path(folder, "lofi.wav"), other, 22_050, "FLOAT")
        yield "shortened, from a file", aedsp.resynthesize(model, Path(folder, "lofi.wav"), stretch=0.5)
    engine = aedsp.Engine(model, 48_000, channels=2, block_frames=480)
    blocks = np.resize(clip, (100, 480, 2))
    yield "stereo at 48 kHz", np.concatenate([engine.process(block) for block in blocks])
    for precision in ("float32", "float16", "int8"):
        yield f"weights as {precision}", aedsp.resynthesize(model, clip[:8192], precision=precision)
    for phase in PHASES:
        for refine in (0, 2):
            engine = aedsp.Engine(model, phase=phase, refine=refine, seed=3)
            yield f"phase {phase}, refine {refine}", engine.process(clip[:4096])
    engine = aedsp.Engine(model)
    held = [engine.process(clip[:8192])]
    engine.controls.frozen = True
    yield "frozen", np.concatenate([*held, engine.process(clip[8192:20_000])])
    yield "crossed", aedsp.resynthesize(model, clip[:20_000], phase_from=clip[20_000:40_000])
    for drive in DRIVES:
        yield f"drive {drive}", aedsp.Engine(model, seed=5).generate(10_000, drive=drive)
    yield "recorded gestures", performance()


def performance() -> np.ndarray:
    """A performance that was recorded by the first edition, rendered again."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "piano.wav"), Path(folder, "take.wav")
        soundfile.write(source, data.beginnings()[0], 22_050, "FLOAT")
        command = [
            sys.executable, "-m", "aedsp.render", source, "--model", data.demo_model_path("relu_16"),
            "--gestures", TAKE, "-o", target,
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        return soundfile.read(target, dtype="float32")[0]


def digests() -> dict[str, str]:
    """By name: shape and a hash of the samples."""
    return {name: f"{x.shape} {hashlib.sha256(x.tobytes()).hexdigest()[:24]}" for name, x in sounds()}


def main() -> None:
    found = digests()
    if "--write" in sys.argv:
        kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        KEPT.write_text(json.dumps({**kept, machine(): found}, indent=1, sort_keys=True) + "\n")
    print(json.dumps({machine(): found}, indent=1))


if __name__ == "__main__":
    main()
