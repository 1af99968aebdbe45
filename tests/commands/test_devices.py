"""Finding impulses that passed through a loopback cable."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.devices import find_impulses
from aedsp.errors import StreamError


def recording(rng, delay, n=8, spacing=2000, noise=1e-3, level=0.3):
    x = noise * rng.standard_normal(n * spacing + 1000).astype(np.float32)
    for i in range(n):
        x[i * spacing + delay] += level
    return x


@pytest.mark.parametrize("delay", [0, 1, 777, 1999])
def test_the_delay_is_exact_to_the_frame(rng, delay):
    found = find_impulses(recording(rng, delay), 2000, 8)
    assert (found.frames, found.spread_frames) == (delay, 0)
    assert found.level_db == pytest.approx(20 * np.log10(0.3 / 0.5), abs=0.2)


def test_half_of_the_impulses_suffice_and_noise_is_refused(rng):
    x = recording(rng, 300)
    x[:8000] = 0  # the cable was connected late
    assert find_impulses(x, 2000, 8).frames == 300
    with pytest.raises(StreamError, match="0 of 8 impulses found; connect an output to an input with a cable"):
        find_impulses(rng.standard_normal(17_000).astype(np.float32), 2000, 8)
