"""Volume ramps, frame by frame, in float64."""

import numpy as np


def factors(moves, n_frames, sample_rate):
    """The factor of each frame; moves: (frame, target) in order. Starts at 1."""
    n_ramp = round(0.010 * sample_rate)
    found, gain, start, target, since = np.zeros(n_frames), 1.0, 1.0, 1.0, n_ramp
    for n in range(n_frames):
        for at, new in moves:
            if at == n and new != target:
                start, target, since = gain, new, 0
        since += 1
        gain = target if since >= n_ramp else start + (target - start) * since / n_ramp
        found[n] = gain
    return found
