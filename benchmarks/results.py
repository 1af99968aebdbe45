"""Saves figures to benchmarks/results/NAME-ISA.json, with machine, build and instruction set."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aedsp

#: Override with AEDSP_RESULTS.
FOLDER = Path(os.environ.get("AEDSP_RESULTS", Path(__file__).parent / "results"))


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Save the figures; overwrites those of the last run."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}-{aedsp.cpu().isa}.json"
    path.write_text(json.dumps({**about(), **figures}, indent=1) + "\n", encoding="utf-8")
    return path


def about() -> dict[str, Any]:
    """Machine, build and time."""
    commit = subprocess.run(
        ["git", "-C", Path(__file__).parent, "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return {
        "machine": _processor(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "aedsp": aedsp.__version__,
        "commit": commit.stdout.strip(),
        "instruction_set": aedsp.cpu().isa,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
