"""aedsp: play the hidden units of an autoencoder. The public names, and nothing else."""

from aedsp import errors
from aedsp.engine import Engine
from aedsp.front_end import FrontEnd
from aedsp.model import Layer, Model

__version__ = "0.1.0"

__all__ = ["Engine", "FrontEnd", "Layer", "Model", "__version__", "errors"]
