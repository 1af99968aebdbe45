"""The end of a stream that nobody closes: dropped by its last reference, or open when the interpreter exits."""

from __future__ import annotations

import atexit
import contextlib
import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aedsp.live.housekeeper import Housekeeper
from aedsp.live.recorder import Recorder


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass
class RunningRecording:
    """The running recording, if any; shared by a stream and its finalizer."""

    recorder: Recorder | None = None

    def take(self) -> Recorder | None:
        """Give it away, to be stopped: that takes a while, and another may begin."""
        recorder, self.recorder = self.recorder, None
        return recorder


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method without keeping its stream alive: returns None once the stream has been dropped."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: object) -> Any:
        alive = reference()
        return None if alive is None else alive(*arguments)

    call.__name__ = method.__name__
    return call


def abandon(housekeeper: Housekeeper, recording: RunningRecording, release: contextlib.ExitStack) -> None:
    """Close a stream that was dropped: as `Stream.close`, without the fade-out."""
    housekeeper.stop()
    try:
        if recorder := recording.take():
            recorder.stop()
    finally:
        release.close()


_OPEN: weakref.WeakSet[Closable] = weakref.WeakSet()
_EXIT_HOOKS: list[int] = []  # the process that has registered one


def close_at_exit(stream: Closable) -> None:
    """Close the stream at interpreter exit, before sounddevice terminates PortAudio: its audio thread would go on in
    memory that is being freed. Call with the device open, so that sounddevice has registered its own exit hook."""
    _OPEN.add(stream)
    if not _EXIT_HOOKS:
        _EXIT_HOOKS.append(os.getpid())
        atexit.register(_close_all)


def _close_all() -> None:
    if os.getpid() not in _EXIT_HOOKS:  # a fork: the device belongs to the parent
        return
    for stream in list(_OPEN):
        with contextlib.suppress(Exception):
            stream.close()
