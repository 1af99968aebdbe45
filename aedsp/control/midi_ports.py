"""MIDI controllers: a polling thread with hot-plugging. The only module that imports rtmidi.

rtmidi's queue is polled: a Python callback would run on the driver's thread (on JACK: the audio thread) and take the
GIL there. Errors of rtmidi are reported as messages; a missing controller is not an error.
"""

from __future__ import annotations

import contextlib
import glob
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from aedsp.control.mapping import Mapping
from aedsp.control.midi_links import PORT, Links, links_of
from aedsp.control.midi_messages import Decoder, Message

POLL_S, SCAN_S, LONGEST_SCAN_S, LEDS_S, ANSWER_S = 0.001, 1.0, 8.0, 0.05, 0.3
#: The link to the controller is checked this often, in s.
LINK_S = 0.2
#: A new link is given this time to take effect, in s.
LINKING_S = 3.0
#: Messages that rtmidi queues between polls: 1.6 s at 5,000 per second. A used slot keeps its memory.
_QUEUE = 8192
#: nanoKONTROL2: native mode on, off; prefix of its answer.
_NATIVE = "F0 42 40 00 01 13 00 00 00 {} F7"
NATIVE_ON, NATIVE_OFF = (bytes.fromhex(_NATIVE.format(mode)) for mode in ("01", "00"))
NATIVE_ANSWER = bytes.fromhex("F0 42 40 00 01 13 00 40")
_NOT_OURS = ("aedsp", "midi through")

Leds = dict[tuple[str, int], bool]


class Controller:
    """Finds the mapping's controller, reads its messages and sets its LEDs, until `close`.

    Parameters
    ----------
    mapping : Mapping
    on_message : callable
        Called with every `Message`, on the controller's thread.
    on_status : callable
        Called with a text when a controller is found or lost, or MIDI is not available.
    leds : callable, optional
        Returns the LED states by (kind, number); called 20 times a second.
    port : str, optional
        Part of the port name; overrides the mapping's.
    """

    def __init__(
        self,
        mapping: Mapping,
        on_message: Callable[[Message], None],
        on_status: Callable[[str], None],
        leds: Callable[[], Leds] | None = None,
        port: str | None = None,
    ) -> None:
        self.mapping, self._on_message, self._on_status, self._leds = mapping, on_message, on_status, leds
        self._names = (port,) if port else mapping.ports
        self.connected: str | None = None
        self.native = False
        self.messages = 0
        self._input: Any = None
        self._output: Any = None
        self._shown: Leds = {}
        self._links: Links | None = None
        self._link = ""  # our input, as `_links` names it
        self._linked_until = 0.0  # infinite: the link has been seen
        self._driver = ""
        self._decoder = Decoder()
        self._answer_until = 0.0
        self._said = ""
        self._scan_s = SCAN_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aedsp MIDI", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Turn the LEDs off and close the ports."""
        self._stop.set()
        self._thread.join(3.0)

    def _run(self) -> None:
        try:
            import rtmidi
        except ImportError:
            self._say("MIDI is off: python-rtmidi is not installed; pip install 'aedsp[midi]'")
            return
        scan_at = leds_at = link_at = 0.0
        while not self._stop.wait(POLL_S):
            now = time.monotonic()
            try:
                if now >= scan_at:
                    scan_at = now + self._scan_s
                    self._scan(rtmidi)
                if now >= link_at:
                    link_at = now + LINK_S
                    if self._lost_its_link():
                        scan_at = 0.0
                self._listen()
                if now >= leds_at and self._output is not None:
                    leds_at = now + LEDS_S
                    self._show()
            except Exception as error:  # rtmidi errors have no common base class
                self._drop(
                    f"MIDI: {self.connected or 'the driver'} failed ({' '.join(str(error).split())}); reconnecting"
                )
        self._leds_out()
        self._drop("")

    def _say(self, sentence: str) -> None:
        if sentence and sentence != self._said:
            self._said = sentence
            self._on_status(sentence)

    def _scan(self, rtmidi: Any) -> None:
        """Check whether the controller is still connected, or connected again."""
        if self._input is None:
            self._input = self._make(rtmidi, rtmidi.MidiIn)
            if self._input is None:
                self._say("MIDI is off: no MIDI driver is running (ALSA sequencer or JACK); all keys work")
                self._scan_s = min(2 * self._scan_s, LONGEST_SCAN_S)
                return
            self._scan_s = SCAN_S
            self._links = links_of(self._driver)
        ports = self._input.get_ports()
        if self.connected is not None:
            if self.connected not in ports:
                self._drop(f"{self.connected} was disconnected; waiting for it")
            return
        found = next((i for i, port in enumerate(ports) if self._is_ours(port)), None)
        if found is not None:
            self._open(rtmidi, found, ports[found])

    def _is_ours(self, port: str) -> bool:
        if any(name in port.lower() for name in _NOT_OURS):
            return False
        return not self._names or any(name.lower() in port.lower() for name in self._names)

    def _open(self, rtmidi: Any, index: int, name: str) -> None:
        self._input.ignore_types(sysex=False, timing=True, active_sense=True)
        before = self._links.ours() if self._links else set()
        self._input.open_port(index, PORT)
        self._link = next(iter(self._links.ours() - before), "") if self._links else ""
        self._linked_until = time.monotonic() + LINKING_S
        self._decoder = Decoder()
        self.connected, self.native, self._shown = name, False, {}
        if self.mapping.leds != "none":
            self._open_output(rtmidi)
        self._say(f"{name} is connected")

    def _lost_its_link(self) -> bool:
        """Drop the controller if it, or the driver, was renewed under the same name; returns whether it was."""
        if self._links is None:
            return False
        if self._links.gone:
            self._drop("the MIDI driver has ended; waiting for it")
            return True
        if self.connected is None or not self._link:
            return False
        if self._links.is_linked(self._link):
            self._linked_until = math.inf
            return False
        if time.monotonic() < self._linked_until < math.inf:
            return False  # a link takes effect with the driver's next period, or later if it is busy
        self._drop(f"{self.connected} was disconnected; waiting for it")
        return True

    def _open_output(self, rtmidi: Any) -> None:
        output = self._make(rtmidi, rtmidi.MidiOut)
        if output is None:
            return
        index = next((i for i, port in enumerate(output.get_ports()) if self._is_ours(port)), None)
        if index is None:
            return
        output.open_port(index, "leds")
        self._output = output
        if self.mapping.leds == "korg":
            output.send_message(list(NATIVE_ON))
            self._answer_until = time.monotonic() + ANSWER_S

    def _listen(self) -> None:
        if self.connected is None:
            return
        while (item := self._input.get_message()) is not None:
            self.messages += 1
            for message in self._decoder.feed(bytes(item[0])):
                if message.kind == "sysex":
                    if message.data.startswith(NATIVE_ANSWER) and time.monotonic() < self._answer_until:
                        self.native = True
                        self._shown = {}
                else:
                    self._on_message(message)

    def _show(self) -> None:
        """Send the LEDs that changed."""
        if self._leds is None or (time.monotonic() < self._answer_until and not self.native):
            return
        for (kind, number), on in self._leds().items():
            if self._shown.get((kind, number)) is not on:
                self._shown[(kind, number)] = on
                self._output.send_message(list(Message(kind, self.mapping.channel or 1, number, 127 * on).bytes()))  # type: ignore[arg-type]

    def _leds_out(self) -> None:
        if self._output is not None:
            with contextlib.suppress(Exception):
                for (kind, number), on in self._shown.items():
                    if on:
                        self._output.send_message(list(Message(kind, 1, number, 0).bytes()))  # type: ignore[arg-type]
                if self.native:
                    self._output.send_message(list(NATIVE_OFF))
                time.sleep(0.02)  # JACK sends the last messages in its next period

    def _drop(self, sentence: str) -> None:
        for port in (self._input, self._output):
            if port is not None:
                with contextlib.suppress(Exception):
                    port.close_port()
                with contextlib.suppress(Exception):
                    port.delete()
        if self._links is not None:
            self._links.close()
        self._links, self._link = None, ""
        self._input = self._output = self.connected = None
        self._say(sentence)

    def _make(self, rtmidi: Any, kind: Any) -> Any:
        """Open a client of the system driver, or of JACK if it is running; None if there is neither."""
        if not sys.platform.startswith("linux"):
            drivers = [rtmidi.API_UNSPECIFIED]
        else:  # only the running ones: a failing driver prints to the terminal
            drivers = [rtmidi.API_LINUX_ALSA] if os.path.exists("/dev/snd/seq") else []
            if rtmidi.API_UNIX_JACK in rtmidi.get_compiled_api() and glob.glob("/dev/shm/jack_*"):
                drivers.append(rtmidi.API_UNIX_JACK)
        options = {"queue_size_limit": _QUEUE} if kind is rtmidi.MidiIn else {}
        os.environ.setdefault("JACK_NO_START_SERVER", "1")
        for driver in drivers:
            with _quiet():
                try:
                    made = kind(driver, "aedsp", **options)
                    self._driver = "jack" if driver == rtmidi.API_UNIX_JACK else "alsa" if driver else ""
                    return made
                except Exception:  # rtmidi's own SystemError: driver not available
                    continue
        return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what failing drivers print to standard error."""
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        yield
        return
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
