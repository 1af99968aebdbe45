"""What this machine runs the kernels on."""

from __future__ import annotations

from dataclasses import dataclass

from aedsp._kernels import _cpu


@dataclass(frozen=True)
class Cpu:
    """isa: the instruction set in use; lanes: floats in its vectors; supported: all that this processor can run."""

    isa: str
    lanes: int
    supported: tuple[str, ...]


def cpu() -> Cpu:
    """The instruction set that was chosen at import ("plain", "base", "v3" = AVX2, "v4" = AVX-512).

    The environment variable AEDSP_ISA forces one of them.
    """
    return Cpu(_cpu.active(), _cpu.lanes(), _cpu.supported())
