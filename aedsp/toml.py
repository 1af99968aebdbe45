"""Reads and writes TOML: tomllib, or tomli before Python 3.11, to read; tomli-w to write."""

from __future__ import annotations

import sys
from typing import Any

from aedsp.errors import MissingExtraError

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads  # type: ignore[import-not-found,unused-ignore]

__all__ = ["TOMLDecodeError", "dumps", "loads"]


def dumps(document: dict[str, Any]) -> str:
    """Return a document as TOML text."""
    return str(require_writer().dumps(document))


def require_writer() -> Any:
    """Import and return tomli_w; raises MissingExtraError if it is not installed."""
    try:
        import tomli_w
    except ImportError:
        raise MissingExtraError("writing TOML needs tomli-w; pip install 'aedsp[play]'") from None
    return tomli_w
