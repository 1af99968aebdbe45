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

__version__ = "0.1.0"

__all__ = [
    "Chain",
    "Classes",
    "CodeStatistics",
    "Controls",
    "Cpu",
    "Engine",
    "FrontEnd",
    "Layer",
    "Log",
    "Model",
    "Normalize",
    "Power",
    "Standardize",
    "Statistics",
    "__version__",
    "cpu",
    "demo_audio",
    "demo_model",
    "errors",
    "resynthesize",
]
