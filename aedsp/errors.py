"""The errors of aedsp. Each message says what was given, what was expected, where, and how to fix it.

Every class derives from `AedspError` and from the nearest builtin, so both ``except aedsp.errors.AedspError`` and
``except ValueError`` work as expected.
"""

from __future__ import annotations


class AedspError(Exception):
    """Base class of all errors that aedsp raises."""


class ModelFormatError(AedspError, ValueError):
    """A model file is not valid; the message gives file, path in the file, what was found and what was expected."""


class AudioFileError(AedspError, OSError):
    """An audio file cannot be read or written."""


class TrainingError(AedspError, RuntimeError):
    """Training cannot start or continue: no usable data, or the loss is no longer finite."""


class DivergedError(TrainingError):
    """The loss is no longer finite; the message says where, and what to try."""


class GestureFileError(AedspError, ValueError):
    """A MIDI file cannot be read as gestures."""


class MappingError(AedspError, ValueError):
    """A MIDI mapping is not valid; the message gives the line and what was expected."""


class SessionError(AedspError, ValueError):
    """A session file is not valid; the message gives the setting and what was expected."""


class MissingExtraError(AedspError, ImportError):
    """An optional dependency is not installed; the message gives the pip command that installs it."""


class SwapError(AedspError, ValueError):
    """The model cannot be swapped: another front end, or the last swap is still pending."""


class AutomationError(AedspError, ValueError):
    """An automation file is not valid; the message gives file, line or curve, and what was expected."""


class ScheduleError(AedspError, RuntimeError):
    """Too many scheduled changes wait."""


class StreamError(AedspError, RuntimeError):
    """Audio cannot be played or recorded: no PortAudio, no device, or the device failed to open."""
