"""The results page: `index.html` with the tables, Figure 2 and a link to the page of each model.

It opens without a server. The same numbers are in `tables.md` and `tables.json`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

from aedsp.atomic import atomic_write
from aedsp.audio import plot
from aedsp.errors import MissingExtraError, TrainingError
from aedsp.model.model import Model
from aedsp.train.data.corpus import Corpus, largest
from aedsp.train.data.sampling import SPLITS, SplitName
from aedsp.train.paper import experiment as paper
from aedsp.train.paper import known
from aedsp.train.paper.tables import Baseline, Results, Table, tables, to_html, to_json, to_markdown
from aedsp.train.report import html_page
from aedsp.train.report import report as reports
from aedsp.train.sweep.cell import MODEL
from aedsp.train.sweep.sweep import Sweep

INDEX, MARKDOWN, JSON = "index.html", "tables.md", "tables.json"
FIGURE_STEM = "figure2"
_REPORT = reports.path_for(Path(MODEL)).name
_CLIPS = reports.folder_for(Path(MODEL)).name
_FIGURE_CELL = paper.tuned_name(*paper.FIGURE_2)
_TINY = "Tiny settings: a check that everything runs. The models learn nothing and the numbers mean nothing."
_MARK = "made by aedsp.train.paper"


def require_ours(output: Path) -> None:
    """Reject a folder with a page that this command did not write.

    Raises
    ------
    TrainingError
        It contains such a page.
    """
    page = output / INDEX
    if page.exists() and _MARK not in page.read_text(encoding="utf-8", errors="replace")[:200]:
        raise TrainingError(f"{page} exists and was not written by this command; give another folder for the results")


class Page:
    """The page of a sweep, rewritten as cells finish.

    Parameters
    ----------
    output : Path
        The results folder.
    sweep : Sweep
    tiny : bool
        Whether to warn that the numbers mean nothing.
    check : callable
        Called repeatedly while the baselines are computed; may raise KeyboardInterrupt.
    """

    def __init__(self, output: Path, sweep: Sweep, *, tiny: bool, check: Callable[[], None] = lambda: None) -> None:
        self._output, self._sweep, self._tiny = output, sweep, tiny
        with Corpus(sweep.material.corpus) as corpus:
            maximum = largest(corpus)
            self._baseline = Baseline.of(corpus, maximum, check)
            counts = {name: len(split) for name, split in corpus.splits.items()}
            trivial = float(self._baseline.validation[0])
            self._about = _about_corpus(len(corpus.tracks), counts, maximum, trivial)
        self._figure, self._drawn = "", False

    def write(self) -> Path:
        """Write the page, the numbers, and Figure 2 once its model exists; return the path of the page."""
        sweep = self._sweep
        made = tables(Results(sweep.outcomes, sweep.states, self._baseline))
        if not self._drawn:
            self._figure, self._drawn = _figure(self._output, sweep), _FIGURE_CELL in sweep.outcomes
        links = {name: _link(sweep, name) for name in sweep.outcomes}
        parts = [f'<p class="warning">{_TINY}</p>'] if self._tiny else []
        parts += [f"<p>{html.escape(_READING)}</p>", f"<p>{html.escape(self._about)}</p>"]
        parts += [to_html(table, links.get) for table in made]
        parts += [self._figure, _models(sweep), _troubles(sweep)]
        numbers = {
            "tiny": self._tiny, "about": self._about, "tables": to_json(made), "failed": _failed(sweep),
            "cells": known.to_json(sweep),
        }  # fmt: skip
        title = "Sarroff & Casey (2014) on this music"
        for name, text in (
            (MARKDOWN, self._markdown(made)),
            (JSON, json.dumps(numbers, indent=1)),
            (INDEX, html_page.page(title, "\n".join(parts), mark=_MARK, width="100rem")),
        ):
            with atomic_write(self._output / name) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        return self._output / INDEX

    def _markdown(self, made: list[Table]) -> str:
        head = f"**{_TINY}**\n\n" if self._tiny else ""
        legend = "Each cell: **error** · percentage of the trivial error · *error in the paper*.\n"
        failed = "".join(f"- {name}: {trouble}\n" for name, trouble in _failed(self._sweep).items())
        parts = [self._about + "\n", legend, *(to_markdown(table) for table in made)]
        return head + "\n".join(parts + ([f"## Failed\n\n{failed}"] if failed else []))


_READING = (
    "Each cell: the error, its percentage of the trivial error (the error of predicting the mean training spectrum), "
    "and the error in the paper. The corpus is not the paper's, so compare the percentages. Errors are squared, summed "
    "over the bins and averaged over the spectra; magnitudes are scaled to a maximum of 1. PCA: the same number of "
    "principal components of the same training spectra. Click a number for the page of its model."
)


def _about_corpus(n_files: int, counts: dict[SplitName, int], maximum: float, trivial: float) -> str:
    spectra = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
    return (
        f"{n_files} files; spectra: {spectra}; largest magnitude {maximum:.4f}; "
        f"trivial error on validation {trivial:.4f}."
    )


def _figure(output: Path, sweep: Sweep) -> str:
    """Figure 2 of the paper for the model that it shows, with players for the sound."""
    name, shape = _FIGURE_CELL, f"{paper.FIGURE_2[0]}-{paper.FIGURE_2[1]}-{paper.FIGURE_2[0]}"
    title = f"<h2>Figure 2</h2>\n<p>{shape}, without noise: "
    if name not in sweep.outcomes:
        return f"{title}not drawn: {name} has not been trained.</p>"
    if sweep.states[name] == "known":
        return f"{title}not drawn: the model of {name} is not in this folder.</p>"
    folder = output / FIGURE_STEM
    folder.mkdir(exist_ok=True)
    track = reports.write_clips(folder, Model.load(sweep.path(name) / MODEL), sweep.material.tracks)
    if track is None:
        return f"{title}not drawn: no audio file could be read.</p>"
    before, after = folder / "before.flac", folder / "after.flac"
    titles = (f"Original: {track.path.name}", f"Reconstructed: {shape}")
    try:
        for extension in ("png", "svg"):
            plot.draw_spectrograms(before, after, output / f"{FIGURE_STEM}.{extension}", titles)
        picture = f'<img src="{FIGURE_STEM}.png" alt="Spectrograms of the original and of the reconstruction">'
        picture = f'<a href="{FIGURE_STEM}.svg">{picture}</a>'
    except MissingExtraError as error:
        picture = f"<p>No figure: {html.escape(str(error))}</p>"
    players = _player("Original", f"{FIGURE_STEM}/before.flac") + _player("Reconstructed", f"{FIGURE_STEM}/after.flac")
    return f"{title}{html.escape(track.path.name)}, original above reconstruction.</p>\n{picture}\n{players}"


def _player(title: str, source: str) -> str:
    return f'<p>{html.escape(title)}<br><audio controls preload="none" src="{html.escape(source)}"></audio>\n'


def _link(sweep: Sweep, name: str) -> str | None:
    """Link from the index to the page of a model."""
    path = sweep.path(name)
    return f"cells/{path.name}/{_REPORT}" if sweep.outcomes[name].report and sweep.states[name] == "done" else None


def _models(sweep: Sweep) -> str:
    """Table of all models, with players and links."""
    rows = ""
    for cell in sweep.cells:
        outcome = sweep.outcomes.get(cell.name)
        if outcome is None:
            continue
        folder = f"cells/{sweep.path(cell.name).name}"
        link = _link(sweep, cell.name)
        name = html.escape(cell.name)
        title = f'<a href="{link}">{name}</a>' if link else name
        clips = []
        for side in ("before", "after"):
            clip = f"{_CLIPS}/{side}.flac"
            there = (sweep.path(cell.name) / clip).is_file()
            clips.append(f'<audio controls preload="none" src="{folder}/{clip}"></audio>' if there else "")
        note = f"<br><small>no page: {html.escape(outcome.trouble)}</small>" if outcome.trouble else ""
        here = sweep.states[cell.name] == "done"
        model = f'<a href="{folder}/{MODEL}">model</a>' if here else "<small>not in this folder</small>"
        rows += (
            f"<tr><th>{title}{note}<td>{outcome.epochs}<td>{outcome.best_epoch}<td>{outcome.seconds:,.0f}"
            f"<td>{model}<td>{'<td>'.join(clips)}\n"
        )
    head = "<tr><th>model<th>epochs<th>best<th>seconds<th>file<th>before<th>after"
    return f'<h2>All models</h2>\n<div class="wide"><table>\n{head}\n{rows}</table></div>' if rows else ""


def _failed(sweep: Sweep) -> dict[str, str]:
    """By name, the reason why a cell failed."""
    return {name: sweep.troubles[name] for name, state in sweep.states.items() if state in ("failed", "impossible")}


def _troubles(sweep: Sweep) -> str:
    rows = "".join(f"<li>{html.escape(name)}: {html.escape(why)}\n" for name, why in _failed(sweep).items())
    return f"<h2>Failed</h2>\n<ul>\n{rows}</ul>" if rows else ""
