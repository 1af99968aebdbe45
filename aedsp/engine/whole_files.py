"""A whole file through an engine, in blocks: constant memory, latency removed, atomic output."""

from __future__ import annotations

import os
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from aedsp.engine.curves import Automated, Automation, Curves
from aedsp.engine.through import BLOCK_FRAMES, Processor, Progress, count, through


class FileProcessor(Processor, Automated, Protocol):
    """What `process_file` needs of an engine."""

    @property
    def block_frames(self) -> int | None: ...
    def reset(self) -> None: ...
    def unschedule(self) -> None: ...


def process_file(
    engine: FileProcessor,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    automation: Automation | None = None,
    progress: Progress | None = None,
) -> int:
    """`Engine.process_file`."""
    from aedsp.audio import file as audio_file
    from aedsp.audio.reader import Reader

    source, target = Path(source), Path(target)
    if engine.block_frames is not None:
        raise ValueError(
            f"process_file needs an engine for blocks of any length; this one has block_frames={engine.block_frames}"
        )
    if target.exists() and source.exists() and target.samefile(source):
        raise ValueError(f"{target} is the input file; choose another name for the output")
    rate, channels, n = engine.sample_rate, engine.channels, 0
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(source, rate, channels, block_frames=BLOCK_FRAMES))
        automate = None if automation is None else Curves(engine, automation).split
        out = stack.enter_context(audio_file.written(target, rate, channels))
        engine.reset()
        stack.callback(engine.unschedule)  # hops of the tail that were not reached
        blocks = through(engine, reader.blocks(), automate=automate)
        for block in count(blocks, round(reader.frames * rate / reader.file_rate), progress):
            out.write(block)
            n += len(block)
        if reader.remark:
            warnings.warn(f"{source} {reader.remark}", stacklevel=3)
    return n
