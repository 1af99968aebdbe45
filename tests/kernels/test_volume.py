import numpy as np
import pytest

from aedsp._kernels.volume import Fader
from reference import volume as reference

RATE = 8000.0
MOVES = [(0, 0.5), (30, 2.0), (200, 2.0), (300, 0.0), (500, 0.0), (600, 1.0)]


def moved(x, sizes):
    """x through a fader in blocks of these sizes, with MOVES."""
    fader, out, at, i = Fader(RATE), x.copy(), 0, 0
    stops = sorted({m for m, _ in MOVES} | {len(x)})
    while at < len(x):
        for frame, target in MOVES:
            if frame == at:
                fader.move(target)
        n = min(sizes[i % len(sizes)], next(s for s in stops if s > at) - at)
        fader.run(out[at : at + n])
        at, i = at + n, i + 1
    return out


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_ramps_match_the_reference_in_any_partition(rng, channels):
    x = rng.standard_normal((1000, channels)).astype(np.float32)
    expected = x * reference.factors(MOVES, len(x), RATE)[:, None]
    whole = moved(x, [1000])
    np.testing.assert_allclose(whole, expected, rtol=1e-6, atol=1e-7)
    assert np.array_equal(whole[680:], x[680:])  # back at exactly 1, 10 ms after the last move
    assert not whole[380:600].any()
    for sizes in ([1], [7, 64, 3]):
        assert np.array_equal(moved(x, sizes), whole)


def test_a_jump_has_no_ramp(rng):
    x, fader = rng.standard_normal((50, 2)).astype(np.float32), Fader(RATE)
    out = x.copy()
    fader.jump(0.25)
    fader.run(out)
    assert np.array_equal(out, 0.25 * x)


def test_nothing_is_nothing():
    Fader(RATE).run(np.zeros((0, 2), np.float32))
