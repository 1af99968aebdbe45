"""aedsp: play the hidden units of an autoencoder. The public names, and nothing else."""

from aedsp import errors
from aedsp.controls import Controls
from aedsp.data import demo_audio, demo_model
from aedsp.engine import Engine, Statistics
from aedsp.front_end import FrontEnd
from aedsp.machine import Cpu, cpu
from aedsp.model import Classes, CodeStatistics, Layer, Model
from aedsp.offline import resynthesize
from aedsp.preprocess import Chain, Log, Normalize, Power, Standardize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aedsp.sources import FileSource, InputSource, NoInput
    from aedsp.stream import Stream

__version__ = "0.1.0"

__all__ = [
    "Chain",
    "Classes",
    "CodeStatistics",
    "Controls",
    "Cpu",
    "Engine",
    "FileSource",
    "FrontEnd",
    "InputSource",
    "Layer",
    "Log",
    "Model",
    "NoInput",
    "Normalize",
    "Power",
    "Standardize",
    "Statistics",
    "Stream",
    "__version__",
    "cpu",
    "demo_audio",
    "demo_model",
    "errors",
    "resynthesize",
]

_LATER = {"Stream": "stream", "FileSource": "sources", "InputSource": "sources", "NoInput": "sources"}


def __getattr__(name: str) -> object:
    """What opens files and devices is imported when it is first asked for, so that `import aedsp` stays light."""
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"aedsp.{_LATER[name]}"), name)
    raise AttributeError(f"module 'aedsp' has no attribute {name!r}")
