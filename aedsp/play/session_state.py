"""Takes the session of a running instrument, and applies one to it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from aedsp.control.banks import Banks
from aedsp.control.macros import Group, Macros
from aedsp.control.mutes import Mutes
from aedsp.control.surface import Surface
from aedsp.engine.controls import Controls
from aedsp.engine.engine import Engine
from aedsp.engine.state import Amounts
from aedsp.live.sources import FileSource, InputSource, NoInput
from aedsp.live.stream import Stream
from aedsp.play import session as sessions
from aedsp.play.names import Names
from aedsp.play.session import Session
from aedsp.play.snapshots import Snapshot
from aedsp.play.songs import Songs


class Kept(Protocol):
    """What a session keeps of an instrument."""

    controls: Controls
    banks: Banks
    macros: Macros
    mutes: Mutes
    names: Names
    songs: Songs
    engine: Engine
    stream: Stream
    surface: Surface
    snapshots: dict[int, Snapshot]
    model_path: Path
    midi_port: str | None
    morph_s: float

    def values_jumped(self) -> None: ...


def take(kept: Kept) -> Session:
    """The current state, ready to be saved; of units that are soloed, the mutes below."""
    source, stream, engine = kept.stream.source, kept.stream, kept.engine
    file = isinstance(source, FileSource)
    name = "no input"
    if isinstance(source, FileSource):
        name = str(Path(source.path).resolve())
    elif isinstance(source, InputSource):
        name = "input" if source.device is None else f"input: {source.device}"
    n_units, playlist = kept.controls.n_units, kept.songs.playlist if file else None
    return Session(
        model=str(kept.model_path.resolve()),
        source=name,
        playlist=str(playlist.path.resolve()) if playlist and playlist.path else None,
        mapping=kept.surface.mapping.path,
        device=stream.output_device.full_name,
        latency=stream.requested_latency,
        channels=engine.channels,
        phase=engine.phase,
        seed=engine.seed,
        refine=engine.refine,
        drive=source.drive if isinstance(source, NoInput) else None,
        midi=kept.midi_port,
        sample_rate=engine.sample_rate,
        block=engine.block_frames or 0,
        loop=isinstance(source, FileSource) and source.loop,
        morph_s=kept.morph_s,
        stretch=stream.stretch if file else None,
        transpose=stream.transpose if file else None,
        controls=sessions.table_of(snapshot_of(kept), kept.controls.volume_db),
        snapshots={number: sessions.table_of(snapshot) for number, snapshot in kept.snapshots.items()},
        order=list(kept.banks.order(n_units)) if kept.banks.is_sorted(n_units) else [],
        names=dict(kept.names.of_session),
        groups={n: dict(group.ranges) for n, group in kept.macros.groups.items()},
    )


def snapshot_of(kept: Kept) -> Snapshot:
    """The current settings; of units that are soloed, the mutes below."""
    now = Snapshot.of(kept.controls)
    return (
        Snapshot({**now.values, "muted": kept.mutes.own()}, now.monitor, now.amounts) if kept.mutes.state.solo else now
    )


def apply(kept: Kept, session: Session, amounts: Amounts | None = None) -> None:
    """Apply the controls and snapshots of a session; its model, source and device are set at construction.

    amounts: detail, mix and volume, instead of the session's.
    """
    kept.morph_s = session.morph_s
    kept.snapshots = {n: sessions.snapshot_of(table, kept.controls) for n, table in session.snapshots.items()}
    sessions.snapshot_of(session.controls, kept.controls).recall(kept.controls)
    volume = {"volume_db": float(session.controls.get("volume_db", 0.0))}
    for name, amount in {**volume, **(amounts or {})}.items():
        setattr(kept.controls, name, amount)
    kept.banks.sort(session.order)
    if session.model and Path(session.model).resolve() == kept.model_path.resolve():
        kept.names.restore(session.names)
    kept.macros.groups = {n: Group(ranges) for n, ranges in session.groups.items()}
    if session.controls:
        kept.values_jumped()
