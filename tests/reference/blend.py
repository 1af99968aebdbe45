"""Detail and mix of a decoded spectrum and the original, in float64."""

import numpy as np


def detailed(decoded, neutral, original, detail):
    """(1 - d) z + d x r, r = (z + 1e-4) / (z0 + 1e-4) clamped to [0, 8]."""
    z, z0, x = (np.asarray(a, np.float64) for a in (decoded, neutral, original))
    ratio = np.clip((z + 1e-4) / (z0 + 1e-4), 0, 8)
    return (1 - detail) * z + detail * x * ratio


def mixed(original, resynthesized, mix):
    """(1 - w) original + w resynthesized, of spectra."""
    return (1 - mix) * np.asarray(original) + mix * np.asarray(resynthesized)
