"""What the controls come to for each unit, in float32 like the hop, whose bits are compared."""

import numpy as np

MOST = np.float32(np.finfo(np.float32).max)


def effective(values, target_amount):
    """Factor, override (nan: none), target, each (n_units,), and the amount of the target; values: by name."""
    factor = np.clip(values["gain"] * values["scale"], -MOST, MOST) * values["sign"] * (values["muted"] == 0)
    override = np.where(values["muted"] == 0, values["override"], np.float32(np.nan))
    target = values["target"]
    if values["offset"].any():
        if target_amount:
            target = np.clip(target + values["offset"] / np.float32(target_amount), -MOST, MOST)
        else:
            target, target_amount = values["offset"], 0.5
            factor = np.clip(2 * factor, -MOST, MOST)
    return factor.astype(np.float32), override, target, target_amount
