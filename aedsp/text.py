"""Reads text files as editors save them: UTF-8, with or without a byte order mark, or UTF-16 with one."""

from __future__ import annotations

import codecs
import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: str | os.PathLike[str], *, errors: str = "strict") -> str:
    """The text of a file. errors: as in `bytes.decode`, for text without UTF-16.

    Raises
    ------
    OSError
        The file cannot be read.
    UnicodeError
        It is text of another encoding; the message names the byte and the remedy.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data.startswith(_UTF_16):
            return data.decode("utf-16")
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors)
    except UnicodeDecodeError as error:
        at = f"byte 0x{data[error.start]:02x} at position {error.start}" if error.start < len(data) else error.reason
        raise UnicodeError(f"not UTF-8 text: {at}; save it as UTF-8") from None


def path_as_text(path: str) -> str:
    """A path for a text file: itself, or a file URI if its bytes are not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "file://" + quote_from_bytes(os.fsencode(os.path.abspath(path)))
    return path


def path_from_text(text: str) -> str:
    """The path that `path_as_text` wrote."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))) if text.startswith("file://") else text


def readable(path: str) -> str:
    """A path as one line of text: bytes that are not UTF-8 become U+FFFD, control characters are escaped."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
