"""Which files hold audio that libsndfile reads, by suffix."""

from __future__ import annotations

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
