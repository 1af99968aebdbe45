"""Reads automation curves from TOML and CSV files.

TOML, one table a curve; `unit` or `units` for controls of units::

    [[curve]]
    control = "gain"
    unit = 3
    points = [[0.0, 1.0], [2.5, 0.0]]       # s, value; linear between them

CSV, one column a curve, named like ``gain[3]`` or ``detail``; an empty cell is no breakpoint::

    time,gain[3],detail
    0.0,1.0,0
    2.5,0.0,
    4.0,,1
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aedsp import toml
from aedsp.errors import AutomationError

#: Control, unit (None: all), and breakpoints.
Curve = tuple[str, int | None, list[tuple[float, Any]]]


def read(path: str | os.PathLike[str]) -> list[Curve]:
    """The curves of a file.

    Raises
    ------
    AutomationError
        The file is not valid; the message gives the file, the line or curve, and what was expected.
    OSError
        It cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".toml", ".csv"):
        raise AutomationError(f"{path}: extension is {suffix!r}; expected .toml or .csv")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise AutomationError(f"{path}: not a text file; expected {suffix[1:].upper()} in UTF-8") from None
    curves = _toml(path, text) if suffix == ".toml" else _csv(path, text)
    if not curves:
        raise AutomationError(f"{path}: holds no curve; expected [[curve]] tables, or columns after time")
    return curves


@contextlib.contextmanager
def naming(path: object, name: str, unit: int | None) -> Iterator[None]:
    """Name file and curve in errors about a curve's values."""
    try:
        yield
    except (TypeError, ValueError, IndexError) as error:
        curve = name if unit is None else f"{name}[{unit}]"
        raise AutomationError(f"{os.fspath(path)}: {curve}: {error}") from None  # type: ignore[call-overload]


def _toml(path: object, text: str) -> list[Curve]:
    try:
        document = toml.loads(text)
    except toml.TOMLDecodeError as error:
        raise AutomationError(f"{path}: not valid TOML ({error})") from None
    tables, found = document.get("curve", []), list[Curve]()
    if unknown := set(document) - {"curve"}:
        raise AutomationError(f"{path}: {sorted(unknown)[0]!r} is unknown; expected [[curve]] tables")
    if not isinstance(tables, list):
        raise AutomationError(f"{path}: curve is one table; expected [[curve]] in double brackets")
    for i, table in enumerate(tables, 1):
        if unknown := set(table) - {"control", "unit", "units", "points"}:
            raise AutomationError(
                f"{path}: curve {i}: {sorted(unknown)[0]!r} is unknown; expected control, unit or units, points"
            )
        if not isinstance(table.get("control"), str) or not isinstance(table.get("points"), list):
            raise AutomationError(f"{path}: curve {i} needs control and points, a list of [time_s, value]")
        units = table.get("units", [table.get("unit")])
        if not isinstance(units, list) or not all(u is None or type(u) is int for u in units):
            raise AutomationError(f"{path}: curve {i}: units is {units!r}; expected unit numbers")
        found += [(table["control"], unit, table["points"]) for unit in units]
    return found


def _csv(path: object, text: str) -> list[Curve]:
    rows = list(csv.reader(text.splitlines()))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if not header or header[0] not in ("time", "time_s"):
        raise AutomationError(f"{path}, line 1: begins with {header[0] if header else ''!r}; expected time,gain[3],…")
    curves: list[Curve] = []
    for name in header[1:]:
        match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", name)
        if match is None:
            raise AutomationError(f"{path}, line 1: {name!r} is no control; expected e.g. gain[3] or detail")
        curves.append((match[1], None if match[2] is None else int(match[2]), []))
    for line, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) > len(header):
            raise AutomationError(f"{path}, line {line}: has {len(cells)} cells; the header has {len(header)}")
        try:
            time, *values = (None if cell == "" else _number(cell) for cell in cells)
            if not isinstance(time, float):
                raise ValueError("the time")
        except ValueError as error:
            raise AutomationError(f"{path}, line {line}: {error} is no number") from None
        for (_, _, points), value in zip(curves, values, strict=False):
            if value is not None:
                points.append((time, value))
    return curves


def _number(cell: str) -> float | str:
    """A number; for the monitor, its name."""
    if cell in ("original", "resynthesized"):
        return cell
    try:
        return float(cell)
    except ValueError:
        raise ValueError(repr(cell)) from None
