"""WAV files of a recorder that crashed: the header says 0 bytes of audio, and audio follows it."""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

_CHUNK = struct.Struct("<4sI")


class _Repaired(io.BufferedReader):
    """A file that reads as if the size of its audio, 4 bytes at `at`, were `size`."""

    def __init__(self, path: str | os.PathLike[str], at: int, size: int) -> None:
        super().__init__(io.FileIO(os.fsencode(path)))
        self._at, self._size = at, struct.pack("<I", size)

    def read(self, n: int | None = -1, /) -> bytes:
        start = self.tell()
        data = bytearray(super().read(n))
        for i, byte in enumerate(self._size, self._at - start):
            if 0 <= i < len(data):
                data[i] = byte
        return bytes(data)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _are_chunks(file: BinaryIO, n_bytes: int) -> bool:
    """Whether the rest of the file is chunks to its end, such as text about an empty recording, and no sound."""
    while len(chunk := file.read(_CHUNK.size)) == _CHUNK.size:
        name, size = _CHUNK.unpack(chunk)
        if not (name.isascii() and name.decode().isprintable()) or file.tell() + size > n_bytes + 1:
            return False
        file.seek(size + size % 2, os.SEEK_CUR)
    return not chunk


def unfinished_wav(path: str | os.PathLike[str]) -> io.BufferedReader | None:
    """The file with the size of its audio set to all that follows; None if it is not such a file."""
    with open(os.fsencode(path), "rb") as file:
        riff = file.read(12)
        n_bytes = os.fstat(file.fileno()).st_size
        if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            return None
        while len(chunk := file.read(_CHUNK.size)) == _CHUNK.size:
            name, size = _CHUNK.unpack(chunk)
            if name == b"data":
                at, left = file.tell(), min(n_bytes - file.tell(), 0xFFFFFFFF)
                if size or not left or _are_chunks(file, n_bytes):
                    return None
                return _Repaired(path, at - 4, left)
            file.seek(size + size % 2, os.SEEK_CUR)
    return None
