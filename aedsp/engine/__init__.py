"""The engine's Python API: model compilation, controls, timing, and offline rendering."""

from aedsp.engine.engine import Engine
from aedsp.engine.statistics import Statistics

__all__ = ["Engine", "Statistics"]
