"""aedsp: play the hidden units of an autoencoder as a musical instrument; exports the public names."""

from aedsp import errors
from aedsp.data import demo_audio, demo_model
from aedsp.engine.c_interface import LentEngine, get_include
from aedsp.engine.codes import Codes, Spectra, decode_codes, encode_file, spectra
from aedsp.engine.controls import Controls
from aedsp.engine.cpu import Cpu, cpu
from aedsp.engine.engine import Engine
from aedsp.engine.offline import resynthesize
from aedsp.engine.statistics import Statistics
from aedsp.model.front_end import FrontEnd
from aedsp.model.layers import Classes, CodeStatistics, Layer
from aedsp.model.model import Model
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize
from aedsp.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aedsp.live.portaudio import Device, list_devices
    from aedsp.live.sources import ArraySource, BlockSource, FileSource, InputSource, NoInput, StreamSource
    from aedsp.live.stream import Stream

__all__ = [
    "ArraySource",
    "BlockSource",
    "Chain",
    "Classes",
    "CodeStatistics",
    "Codes",
    "Controls",
    "Cpu",
    "Device",
    "Engine",
    "FileSource",
    "FrontEnd",
    "InputSource",
    "Layer",
    "LentEngine",
    "Log",
    "Model",
    "NoInput",
    "Normalize",
    "Power",
    "Spectra",
    "Standardize",
    "Statistics",
    "Stream",
    "StreamSource",
    "__version__",
    "cpu",
    "decode_codes",
    "demo_audio",
    "demo_model",
    "encode_file",
    "errors",
    "get_include",
    "list_devices",
    "resynthesize",
    "spectra",
]

_LATER = {
    "Device": "live.portaudio",
    "Stream": "live.stream",
    "ArraySource": "live.sources",
    "BlockSource": "live.sources",
    "FileSource": "live.sources",
    "StreamSource": "live.sources",
    "InputSource": "live.sources",
    "list_devices": "live.portaudio",
    "NoInput": "live.sources",
}


def __getattr__(name: str) -> object:
    """Import names that open files and devices on first use, so that `import aedsp` stays light."""
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"aedsp.{_LATER[name]}"), name)
    raise AttributeError(f"module 'aedsp' has no attribute {name!r}")
