"""The time-stretcher with constant settings, over a whole signal in float64."""

import numpy as np

from reference import heap

HALF, KAISER, FLOOR = 16, 9.0, 1e-9


def stretched(x, front_end, stretch, pitch, n):
    """n output frames from the start of x (frames, channels)."""
    length, hop = front_end.window_length, front_end.hop_length
    n_middle = int(n * pitch) + 200 * hop
    middle = vocoder(np.asarray(x, float), front_end, stretch * pitch, n_middle)
    return read(middle, length, pitch, n)


def vocoder(x, front_end, ratio, n):
    """x stretched by `ratio`: frames -length … n."""
    length, hop = front_end.window_length, front_end.hop_length
    window, dual = front_end.analysis_window(), front_end.synthesis_window()
    lead = length + hop
    padded = np.concatenate([np.zeros((lead, x.shape[1])), x, np.zeros((n + 4 * length, x.shape[1]))])
    half_turns = 0.5 * (np.arange(length // 2 + 1) % 2)
    shares = np.exp(1j * np.pi * np.arange(x.shape[1]) / x.shape[1])
    out = np.zeros((length + n + length, x.shape[1]))
    at, window_at = -float(length // 2), -(length // 2)
    turns = before = np.zeros(length // 2 + 1)
    while window_at + length // 2 < n:
        start = int(np.rint(at)) - length // 2 + lead
        if start + length > len(padded):
            break
        spectra = np.fft.rfft(window[:, None] * padded[start : start + length], axis=0)
        z = spectra @ shares
        own = np.angle(z) / (2 * np.pi) + half_turns
        now = np.abs(z)
        if ratio == 1 or window_at < 0:  # the first windows keep their own phases
            turns = own
        else:
            z_before = np.fft.rfft(window[:, None] * padded[start - hop : start - hop + length], axis=0) @ shares
            hop_step = own - (np.angle(z_before) / (2 * np.pi) + half_turns)
            step = np.diff(own)
            turns = heap.integrate(now, before, turns, hop_step, (step - np.rint(step)) * ratio, FLOOR, own)
        before = now
        turned = spectra * np.exp(2j * np.pi * (turns - own))[:, None]
        place = window_at - length // 2 + length
        out[place : place + length] += dual[:, None] * np.fft.irfft(turned, axis=0)
        at += hop if window_at < 0 or ratio == 1 else hop / ratio
        window_at += hop
    return out


def read(middle, start, pitch, n):
    """n frames, `pitch` frames apart from `start` on: a Kaiser-windowed sinc, band-limited for pitch > 1."""
    cut = min(1.0, 1 / pitch)
    reach = int(HALF / cut) + 1
    out = []
    for i in range(n):
        whole = int(i * pitch)
        j = np.arange(-reach + 1, reach + 1)
        t = np.abs(j - (i * pitch - whole)) * cut
        weights = cut * np.sinc(t) * np.i0(KAISER * np.sqrt(np.maximum(0, 1 - (t / HALF) ** 2))) / np.i0(KAISER)
        weights[t >= HALF] = 0
        out.append(weights @ middle[start + whole - reach + 1 : start + whole + reach + 1])
    return np.array(out)
