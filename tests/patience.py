"""Waiting for another thread."""

from __future__ import annotations

import time


def wait(condition, patience_s=5.0):
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)
