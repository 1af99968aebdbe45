"""The end of a performance, whatever ends it: quit, a signal, a closed terminal, an error.

However it ends, the session is saved, recordings are finished and the stream is closed, once. If the user interface
does not end by itself (its terminal is gone, and it waits for it), a watchdog does all that and ends the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from aedsp.live import portaudio
from aedsp.play import lines
from aedsp.play.instrument import Instrument

#: Time that the user interface has to end after it was asked to, in s.
PATIENCE_S = 3.0
#: Time that closing the stream and finishing a recording may take, in s: FLAC of an hour takes half a minute.
CLOSING_S = 120.0
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Ending:
    """A context manager around the user interface, for the main thread.

    Parameters
    ----------
    instrument : Instrument
    session : Path or None
        Written at the end, unless an error ends the performance.
    json_lines : bool
        Print the final statistics as JSON.
    """

    def __init__(self, instrument: Instrument, session: Path | None, json_lines: bool) -> None:
        self._instrument, self._session, self._json_lines = instrument, session, json_lines
        self._once, self._begun = threading.Lock(), threading.Event()
        self._ended, self._signal, self._impatient = threading.Event(), 0, 0
        self._said, self._last = 0, dict[str, Any]()

    def __enter__(self) -> Ending:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
                signal.signal(number, self._quit)
        threading.Thread(target=self._watch, name="aedsp ending", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end(save=error is None)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._print()

    def _quit(self, number: int, frame: object) -> None:
        """The first signal stops the instrument cleanly; a second Ctrl-C interrupts the user interface."""
        self._signal = self._signal or number
        if self._begun.is_set():
            self._impatient += 1
            if self._impatient > 1:  # asked twice while it ends: something hangs
                os._exit(128 + number)
            return
        if number == signal.SIGINT and self._instrument.quitting.is_set():
            raise KeyboardInterrupt
        self._instrument.quitting.set()

    def _watch(self) -> None:
        self._instrument.quitting.wait()
        if self._begun.wait(PATIENCE_S):
            if self._ended.wait(CLOSING_S):
                return
        else:
            ending = threading.Thread(target=self._end, args=(True,), name="aedsp end", daemon=True)
            ending.start()
            ending.join(CLOSING_S)
        os._exit(128 + self._signal if self._signal else 0)

    def _end(self, save: bool) -> None:
        with self._once:
            if self._begun.is_set():
                return
            self._begun.set()
            instrument = self._instrument
            instrument.on_message = None
            try:
                self._said = len(instrument.messages)
                self._last = lines.status(instrument)
                if save and self._session is not None:
                    session = self._session
                    instrument.attempt(lambda: instrument.session().save(session), f"session saved in {session}")
            finally:
                instrument.close()
                with contextlib.suppress(Exception):
                    portaudio.release()
                self._ended.set()

    def _print(self) -> None:
        """The last messages and the statistics."""
        if self._json_lines:
            print(json.dumps({"end": True, **self._last}), flush=True)
            return
        for _, message in list(self._instrument.messages)[self._said :]:
            print(message)
        print("\n".join(self._instrument.stream.statistics.lines()), flush=True)
