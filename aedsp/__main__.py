"""The `aedsp` command: `aedsp NAME ...` runs `python -m aedsp.NAME ...`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import aedsp
from aedsp import cli

COMMANDS = {
    "play": ("aedsp.play.__main__", "play the instrument live"),
    "render": ("aedsp.render", "resynthesize a file to another file"),
    "devices": ("aedsp.devices", "list audio devices and measure their latency"),
    "headroom": ("aedsp.headroom", "measure what this machine can play in real time"),
    "train": ("aedsp.train.__main__", "train a model on a directory of music"),
    "paper": ("aedsp.train.paper.__main__", "reproduce the paper's tables on a directory of music"),
}


def main() -> NoReturn:
    """Run the command named on the command line."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("Usage: aedsp COMMAND [ARGUMENTS]; run aedsp COMMAND --help for details.\n")
        for command, (_, does) in COMMANDS.items():
            print(f"  {command:<8} {does}")
        sys.exit(0)
    if name == "--version":
        print(aedsp.__version__)
        sys.exit(0)
    if name not in COMMANDS:
        print(f"aedsp: there is no command {name!r}; expected one of {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(2)
    cli.run(import_module(COMMANDS[name][0]).command, sys.argv[2:], name=f"aedsp {name}")


if __name__ == "__main__":
    main()
