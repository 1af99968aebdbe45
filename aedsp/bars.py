"""Bars and small spectra made of Unicode blocks."""

from __future__ import annotations

import numpy as np

from aedsp.arrays import Floats

BARS = " ▁▂▃▄▅▆▇█"


def bar(share: float, width: int) -> str:
    """A bar of `width` characters; share: filled part, 0 to 1."""
    eighths = round(8 * width * min(max(share if share == share else 0.0, 0.0), 1.0))
    full, rest = divmod(eighths, 8)
    return ("█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")).ljust(width, "·")


def signed_bar(share: float, width: int) -> str:
    """A bar from a centre line: share -1 to 1, to the left and to the right."""
    half = (width - 1) // 2
    length = round(half * min(abs(share if share == share else 0.0), 1.0))
    left, right = ("█" * length, "") if share < 0 else ("", "█" * length)
    return f"{left.rjust(half, '·')}│{right.ljust(half, '·')}"


def line_spectrum(magnitude: Floats, hz: Floats, width: int, range_db: float = 36.0) -> str:
    """A spectrum in one line, from 50 Hz to 16 kHz by octaves, its loudest place a full block."""
    edges = np.geomspace(50, 16_000, width + 1)
    low = np.minimum(np.searchsorted(hz, edges[:-1]), len(hz) - 1)
    high = np.maximum(np.searchsorted(hz, edges[1:]), low + 1)
    peaks = np.array([magnitude[a:b].max() for a, b in zip(low, high, strict=True)])
    top = max(float(peaks.max()), 1e-12)
    shares = np.clip(1 + 20 * np.log10(np.maximum(peaks / top, 1e-9)) / range_db, 0, 1)
    return "".join(BARS[int(np.ceil(8 * share))] for share in shares)


def cut(text: str, width: int) -> str:
    """The text, cut to a width with an ellipsis."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
