"""The engine as Python sees it: a model compiled into the hop, its controls, its timing; offline rendering."""

from aedsp.engine.engine import Engine, Statistics

__all__ = ["Engine", "Statistics"]
