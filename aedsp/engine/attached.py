"""AttachedEngine: an engine that compiled code plays, a stream's or somebody else's; a base of `Engine`."""

from __future__ import annotations

from aedsp._rt.handle import EngineHandle
from aedsp.arrays import Float32, Int64
from aedsp.engine.c_interface import LentEngine
from aedsp.engine.scheduling import ScheduledEngine


class AttachedEngine(ScheduledEngine):
    """What reserves an engine for a caller without Python, and times it."""

    __slots__ = ()

    def as_c(self) -> LentEngine:
        """Lend the engine to compiled code, as `aedsp.h` describes; until it is closed, `process` and `reset` raise.

        ::

            with engine.as_c() as lent:
                library.play(ctypes.c_void_p(lent.address))

        Raises
        ------
        RuntimeError
            The engine is in use.
        """
        hop_frames = float(self._timing.ratio * self._model.front_end.hop_length)
        return LentEngine(self.attach(), self._sample_rate, self._block_frames, self.code_latency_frames, hop_frames)

    def attach(self) -> EngineHandle:
        """Reserve the engine for a caller without Python; until the handle's `detach`, `process` and `reset` raise.

        Raises
        ------
        RuntimeError
            The engine is already attached, or in use by another thread.
        """
        try:
            self._handle.attach()
        except RuntimeError:
            raise RuntimeError("the engine is in use by a stream or another thread; make another Engine") from None
        return self._handle

    def time_blocks(self, x: Float32) -> Int64:
        """Nanoseconds taken by each block of x (n_blocks, n_frames, channels), as (n_blocks,)."""
        return self._handle.time_blocks(x)
