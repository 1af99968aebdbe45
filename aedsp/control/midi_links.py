"""Whether our MIDI input is still linked to its controller: one that is replugged at once keeps its name, but not its
link. rtmidi cannot tell; JACK is asked through libjack, ALSA through /proc. Called on the controller's thread."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

PORT = "controls"
_ALSA_CLIENTS = Path("/proc/asound/seq/clients")
_NO_START_SERVER = 1


class Links(Protocol):
    """The links of this system's MIDI driver."""

    @property
    def gone(self) -> bool:
        """Whether the driver has ended; everything must be opened anew."""
        ...

    def ours(self) -> set[str]:
        """The inputs named `PORT` of all programs called aedsp."""
        ...

    def is_linked(self, port: str) -> bool:
        """Whether one of them is linked to anything; False if it is gone."""
        ...

    def close(self) -> None: ...


class JackLinks:
    """A JACK client that only looks. OSError without libjack or a running server."""

    def __init__(self) -> None:
        self._lib: Any = ctypes.CDLL(ctypes.util.find_library("jack") or "libjack.so.0")
        for name, result, *arguments in _SIGNATURES:
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        self._gone = False
        self._client = self._lib.jack_client_open(b"aedsp watch", _NO_START_SERVER, None)
        if not self._client:
            raise OSError("no JACK server is running")
        self._on_shutdown = _ON_SHUTDOWN(self._note_shutdown)  # kept alive here
        self._lib.jack_on_shutdown(self._client, self._on_shutdown, None)
        self._lib.jack_activate(self._client)

    @property
    def gone(self) -> bool:
        return self._gone

    def ours(self) -> set[str]:
        pattern = f"^aedsp.*:{PORT}$".encode()
        return set(self._names(self._lib.jack_get_ports(self._client, pattern, None, 0)))

    def is_linked(self, port: str) -> bool:
        handle = self._lib.jack_port_by_name(self._client, port.encode())
        links = self._lib.jack_port_get_all_connections(self._client, handle) if handle else None
        return bool(list(self._names(links)))

    def close(self) -> None:
        self._lib.jack_client_close(self._client)

    def _note_shutdown(self, nothing: object) -> None:
        self._gone = True

    def _names(self, array: Any) -> Iterator[str]:
        """The strings of a NULL-terminated array, which is freed."""
        if not array:
            return
        try:
            for i in itertools.count():
                if array[i] is None:
                    return
                yield array[i].decode(errors="replace")
        finally:
            self._lib.jack_free(array)


class AlsaLinks:
    """The clients of the ALSA sequencer, read from /proc."""

    gone = False

    def __init__(self, clients: Path = _ALSA_CLIENTS) -> None:
        self._clients = clients
        clients.read_bytes()  # OSError: not there

    def ours(self) -> set[str]:
        return set(self._links())

    def is_linked(self, port: str) -> bool:
        return self._links().get(port, False)

    def close(self) -> None:
        pass

    def _links(self) -> dict[str, bool]:
        """Whether it has a link, by "client:port" of every input of ours."""
        found: dict[str, bool] = {}
        client = port = ""
        for line in self._clients.read_text(errors="replace").splitlines():
            if match := re.match(r'Client\s+(\d+) : "(.*?)"', line):
                client, port = (match[1] if match[2].startswith("aedsp") else ""), ""
            elif match := re.match(r'\s+Port\s+(\d+) : "(.*?)"', line):
                port = f"{client}:{match[1]}" if client and match[2].startswith(PORT) else ""
                if port:
                    found[port] = False
            elif port and "Connected From:" in line:
                found[port] = True
        return found


def links_of(driver: str) -> Links | None:
    """The links of the driver "jack" or "alsa"; None where they cannot be seen."""
    with contextlib.suppress(OSError, AttributeError):
        if driver == "jack":
            return JackLinks()
        if driver == "alsa":
            return AlsaLinks()
    return None


_NAMES = ctypes.POINTER(ctypes.c_char_p)
_ON_SHUTDOWN = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
#: libjack functions: name, result, arguments (jack/jack.h).
_SIGNATURES: list[tuple[Any, ...]] = [
    ("jack_client_open", ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p),
    ("jack_client_close", ctypes.c_int, ctypes.c_void_p),
    ("jack_activate", ctypes.c_int, ctypes.c_void_p),
    ("jack_on_shutdown", None, ctypes.c_void_p, _ON_SHUTDOWN, ctypes.c_void_p),
    ("jack_get_ports", _NAMES, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong),
    ("jack_port_by_name", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
    ("jack_port_get_all_connections", _NAMES, ctypes.c_void_p, ctypes.c_void_p),
    ("jack_free", None, ctypes.c_void_p),
]
