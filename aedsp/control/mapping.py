"""MIDI mappings: assign controls to actions.

TOML files; the shipped ones are in `mappings/`, learnt ones in the user folder.

name = "my controller"
ports = ["part of the port name"]       # empty: any port
bank = 8                                # number of units in view
channel = 1                             # 1 to 16; default: any channel
leds = "none"                           # "cc": a button's CC sets its LED; "korg": the same in native mode

[cc]                                    # by control change number
"0-7" = "gain"                          # a range: the units of the bank, in order
"16" = "scale 3"                        # the third unit of the bank
"41" = "play"
"47" = "volume"                         # an amount: detail, mix, volume, target; a macro: macro-bright, macro-1

[note]                                  # by note number
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from aedsp import toml
from aedsp.atomic import atomic_write
from aedsp.control.action_table import AMOUNT_FADERS, BUTTONS, FADERS, MACRO_FADERS, UNIT_BUTTONS
from aedsp.control.midi_messages import Message
from aedsp.errors import MappingError
from aedsp.text import read_text

LEDS = ("none", "cc", "korg")


@dataclass(frozen=True)
class Target:
    """What a control does; slot: the unit of the bank, from 0; None for a global target."""

    name: str
    slot: int | None = None

    def __str__(self) -> str:
        return self.name if self.slot is None else f"{self.name} {self.slot + 1}"


@dataclass(frozen=True)
class Mapping:
    """A valid mapping. targets: (kind, number) of a message to its target."""

    name: str
    targets: MappingType[tuple[str, int], Target]
    ports: tuple[str, ...] = ()
    bank: int = 8
    channel: int | None = None
    leds: str = "none"
    path: str = field(default="", compare=False)

    def target(self, message: Message) -> Target | None:
        """The target of a message, None if it has none."""
        if self.channel is not None and message.channel != self.channel:
            return None
        return self.targets.get((message.kind, message.number))

    def with_target(self, kind: str, number: int, target: Target) -> Mapping:
        """Return a mapping where this control, and no other, has this target."""
        kept = {key: old for key, old in self.targets.items() if old != target}
        return replace(self, targets={**kept, (kind, number): target})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as TOML, atomically."""
        document: dict[str, Any] = {
            "name": self.name,
            "ports": list(self.ports),
            "bank": self.bank,
            "leds": self.leds,
        }
        if self.channel is not None:
            document["channel"] = self.channel
        for kind in ("cc", "note"):
            rows = sorted((number, str(target)) for (k, number), target in self.targets.items() if k == kind)
            if rows:
                document[kind] = {str(number): text for number, text in rows}
        with atomic_write(path) as unfinished:
            unfinished.write_text(toml.dumps(document), encoding="utf-8")


def shipped() -> dict[str, Mapping]:
    """The shipped mappings by file stem."""
    folder = resources.files("aedsp.control.mappings")
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            mapping = parse(entry.read_text(encoding="utf-8"), entry.name)
            found[entry.name[:-5]] = replace(mapping, path=entry.name[:-5])
    return found


def load(path: str | os.PathLike[str]) -> Mapping:
    """Load a mapping from a TOML file, or a shipped one by name.

    Raises
    ------
    OSError
        If the file cannot be read.
    MappingError
        If it is not a valid mapping; the message quotes the entry and says what is allowed.
    """
    if not os.path.exists(path) and str(path) in (known := shipped()):
        return known[str(path)]
    try:
        text = read_text(path)
    except UnicodeError as error:
        raise MappingError(f"{os.fspath(path)}: not valid TOML ({error})") from None
    return replace(parse(text, os.fspath(path)), path=os.fspath(path))


def parse(text: str, where: str) -> Mapping:
    """Parse a mapping from TOML text; `where`: its name in error messages."""
    try:
        document = toml.loads(text)
    except toml.TOMLDecodeError as error:
        raise MappingError(f"{where}: not valid TOML ({error})") from None
    unknown = set(document) - {"name", "ports", "bank", "channel", "leds", "lights", "cc", "note"}
    if unknown:
        raise MappingError(f"{where}: unknown setting {sorted(unknown)[0]!r}; see docs/playing.md")
    name, ports = document.get("name", Path(where).stem), document.get("ports", [])
    bank, channel, leds = (
        document.get("bank", 8),
        document.get("channel"),
        document.get("leds", document.get("lights", "none")),
    )  # "lights" in the first edition
    if not isinstance(name, str):
        raise MappingError(f"{where}: name is {name!r}; expected a string")
    if not isinstance(ports, list) or not all(isinstance(port, str) for port in ports):
        raise MappingError(f"{where}: ports is {ports!r}; expected a list of strings")
    if not isinstance(bank, int) or isinstance(bank, bool) or not 1 <= bank <= 64:
        raise MappingError(f"{where}: bank is {bank!r}; expected 1 to 64 units")
    if channel is not None and (not isinstance(channel, int) or isinstance(channel, bool) or not 1 <= channel <= 16):
        raise MappingError(f"{where}: channel is {channel!r}; expected 1 to 16; omit it for any channel")
    if leds not in LEDS:
        raise MappingError(f"{where}: leds is {leds!r}; expected one of {LEDS}")
    targets: dict[tuple[str, int], Target] = {}
    for kind in ("cc", "note"):
        rows = document.get(kind, {})
        if not isinstance(rows, dict):
            raise MappingError(f"{where}: {kind} is {rows!r}; expected a table")
        for key, value in rows.items():
            targets.update(_row(where, kind, key, value, bank))
    return Mapping(name, targets, tuple(ports), bank, channel, leds)


def _row(where: str, kind: str, key: str, value: Any, bank: int) -> dict[tuple[str, int], Target]:
    """Parse an entry such as "0-7" = "gain" or "16" = "scale 3"."""
    at = f"{where}: [{kind}] {key} = {value!r}"
    numbers = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", key)
    first = int(numbers[1]) if numbers else -1
    last = int(numbers[2] or first) if numbers else -1
    if not 0 <= first <= last <= 127:
        raise MappingError(f"{at}: expected a number from 0 to 127, or a range such as 0-7")
    words = value.split() if isinstance(value, str) else []
    per_unit = bool(words) and words[0] in FADERS + UNIT_BUTTONS
    whole = AMOUNT_FADERS + MACRO_FADERS + BUTTONS
    if not words or len(words) > 2 or (not per_unit and words[0] not in whole):
        raise MappingError(
            f"{at}: expected one of {', '.join(FADERS + UNIT_BUTTONS)} (with a number), {', '.join(whole)}"
        )
    if not per_unit:
        if len(words) == 2 or first != last:
            raise MappingError(f"{at}: {words[0]} takes one control and no unit number")
        return {(kind, first): Target(words[0])}
    if len(words) == 1 and first == last:
        raise MappingError(f"{at}: give the unit of the bank, e.g. '{words[0]} 1'")
    if len(words) == 2 and (first != last or not words[1].isdigit() or not 1 <= int(words[1]) <= bank):
        raise MappingError(f"{at}: expected one control and a unit of the bank from 1 to {bank}")
    start = int(words[1]) - 1 if len(words) == 2 else 0
    if last - first >= bank:
        raise MappingError(f"{at}: {last - first + 1} controls exceed the bank of {bank} units")
    return {(kind, first + i): Target(words[0], start + i) for i in range(last - first + 1)}
