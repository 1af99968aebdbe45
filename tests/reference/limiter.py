"""The limiter, frame by frame, in float64."""

import numpy as np


def limit(audio, segment_frames, sample_rate):
    """audio (frames, channels), frames a multiple of the segment; returns (limited audio, gain per frame)."""
    release, attack = 1 / (0.150 * sample_rate), 1 / (0.001 * sample_rate)
    gain, gains = 1.0, np.ones(len(audio))
    for start in range(0, len(audio), segment_frames):
        stop = start + segment_frames
        for i in range(start, stop):
            peak = np.abs(audio[i]).max()
            gain = min(1.0, gain + release)
            gain = min(gain, 1 / peak) if peak > 1 else gain
            gains[i] = gain
        for i in range(stop - 2, start - 1, -1):
            gains[i] = min(gains[i], gains[i + 1] + attack)
    return np.clip(audio * gains[:, None], -1, 1), gains
