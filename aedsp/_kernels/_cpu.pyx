"""Selects the kernels' instruction set, once, at import.

The environment variable AEDSP_ISA forces one of the tables: "plain", "base", "v3", "v4", or one of the two that "v4"
chooses from, "v4-narrow" and "v4-wide". An unknown name, or one that this processor cannot run, raises ImportError.
"""

import os

cdef extern from "denormals.h":
    unsigned long long c_denormals_off "denormals_off" () noexcept nogil
    void c_denormals_restore "denormals_restore" (unsigned long long before) noexcept nogil


cdef const Kernels *_select() except NULL:
    forced = os.environ.get("AEDSP_ISA", "")
    name = forced.encode()
    cdef const Kernels *table = aedsp_select_kernels(name)
    if table is NULL:
        known = aedsp_kernels_known(name)
        raise ImportError(
            f"AEDSP_ISA is {forced!r}: " + ("this processor cannot run it" if known else "there is no such instruction set")
            + f"; expected one of {supported()}, or unset it to use the best"
        )
    return table


def _supported():
    names = []
    cdef const char *name = aedsp_supported_kernels(0)
    while name is not NULL:
        names.append(name.decode())
        name = aedsp_supported_kernels(<int> len(names))
    return tuple(names)


_runnable = _supported()      # once: CPUID is slow on a virtual machine


def supported():
    """Names of the instruction sets that this processor can run, from plain C to the best."""
    return _runnable


kernels = _select()
_active = os.environ.get("AEDSP_ISA") or _runnable[len(_runnable) - 1]


def active():
    """Name of the instruction set in use."""
    return _active


def lanes():
    """Floats in the widest vector in use."""
    return kernels.lanes


def fast_halves():
    """Whether the processor converts half floats in hardware, as fast as it reads them."""
    return bool(kernels.fast_halves)


def denormals_off():
    """Flush numbers below 1e-38 to 0 in this thread; returns the state for `denormals_restore`."""
    return c_denormals_off()


def denormals_restore(unsigned long long before):
    """Restore the state from before `denormals_off`."""
    c_denormals_restore(before)
