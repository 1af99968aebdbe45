"""The instruction set that the kernels use on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from aedsp._kernels import _cpu


@dataclass(frozen=True)
class Cpu:
    """isa: instruction set in use; lanes: floats per vector; supported: all sets this processor can run."""

    isa: str
    lanes: int
    supported: tuple[str, ...]


def cpu() -> Cpu:
    """The instruction set chosen at import ("plain", "base", "v3" = AVX2, "v4" = AVX-512).

    Set the environment variable AEDSP_ISA to force one.
    """
    return Cpu(_cpu.active(), _cpu.lanes(), _cpu.supported())
