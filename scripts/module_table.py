"""Generates the module table in CONTRIBUTING.md from docstrings: `python scripts/module_table.py --write`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- modules: scripts/module_table.py --write -->\n", "<!-- end of modules -->\n"
#: From the top down: a package may import those below it.
PACKAGES = (
    "aedsp", "aedsp/play", "train", "train/paper", "train/sweep", "train/report", "train/run", "train/network",
    "train/data", "aedsp/control", "aedsp/live", "aedsp/engine", "aedsp/data", "aedsp/audio", "aedsp/model",
    "aedsp/_rt", "aedsp/_kernels",
)  # fmt: skip


def first_line(path: Path) -> str:
    """First line of a module docstring, without the full stop."""
    found = re.match(r'(?:#[^\n]*\n)*"""(.*?)(?:\n|""")', path.read_text(encoding="utf-8"), re.S)
    return found[1].strip().rstrip(".").replace("|", "\\|") if found else ""


def modules(package: Path) -> list[Path]:
    """Modules of a package, sorted by name, without `__init__`."""
    found = [path for path in package.iterdir() if path.suffix in (".py", ".pyx") and path.stem != "__init__"]
    return sorted(found, key=lambda path: path.stem.strip("_"))


def table() -> str:
    """One table per package."""
    parts = []
    for name in PACKAGES:
        package = ROOT / name
        parts.append(f"\n**`{name}/`**: {first_line(package / '__init__.py')}\n")
        rows = [f"| `{path.stem}` | {first_line(path)} |\n" for path in modules(package)]
        parts += ["\n| module | what |\n|---|---|\n", *rows] if rows else []
    return "".join(parts)


def with_table(text: str) -> str:
    """Replace the table between the markers in the document."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    text = with_table(DOCUMENT.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        DOCUMENT.write_text(text, encoding="utf-8")
    else:
        print(table())
