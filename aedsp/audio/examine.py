"""What an audio file really holds: headers promise too much, recorders crash, files are joined by `cat`.

Cheap where the header is true: it is believed if the last frame that it promises can be read.
"""

from __future__ import annotations

import functools
import mmap
import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from aedsp.audio import file as audio_file
from aedsp.errors import AudioFileError
from aedsp.model.front_end import LOUDEST

_BLOCK_FRAMES = 4096
#: At most this share of the samples may be beyond ±LOUDEST; above it, the scale is that of integers.
_MOST_BEYOND = 0.01
_FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, slots=True)
class Examined:
    """Rate (Hz), channels and frames that can be read. remark: what is missing, as a sentence; "" if nothing is."""

    sample_rate: int
    channels: int
    n_frames: int
    remark: str = ""


def examine(path: str | os.PathLike[str]) -> Examined:
    """Rate, channels and true length of a file, and what of it is not read.

    Raises
    ------
    OSError, AudioFileError
        As `aedsp.audio.file.open_audio`; or nothing of the file can be decoded.
    """
    try:
        state = os.stat(path)
    except OSError:
        with audio_file.open_audio(path):  # its error is clearer
            raise
    return _examined(os.fspath(path), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=256)
def _examined(path: str, changed_ns: int, n_bytes: int) -> Examined:
    with audio_file.open_audio(path) as file:
        rate, channels, promised = int(file.samplerate), int(file.channels), int(file.frames)
        kind = str(file.format)
        whole = promised > 0 and _last_frame_is_there(file)
    if whole or promised == 0:
        return Examined(rate, channels, promised, _left_out(path, kind))
    n_frames, reason = _decoded(path)
    if n_frames == 0:
        raise AudioFileError(f"{path}: nothing of it can be decoded ({reason}); re-encode the file")
    seconds = f"{n_frames / rate:.1f} of {promised / rate:.1f} s"
    remark = f"broke off after {n_frames} of the {promised} frames that its header promises ({seconds})"
    return Examined(rate, channels, n_frames, f"{remark}: {reason}" if reason else remark)


def _last_frame_is_there(file: Any) -> bool:
    try:
        file.seek(file.frames - 1)
        return len(file.read(1)) == 1
    except (RuntimeError, OSError):
        return False


def _decoded(path: str) -> tuple[int, str]:
    """Frames that can be decoded from the beginning, and the error that ends them, if any."""
    n = 0
    with audio_file.open_audio(path) as file:
        block = np.empty((_BLOCK_FRAMES, file.channels), np.float32)
        try:
            while got := int(file.buffer_read_into(block, "float32")):
                n += got
        except (RuntimeError, OSError) as error:
            return n, " ".join(str(error).removeprefix("Error : ").rstrip(".").split())
    return n, ""


def has_integer_scale(path: str | os.PathLike[str]) -> bool:
    """Whether a file of floats is in the range of integers (peaks of 32,767, say) instead of [-1, 1]."""
    with audio_file.open_audio(path) as file:
        if file.subtype not in _FLOATS:
            return False
        beyond = n = 0
        for block in audio_file.blocks_of(file):
            n += block.size
            beyond += int(np.count_nonzero(np.isfinite(block) & (np.abs(block) > LOUDEST)))
    return beyond > _MOST_BEYOND * n


def _left_out(path: str, kind: str) -> str:
    """What libsndfile does not read of a file that was joined from several; "" if it is one file, or unknown."""
    if kind not in ("OGG", "MP3", "MPEG"):
        return ""
    with open(os.fsencode(path), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if kind == "OGG":
            n = _ogg_links(data)
            return f"holds {n} Ogg streams one after the other; only the first is read" if n > 1 else ""
        start, end = _without_tags(data)
        promised = _mp3_bytes(data[start : start + (1 << 16)])
        if promised and end - start > 1.05 * promised + 4096:
            return f"holds {end - start - promised:,} bytes after the end of its first MP3 stream, which are not read"
    return ""


def _ogg_links(data: mmap.mmap) -> int:
    """Links of a chained Ogg file: runs of pages that begin a stream (RFC 3533)."""
    links, beginning = 0, False
    for page in re.finditer(rb"OggS\x00(.)", data, re.S):
        begins = bool(page[1][0] & 2)
        links += begins and not beginning
        beginning = begins
    return links


def _without_tags(data: mmap.mmap) -> tuple[int, int]:
    """Where the MP3 stream begins and ends: between ID3v2 at the beginning, and ID3v1 and APE at the end."""
    start, end = 0, len(data)
    if data[:3] == b"ID3":
        size = data[6:10]
        start = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    if data[end - 128 : end - 125] == b"TAG":
        end -= 128
    if data[end - 32 : end - 24] == b"APETAGEX":
        end -= int.from_bytes(data[end - 20 : end - 16], "little") + 32
    return min(start, len(data)), max(end, 0)


def _mp3_bytes(data: bytes) -> int:
    """Bytes of the stream according to the Xing or Info header of its first frame; 0 if it has none."""
    found = re.search(rb"(?:Xing|Info)\x00\x00\x00(.)", data, re.S)
    if found is None or not found[1][0] & 2:
        return 0
    at = found.end() + (4 if found[1][0] & 1 else 0)
    return int.from_bytes(data[at : at + 4], "big")
