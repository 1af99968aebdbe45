"""Writes aedsp/data/demo.mid: what a hand on a nanoKONTROL2 does to the demo clip in 15 s.

python scripts/make_demo_gestures.py
"""

from __future__ import annotations

from pathlib import Path

import mido

TARGET = Path(__file__).parents[1] / "aedsp" / "data" / "demo.mid"
NEXT_BANK, PREVIOUS_BANK = 59, 58
STEP_S = 0.02


def sweep(at_s: float, faders: range, start: int, end: int, seconds: float, apart_s: float = 0.0) -> list[tuple]:
    """Faders from one position to another, each `apart_s` after the one before: (time, control, value)."""
    n = round(seconds / STEP_S)
    return [
        (at_s + i * apart_s + k * STEP_S, fader, round(start + (end - start) * k / n))
        for i, fader in enumerate(faders)
        for k in range(n + 1)
    ]


def main() -> None:
    first, all_faders = range(4), range(8)
    moves = [
        *sweep(2.0, all_faders, 127, 0, 0.25, 0.25),  # the first bank away, one fader after the other
        *sweep(5.0, first, 0, 127, 0.3),  # half of it back
        *sweep(6.5, range(4, 8), 0, 127, 0.3, 0.2),
        (8.0, NEXT_BANK, 127),
        (8.05, NEXT_BANK, 0),
        *sweep(8.2, all_faders, 127, 0, 1.5),  # the second bank away, all together
        *sweep(10.5, all_faders, 0, 127, 0.2, 0.25),
    ]
    track = mido.MidiTrack()
    file = mido.MidiFile(type=0, ticks_per_beat=500, tracks=[track])  # 120 beats a minute: 1 tick is 1 ms
    at = 0
    for seconds, control, value in sorted(moves, key=lambda move: move[0]):
        tick = round(1000 * seconds)
        track.append(mido.Message("control_change", control=control, value=value, time=tick - at))
        at = tick
    file.save(TARGET)


if __name__ == "__main__":
    main()
