"""The folder for user settings."""

from __future__ import annotations

from pathlib import Path


def user_folder() -> Path:
    """Return the folder where this system keeps user settings."""
    try:
        from platformdirs import user_config_dir
    except ImportError:
        return Path.home() / ".config" / "aedsp"
    return Path(user_config_dir("aedsp", appauthor=False))
