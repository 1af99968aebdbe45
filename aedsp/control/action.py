"""Defines an action: name, arguments and ranges, keys, function. The actions themselves are in `actions`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aedsp.control.performer import Performer

Kind = Literal["unit", "number", "integer", "choice", "word", "rest"]
#: How MIDI triggers an action: a fader sets a unit's value; a button acts on a unit of the bank or on the whole.
Midi = Literal["fader", "unit", "button"]


@dataclass(frozen=True)
class Argument:
    """An argument of an action.

    name : as shown in help; unit : unit of measure; least, most : allowed range; optional : may be omitted (a unit
    defaults to the selected one); off : accepts "off" (nan). Kind "rest" takes all remaining words.
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
        words = "|".join(self.choices) if self.choices else self.name + ("|off" if self.off else "")
        return f"[{words}]" if self.optional else words

    def parse(self, word: str) -> Any:
        """Convert a word to a value; ValueError if it is not valid."""
        if self.kind in ("word", "rest"):
            return word
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

    def __call__(self, performer: Performer, words: list[str]) -> str:
        """Run it with these arguments; ValueError if they are not valid."""
        values: list[Any] = []
        left = list(words)
        for argument in self.arguments:
            if argument.kind == "rest" and left:
                values.append(" ".join(left))
                left = []
            elif left:
                values.append(argument.parse(left.pop(0)))
            elif not argument.optional:
                raise ValueError(f"missing argument {argument.name}")
            else:
                values.append(performer.selected_unit if argument.kind == "unit" else None)
        if left:
            raise ValueError(f"unexpected argument {left[0]!r}")
        return self.do(performer, *values) or ""
