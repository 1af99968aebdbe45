"""Session files in TOML: model, source, device and all settings. Neutral values are left out.

model = "mine.h5"          source = "song.flac" | "input" | "input: NAME" | "no input"
playlist = "~/Music/album" the folder or M3U file that the song is in
mapping = "nanokontrol2"   device = "..."   sample_rate = 48000   block = 512   latency = "low"   channels = 2
midi = "none"              phase = "auto"   seed = 0       loop = false  morph_s = 2.0
refine = 0                 drive = "walk:0.5"   only without input
stretch = 1.5              transpose = -2.0     only with a file

[controls]                 [snapshot.1]         same keys in both
monitor = "resynthesized"
gain = { 3 = 0.5 }         muted = { 4 = 1.0 }
detail = 1.0               mix = 0.5        target_amount = 0.5
volume_db = -6.0           only in [controls]

order = [3, 0, 1, 2]       units in the order of the banks, if they are sorted
[names]                    of a shipped model's units
3 = "kick"
[group.1]                  gains of units at the bottom and at the top of the fader
3 = [0.0, 1.0]
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aedsp import toml
from aedsp.atomic import atomic_write
from aedsp.control.macros import GROUPS
from aedsp.engine.controls import NEUTRAL_AMOUNTS, Amount, Controls
from aedsp.engine.state import NEUTRAL, Values
from aedsp.errors import SessionError
from aedsp.model.format import checked_names
from aedsp.play.snapshots import NUMBERS, Snapshot, without_volume
from aedsp.text import path_as_text, path_from_text, read_text

Ranges = dict[int, tuple[float, float]]

_TEXTS = ("model", "source", "playlist", "mapping", "device", "latency", "phase", "midi", "drive")
_PATHS = ("model", "source", "playlist", "mapping")
#: Names used by the first edition; still accepted.
_OLD_NAMES = {"rate": "sample_rate"}
_NUMBERS: dict[str, type | tuple[type, ...]] = {
    "sample_rate": (int, float),
    "block": int,
    "channels": int,
    "seed": int,
    "refine": int,
    "morph_s": (int, float),
    "stretch": (int, float),
    "transpose": (int, float),
}


@dataclass
class Session:
    """The contents of a session file; None: not set."""

    model: str | None = None
    source: str | None = None
    playlist: str | None = None
    mapping: str | None = None
    device: str | None = None
    sample_rate: float | None = None
    block: int | None = None
    latency: str | None = None
    channels: int | None = None
    phase: str | None = None
    seed: int | None = None
    refine: int | None = None
    drive: str | None = None
    stretch: float | None = None
    transpose: float | None = None
    midi: str | None = None
    loop: bool = False
    morph_s: float = 0.0
    controls: dict[str, Any] = field(default_factory=dict)
    snapshots: dict[int, dict[str, Any]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    groups: dict[int, Ranges] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as TOML, atomically."""
        document: dict[str, Any] = {
            name: path_as_text(value) if name in _PATHS else value
            for name in (*_TEXTS, *_NUMBERS, "loop")
            if (value := getattr(self, name)) is not None
        }
        document["controls"] = self.controls
        document["snapshot"] = {str(number): table for number, table in sorted(self.snapshots.items())}
        if self.order:
            document["order"] = self.order
        if self.names:
            document["names"] = {str(unit): name for unit, name in self.names.items()}
        if self.groups:
            document["group"] = {
                str(n): {str(unit): list(ends) for unit, ends in ranges.items()}
                for n, ranges in sorted(self.groups.items())
            }
        with atomic_write(path) as unfinished:
            unfinished.write_text(toml.dumps(document), encoding="utf-8")


def load(path: str | os.PathLike[str]) -> Session:
    """Load a session file.

    Raises
    ------
    OSError
        If the file cannot be read.
    SessionError
        If it is not a valid session; the message names the setting.
    """
    try:
        document = toml.loads(read_text(path))
    except (toml.TOMLDecodeError, UnicodeError) as error:
        raise SessionError(f"{path}: not valid TOML ({error})") from None
    session = Session()
    for name, value in document.items():
        name = _OLD_NAMES.get(name, name)
        expected: Any = str if name in _TEXTS else bool if name == "loop" else _NUMBERS.get(name)
        if name == "controls":
            session.controls = _checked_table(path, name, value)
        elif name == "snapshot":
            if not isinstance(value, dict) or not all(key.isdigit() and int(key) in NUMBERS for key in value):
                raise SessionError(f"{path}: snapshot is {value!r}; expected tables [snapshot.1] to [snapshot.9]")
            session.snapshots = {int(key): _checked_table(path, f"snapshot.{key}", v) for key, v in value.items()}
        elif name == "order":
            session.order = _order(path, value)
        elif name == "names":
            session.names = _names(path, value)
        elif name == "group":
            session.groups = _groups(path, value)
        elif expected is None:
            raise SessionError(f"{path}: unknown setting {name!r}; see docs/playing.md")
        elif not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise SessionError(f"{path}: {name} is {value!r}; expected {_in_words(expected)}")
        else:
            setattr(session, name, path_from_text(value) if name in _PATHS else value)
    return session


def table_of(snapshot: Snapshot, volume_db: float = 0.0) -> dict[str, Any]:
    """Convert a snapshot, and the volume beside it, to a TOML table without the neutral values."""
    amounts = {**snapshot.amounts, "volume_db": volume_db}
    changed_amounts = {name: v for name, v in amounts.items() if v != NEUTRAL_AMOUNTS[name]}
    table: dict[str, Any] = {"monitor": snapshot.monitor, **changed_amounts}
    for name, values in snapshot.values.items():
        changed = np.flatnonzero(~np.isnan(values) if name == "override" else values != NEUTRAL[name])
        if changed.size:
            table[name] = {str(unit): float(values[unit]) for unit in changed}
    return table


def snapshot_of(table: dict[str, Any], controls: Controls) -> Snapshot:
    """Convert a TOML table to a snapshot for these controls; units they do not have are left out."""
    values: Values = {name: np.full(controls.n_units, neutral, np.float32) for name, neutral in NEUTRAL.items()}
    for name in NEUTRAL:
        for unit, value in table.get(name, {}).items():
            if int(unit) < controls.n_units:
                values[name][int(unit)] = value
    amounts = {name: float(table.get(name, neutral)) for name, neutral in without_volume(NEUTRAL_AMOUNTS).items()}
    return Snapshot(values, table.get("monitor", "resynthesized"), amounts)


def _order(path: object, value: Any) -> list[int]:
    if not isinstance(value, list) or sorted(value, key=str) != sorted(range(len(value)), key=str):
        raise SessionError(f"{path}: order is {value!r}; expected every unit once, e.g. [2, 0, 1]")
    return value


def _names(path: object, value: Any) -> dict[int, str]:
    try:
        checked_names(list(value.values()))
        return {int(unit): name for unit, name in value.items()}
    except (AttributeError, ValueError) as error:
        raise SessionError(f'{path}: names is {value!r}; expected unit = "label", e.g. 3 = "kick" ({error})') from None


def _groups(path: object, value: Any) -> dict[int, Ranges]:
    groups = {}
    try:
        for number, table in value.items():
            ranges = {int(unit): (float(low), float(high)) for unit, (low, high) in table.items()}
            if int(number) not in GROUPS or min(ranges) < 0 or not np.isfinite(list(ranges.values())).all():
                raise ValueError
            groups[int(number)] = ranges
    except (AttributeError, TypeError, ValueError):
        raise SessionError(
            f"{path}: group is {value!r}; expected tables [group.1] to [group.8] of unit = [low, high]"
        ) from None
    return groups


def _checked_table(path: object, where: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise SessionError(f"{path}: {where} is {table!r}; expected a table")
    amounts = NEUTRAL_AMOUNTS if where == "controls" else without_volume(NEUTRAL_AMOUNTS)
    for name, value in table.items():
        if name == "monitor":
            if value not in ("original", "resynthesized"):
                raise SessionError(f"{path}: {where}.monitor is {value!r}; expected 'original' or 'resynthesized'")
        elif name in amounts:
            amount: Amount = getattr(Controls, name)
            if not amount.fits(value):
                raise SessionError(f"{path}: {where}.{name} is {value!r}; expected {amount.range}")
        elif name not in NEUTRAL:
            known = ", ".join([*NEUTRAL, *amounts])
            raise SessionError(f"{path}: {where}: unknown setting {name!r}; expected monitor, {known}")
        elif not isinstance(value, dict) or not all(unit.isdigit() and _fits(name, v) for unit, v in value.items()):
            raise SessionError(f"{path}: {where}.{name} is {value!r}; expected unit = value, e.g. {{ 3 = 0.5 }}")
    return table


def _fits(name: str, value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < 3e38:
        return False
    return value in ((1, -1) if name == "sign" else (0, 1)) if name in ("sign", "muted") else True


def _in_words(expected: Any) -> str:
    return {str: "a string", bool: "true or false", int: "an integer"}.get(expected, "a number")
