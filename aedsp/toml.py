"""Reads and writes TOML: tomllib, or tomli before Python 3.11, to read; tomli-w to write."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads  # type: ignore[import-not-found,unused-ignore]

__all__ = ["TOMLDecodeError", "dumps", "loads"]


def dumps(document: dict[str, Any]) -> str:
    """Return a document as TOML text."""
    import tomli_w

    return tomli_w.dumps(document)
