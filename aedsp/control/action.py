"""An action: its name, its arguments and their ranges, its keys, and what it does. Which ones there are: `actions`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aedsp.control.performer import Performer

Kind = Literal["unit", "number", "integer", "choice", "word", "rest"]
#: How a MIDI control reaches an action: a fader sets a unit's value, a button acts on a unit of the bank, or on all.
Midi = Literal["fader", "unit", "button"]


@dataclass(frozen=True)
class Argument:
    """A word behind the name of an action.

    name : as help shows it; unit : of measure; least, most : the range, where there is one; optional : may be left out,
    a unit then is the selected one; off : the word "off" means none (nan); rest : all words that are left.
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
        """The value of a word; ValueError where it is none."""
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
    """Keys of the screen that do an action.

    label : as they are printed on the keyboard; help : in a few words; bindings : name of a key, or of two after one
    another, to the words behind the action's name; prompt : the keys open the command line with these words instead
    """

    label: str
    help: str
    bindings: Mapping[str, str]
    prompt: bool = False


@dataclass(frozen=True)
class Action:
    """One thing that a player can do. do : with the performer and the values of the arguments; returns what to say."""

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
        """Do it with the words behind its name; ValueError where they are not what it expects."""
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
            raise ValueError(f"{left[0]!r} is one argument too many")
        return self.do(performer, *values) or ""
