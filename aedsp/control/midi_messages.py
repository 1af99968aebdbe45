"""Decodes MIDI bytes to messages: pure data and a small state machine that accepts any byte stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["cc", "note", "sysex"]
#: Data bytes of the channel messages, by the high four bits of their status.
_LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_LONGEST_SYSEX = 4096


@dataclass(frozen=True)
class Message:
    """A MIDI message that aedsp handles.

    kind : "cc" (control change), "note" (value 0: released) or "sysex"
    channel : 1 to 16; number, value : 0 to 127; data : the complete SysEx message
    """

    kind: Kind
    channel: int = 1
    number: int = 0
    value: int = 0
    data: bytes = b""

    def bytes(self) -> bytes:
        """The bytes to send."""
        if self.kind == "sysex":
            return self.data
        return bytes([(0xB0 if self.kind == "cc" else 0x90) | self.channel - 1, self.number, self.value])


class Decoder:
    """Decodes bytes, in pieces of any size, to messages. Handles running status, interleaved real-time bytes, garbage
    and endless SysEx as the standard says: invalid data is dropped, and the next status byte resynchronizes."""

    def __init__(self) -> None:
        self._status = 0
        self._data = bytearray()
        self._in_sysex = False

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that these bytes complete."""
        found: list[Message] = []
        for byte in data:
            if byte >= 0xF8:  # real time: may occur anywhere
                continue
            if byte >= 0x80:
                self._begin(byte, found)
            elif self._in_sysex:
                if len(self._data) < _LONGEST_SYSEX:
                    self._data.append(byte)
            elif self._status:
                self._data.append(byte)
                if len(self._data) == _LENGTHS[self._status >> 4]:
                    self._complete(found)
        return found

    def _begin(self, status: int, found: list[Message]) -> None:
        if self._in_sysex and status == 0xF7 and len(self._data) < _LONGEST_SYSEX:
            found.append(Message("sysex", data=bytes(self._data) + b"\xf7"))
        self._in_sysex = status == 0xF0
        self._data = bytearray(b"\xf0" if self._in_sysex else b"")
        self._status = status if status < 0xF0 else 0

    def _complete(self, found: list[Message]) -> None:
        kind, channel = self._status >> 4, (self._status & 15) + 1
        if kind == 0xB:
            found.append(Message("cc", channel, self._data[0], self._data[1]))
        elif kind in (0x8, 0x9):
            found.append(Message("note", channel, self._data[0], self._data[1] if kind == 0x9 else 0))
        self._data = bytearray()
