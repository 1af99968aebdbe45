"""Defines an action: name, arguments and ranges, keys, function. The actions themselves are in `actions`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aedsp.control.performer import Performer

Kind = Literal["unit", "number", "integer", "choice", "word", "rest", "file"]
#: How MIDI triggers an action: a fader sets a unit's value, an amount or a macro; a button acts on a unit of the bank
#: or on all, when it is pressed, or as long as it is held.
Midi = Literal["fader", "amount", "macro", "unit", "held unit", "button", "held"]


@dataclass(frozen=True)
class Argument:
    """An argument of an action.

    name : as shown in help; unit : unit of measure; least, most : allowed range; optional : may be omitted (a unit
    defaults to the selected one); off : accepts "off" (nan). choices : of a "choice"; of a "word" or "file", for
    completion only. Kinds "rest" and "file" take the rest of the line; a file may be in quotes, or begin with ~.
    """

    name: str
    kind: Kind
    unit: str = ""
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    off: bool = False

    @property
    def usage(self) -> str:
        choice = self.kind == "choice" and self.choices
        words = "|".join(self.choices) if choice else self.name + ("|off" if self.off else "")
        return f"[{words}]" if self.optional else words

    def parse(self, word: str) -> Any:
        """Convert a word to a value; ValueError if it is not valid."""
        if self.kind in ("word", "rest"):
            return word
        if self.kind == "file":
            return os.path.expanduser(unquoted(word))
        if self.kind == "choice":
            if word not in self.choices:
                raise ValueError(f"{self.name.lower()} is {word!r}; expected one of {', '.join(self.choices)}")
            return word
        if word == "off" and self.off:
            return math.nan
        value = int(word) if self.kind in ("unit", "integer") else float(word)
        if not self.least <= value <= self.most and value == value:
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{self.name.lower()} is {value}; expected {self.least:g} to {self.most:g}{unit}")
        return value


@dataclass(frozen=True)
class Keys:
    """Keys of the screen that trigger an action.

    label : as printed on the keyboard; help : a few words; bindings : key name, or two names in sequence, to the
    action's arguments; prompt : open the command line with these arguments instead
    """

    label: str
    help: str
    bindings: Mapping[str, str]
    prompt: bool = False


@dataclass(frozen=True)
class Action:
    """One thing that a player can do. do : called with performer and argument values; returns a message."""

    name: str
    help: str
    do: Callable[..., str | None]
    arguments: tuple[Argument, ...] = ()
    keys: tuple[Keys, ...] = ()
    midi: Midi | None = None
    led: Callable[[Performer], bool] | None = field(default=None, compare=False)

    @property
    def usage(self) -> str:
        return " ".join([self.name, *(argument.usage for argument in self.arguments)])

    def __call__(self, performer: Performer, line: str | list[str]) -> str:
        """Run it with these arguments, as typed or as words; ValueError if they are not valid."""
        values: list[Any] = []
        left = (line if isinstance(line, str) else " ".join(line)).strip()
        for argument in self.arguments:
            if argument.kind in ("rest", "file") and left:
                values.append(argument.parse(left))
                left = ""
            elif left:
                word, _, left = left.partition(" ")
                left = left.lstrip()
                values.append(argument.parse(word))
            elif not argument.optional:
                raise ValueError(f"missing argument {argument.name}")
            else:
                values.append(performer.selected_unit if argument.kind == "unit" else None)
        if left:
            raise ValueError(f"unexpected argument {left.split()[0]!r}")
        return self.do(performer, *values) or ""


def unquoted(text: str) -> str:
    """The text without quotes around it, if it has them on both sides."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
