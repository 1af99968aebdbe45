"""Which instruction set the kernels run on: chosen once, at import.

The environment variable AEDSP_ISA forces one of the tables: "plain", "base", "v3", "v4", or one of the two that "v4" chooses
between, "v4-narrow" and "v4-wide". A name that is unknown, or that this processor cannot run, is an ImportError.
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
            + f"; expected one of {supported()}, or unset for the best"
        )
    return table


def _supported():
    names = []
    cdef const char *name = aedsp_supported_kernels(0)
    while name is not NULL:
        names.append(name.decode())
        name = aedsp_supported_kernels(<int> len(names))
    return tuple(names)


_runnable = _supported()      # once: asking the processor takes long on a virtual machine


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
    """Whether the processor widens half floats by itself, as fast as it reads them."""
    return bool(kernels.fast_halves)


def denormals_off():
    """Numbers below 1e-38 become 0 in this thread; returns what `denormals_restore` wants."""
    return c_denormals_off()


def denormals_restore(unsigned long long before):
    """As it was before `denormals_off`."""
    c_denormals_restore(before)
