"""The errors of aedsp. Each says what was given, what was expected, where, and how to mend it.

Every class derives from `AedspError` and from the nearest builtin, so that both
``except aedsp.errors.AedspError`` and ``except ValueError`` do what a reader expects.
"""

from __future__ import annotations


class AedspError(Exception):
    """The root of all errors that aedsp itself raises."""


class ModelFormatError(AedspError, ValueError):
    """A model file breaks the format; the text names file, path in the file, what was found, what was expected."""


class AudioFileError(AedspError, OSError):
    """An audio file cannot be read or written."""


class TrainingError(AedspError, RuntimeError):
    """Training cannot start or go on: no usable data, or a loss that is no longer finite."""


class DivergedError(TrainingError):
    """A loss that is no longer finite; the text says where, and what to try."""


class GestureFileError(AedspError, ValueError):
    """A MIDI file cannot be read as gestures."""


class MappingError(AedspError, ValueError):
    """A MIDI mapping cannot be used; the text says which line of it and what is expected."""


class SessionError(AedspError, ValueError):
    """A session file cannot be used; the text says which setting and what is expected."""


class MissingExtraError(AedspError, ImportError):
    """An optional dependency is not installed; the text gives the pip command that installs it."""


class SwapError(AedspError, ValueError):
    """A model cannot take another one's place while it plays."""


class StreamError(AedspError, RuntimeError):
    """Sound cannot be played or recorded: no PortAudio, no device, or a device that refuses."""
