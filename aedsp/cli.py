"""Runs a function as a command: turns errors into one line and an exit status.

0: success. 2: bad input, or a file that cannot be read or written; no partial output is left. 130, 143: interrupted.
Any other exception is a bug and shows its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TextIO

import typer

from aedsp.errors import AedspError

#: Click's UsageError; its module name differs between versions of Typer.
_UsageError: Any = typer.BadParameter.__base__


def run(command: Callable[..., Any], arguments: list[str] | None = None, *, name: str | None = None) -> NoReturn:
    """Run a function as a command; its signature, annotated for Typer, defines the command line.

    Parameters
    ----------
    command : callable
    arguments : list of str, optional
        Default: ``sys.argv[1:]``.
    name : str, optional
        Program name in the usage line, e.g. ``"aedsp render"``.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(command)
    program = name or f"python -m {command.__module__.removesuffix('.__main__')}"
    sys.stdout, sys.stderr = (s if isinstance(s, _Output) else _Output(s) for s in (sys.stdout, sys.stderr))
    for signal_name in ("SIGTERM", "SIGHUP"):  # as an exception: atomic writes remove their temporary files
        number = getattr(signal, signal_name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(app(arguments, prog_name=program, standalone_mode=False) or 0)
    except _UsageError as error:
        _fail(program, f"{error.format_message().rstrip('.')}. Try '{program} --help'.")
    except (KeyboardInterrupt, typer.Abort):
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(130)
    except (AedspError, ValueError, IndexError, OSError, MemoryError) as error:
        _fail(program, _in_words(error))


class _Output:
    """Standard output or error whose reader may go away: what is written after that is lost, and nothing else.

    The command continues: the end of `| head` is not the end of a training.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.lost = stream, False
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names that the terminal cannot encode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return len(text) if self._lose(lambda: self._stream.write(text)) else 0

    def flush(self) -> None:
        self._lose(self._stream.flush)

    def _lose(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF, errno.EINVAL):
                raise
            self.lost = True
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
        return True


def output_is_lost() -> bool:
    """Whether nobody reads standard output any more."""
    return bool(getattr(sys.stdout, "lost", False))


def _in_words(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, AedspError) and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _fail(program: str, text: str) -> NoReturn:
    print(f"{program}: {text}", file=sys.stderr)
    sys.exit(2)


def check_amounts(amounts: Mapping[str, float]) -> None:
    """Check detail, mix and volume as options of a command, before anything is opened.

    Raises
    ------
    ValueError
        Names the option and its range.
    """
    from aedsp.engine.controls import Amount, Controls

    for name, value in amounts.items():
        amount: Amount = getattr(Controls, name)
        if not amount.fits(value):
            raise ValueError(f"--{name.removesuffix('_db')} is {value}; expected {amount.range}")
