"""Where a user's settings are kept."""

from __future__ import annotations

from pathlib import Path


def user_folder() -> Path:
    """Where this system keeps a user's settings."""
    try:
        from platformdirs import user_config_dir
    except ImportError:
        return Path.home() / ".config" / "aedsp"
    return Path(user_config_dir("aedsp", appauthor=False))
