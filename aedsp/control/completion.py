"""Completes a text command that is being typed: names of actions, their choices, and files."""

from __future__ import annotations

import os
from pathlib import Path

from aedsp.control.action import Argument, unquoted
from aedsp.control.action_table import ACTIONS, AMOUNT_FADERS, BUTTONS, FADERS, MACRO_FADERS, UNIT_BUTTONS

MOST_SHOWN = 12


def complete(line: str) -> tuple[str, list[str]]:
    """The line, completed as far as it is certain, and all candidates for what is being typed."""
    name, space, rest = line.lstrip().partition(" ")
    if not space:
        return _extended("", name, list(ACTIONS), " ")
    action = ACTIONS.get(name)
    if action is None:
        return line, []
    begun = f"{name} "
    for argument in action.arguments:
        if argument.kind == "file":
            typed = unquoted(rest.strip()).lstrip("\"'")
            return _extended(begun, typed, _files(typed, argument), "")
        word, space, rest_after = rest.partition(" ")
        if not space:
            return _extended(begun, word, _choices(name, argument), " ")
        begun, rest = f"{begun}{word} ", rest_after.lstrip()
    return line, []


def _choices(name: str, argument: Argument) -> list[str]:
    if name == "learn" and argument.kind == "word":
        return [*FADERS, *AMOUNT_FADERS, *MACRO_FADERS, *UNIT_BUTTONS, *BUTTONS]
    if name == "bank":
        return ["next", "previous"]
    return [*argument.choices, *(["off"] if argument.off else [])]


def _files(begun: str, argument: Argument) -> list[str]:
    """Files with the argument's ending and folders that begin like this, and names of shipped models."""
    folder, _, stem = begun.rpartition("/")
    folder += "/" if "/" in begun else ""
    ending = Path(argument.name).suffix
    found = [choice for choice in argument.choices if not folder]
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        entries = []
    for entry in entries:
        if entry.name.startswith(".") and not stem.startswith("."):
            continue
        if _is_folder(entry):
            found.append(f"{folder}{entry.name}/")
        elif entry.name.lower().endswith(ending):
            found.append(f"{folder}{entry.name}")
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _extended(before: str, begun: str, candidates: list[str], after: str) -> tuple[str, list[str]]:
    fitting = [candidate for candidate in candidates if candidate.startswith(begun)]
    if not fitting:
        return before + begun, []
    common = os.path.commonprefix(fitting)  # noqa: RUF071  of any strings, character by character
    done = len(fitting) == 1 and not common.endswith("/")
    return before + common + (after if done else ""), fitting
