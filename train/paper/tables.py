"""Tables 1, 2 and 3 with the results beside the paper's values, as HTML, Markdown and JSON.

Each cell has three numbers: the error, its ratio to the trivial error (the error of predicting the training mean, on
the same rows), and the error in the paper. Errors are squared, summed over bins and averaged over spectra, as in the
code of the paper, with the largest magnitude of the data set scaled to 1.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aedsp.arrays import Floats
from aedsp.train.data.corpus import Corpus, Split
from aedsp.train.paper import experiment
from aedsp.train.sweep.baselines import Components
from aedsp.train.sweep.cell import Outcome
from aedsp.train.sweep.sweep import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One table entry. error, and share (of the trivial error): None if not available; `note` gives the reason."""

    error: float | None = None
    share: float | None = None
    paper: float | None = None
    note: str = ""
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows (labels, entries) under columns; an entry is None where the table of the paper is empty too."""

    title: str
    about: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], list[Entry | None]]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Errors of predicting spectra by their first k principal components, for k = 0 (the trivial error) to all."""

    validation: Floats
    test: Floats

    @classmethod
    def of(cls, corpus: Corpus, maximum: float, check: Callable[[], None]) -> Baseline:
        """check: called repeatedly; may raise KeyboardInterrupt."""

        def rows(split: Split) -> Iterator[Floats]:
            for part in split.in_order():
                check()
                yield part / np.float32(maximum)

        splits = corpus.splits
        components = Components(rows(splits["training"]), corpus.n_input)
        return cls(components.errors(rows(splits["validation"])), components.errors(rows(splits["test"])))

    def entry(self, n: int, split: str = "validation") -> Entry:
        """The entry for n components."""
        errors = self.validation if split == "validation" else self.test
        found = float(errors[min(n, len(errors) - 1)])
        return Entry(error=found, share=found / float(errors[0]))


@dataclass(frozen=True, slots=True)
class Results:
    """Outcomes and states of the cells, by name."""

    outcomes: Mapping[str, Outcome]
    states: Mapping[str, State]
    baseline: Baseline

    def spectra(self, name: str, paper: float | None, split: str = "validation") -> Entry | None:
        """The error of the spectra of a model; None if the cell is not part of the sweep."""
        outcome = self.outcomes.get(name)
        if outcome is None:
            return self._missing(name, paper)
        error = outcome.validation if split == "validation" else outcome.test
        errors = self.baseline.validation if split == "validation" else self.baseline.test
        return Entry(error=error, share=error / float(errors[0]), paper=paper, note=_note(outcome), cell=name)

    def codes(self, name: str, paper: float | None) -> Entry | None:
        """The adjusted error of a stacked layer on the codes below it."""
        outcome = self.outcomes.get(name)
        if outcome is None or outcome.adjusted is None:
            return self._missing(name, paper)
        error, share, _ = outcome.adjusted
        return Entry(error=error, share=share, paper=paper, note=_note(outcome), cell=name)

    def codes_pca(self, names: Sequence[str]) -> Entry:
        """The adjusted error of the same number of components of the same codes; any of these cells has it."""
        for name in names:
            outcome = self.outcomes.get(name)
            if outcome is not None and outcome.adjusted is not None:
                error, share, left = outcome.adjusted
                return Entry(error=left, share=left * share / error if error else None)
        return Entry(note="not run")

    def _missing(self, name: str, paper: float | None) -> Entry | None:
        if name not in self.states:
            return None
        failed = self.states[name] in ("failed", "impossible")
        return Entry(paper=paper, note="failed" if failed else "not run", cell=name)


def tables(results: Results) -> list[Table]:
    """The three tables of the paper and, if requested, one of the largest models at other learning rates."""
    made = [_table_1(results), _table_2(results), _table_3(results)]
    wanted = experiment.rate_name(experiment.STUCK_SIZES[0], experiment.RATES[0]) in results.states
    return [*made, _table_of_rates(results)] if wanted else made


def _table_1(results: Results) -> Table:
    rows: list[tuple[tuple[str, ...], list[Entry | None]]] = []
    for n in experiment.SIZES:
        trained = [
            results.spectra(experiment.first_name(n, noise), experiment.TABLE_1.get((n, noise)))
            for noise in experiment.NOISES
        ]
        default = results.spectra(experiment.default_name(n), None)
        rows.append(((f"{n}",), [*trained, results.baseline.entry(n), default]))
    relu = results.spectra(experiment.RELU_NAME, experiment.RELU_16)
    empty: list[Entry | None] = [None] * (len(experiment.NOISES) - 1)
    rows.append((("16, rectified, tied",), [relu, *empty, results.baseline.entry(16), None]))
    return Table(
        "Table 1",
        "Mean squared validation error of shallow autoencoders. HL1: hidden units; columns: standard deviation of the "
        "Gaussian noise on the input, then principal components and this project's recipe reconstruction at the same "
        "size.",
        ("HL1",),
        (*(f"{noise:.2f}" for noise in experiment.NOISES), "PCA", "reconstruction"),
        rows,
    )


def _table_2(results: Results) -> Table:
    rows: list[tuple[tuple[str, ...], list[Entry | None]]] = []
    for n_first in experiment.FIRST_LAYERS:
        for n in experiment.SECOND_SIZES:
            names = [experiment.second_name(n_first, n, noise) for noise in experiment.SECOND_NOISES]
            figures = [experiment.TABLE_2[n_first, n, noise] for noise in experiment.SECOND_NOISES]
            trained = [results.codes(name, figure) for name, figure in zip(names, figures, strict=True)]
            rows.append(((f"{n_first}", f"{n}"), [*trained, results.codes_pca(names)]))
    return Table(
        "Table 2",
        "Adjusted mean squared validation error of second layers, on the codes of the first (256 units without noise, "
        "1,500 units at 0.01), scaled by 1025 / HL1. Percentages are of the trivial error on those codes.",
        ("HL1", "HL2"),
        (*(f"{noise:.2f}" for noise in experiment.SECOND_NOISES), "PCA of the codes"),
        rows,
    )


def _table_3(results: Results) -> Table:
    rows: list[tuple[tuple[str, ...], list[Entry | None]]] = []
    splits = ("validation", "test")
    for (n_first, n_second), figures in experiment.TABLE_3.items():
        name = experiment.tuned_name(n_first, n_second)
        found = [results.spectra(name, figure, split) for split, figure in zip(splits, figures, strict=True)]
        rows.append(((f"{n_first}", f"{n_second}"), found))
    rows.append((("PCA", "8"), [results.baseline.entry(8, split) for split in splits]))
    default = [results.spectra(experiment.default_name(8), None, split) for split in splits]
    rows.append((("reconstruction", "8"), default))
    rows.append((("training mean", "0"), [results.baseline.entry(0, split) for split in splits]))
    return Table(
        "Table 3",
        "Mean squared error of spectra through deep autoencoders: two layers, connected and fine-tuned.",
        ("HL1", "HL2"),
        ("validation", "test"),
        rows,
    )


def _table_of_rates(results: Results) -> Table:
    lower, higher = experiment.RATES
    rows: list[tuple[tuple[str, ...], list[Entry | None]]] = []
    for n in experiment.STUCK_SIZES:
        paper = results.spectra(experiment.first_name(n, 0.0), experiment.TABLE_1[n, 0.0])
        low, high = (results.spectra(experiment.rate_name(n, rate), None) for rate in experiment.RATES)
        rows.append(((f"{n}",), [low, paper, high]))
    return Table(
        "Other learning rates",
        "Mean squared validation error of the largest shallow autoencoders, without noise, at 0.1, 1 and 10 times the "
        "paper's learning rate.",
        ("HL1",),
        (f"{lower:g}", "0.005", f"{higher:g}"),
        rows,
    )


def to_html(table: Table, link: Callable[[str], str | None]) -> str:
    """link: maps the name of a cell to the page of its model."""
    head = "".join(f"<th>{html.escape(text)}" for text in (*table.labels, *table.columns))
    body = ""
    for labels, entries in table.rows:
        cells = "".join(f"<td>{_entry_html(entry, link)}" for entry in entries)
        body += "<tr>" + "".join(f"<th>{html.escape(label)}" for label in labels) + cells + "\n"
    return (
        f"<h2>{html.escape(table.title)}</h2>\n<p>{html.escape(table.about)}</p>\n"
        f'<div class="wide"><table>\n<tr>{head}\n{body}</table></div>'
    )


def _entry_html(entry: Entry | None, link: Callable[[str], str | None]) -> str:
    if entry is None:
        return ""
    if entry.error is None:
        lines = [f"<small>{html.escape(entry.note)}</small>"]
    else:
        target, text = link(entry.cell) if entry.cell else None, _number(entry.error)
        lines = [f'<a href="{html.escape(target)}">{text}</a>' if target else text]
        lines += [] if entry.share is None else [f"<small>{_percent(entry.share)}</small>"]
        lines += [f"<small>{html.escape(entry.note)}</small>"] if entry.note else []
    lines += [] if entry.paper is None else [f"<small>paper {entry.paper:.4f}</small>"]
    return "<br>".join(lines)


def to_markdown(table: Table) -> str:
    """The table with its heading and description."""
    head = [*table.labels, *table.columns]
    lines = [f"## {table.title}", "", table.about, "", _row(head), _row(["---"] * len(head))]
    for labels, entries in table.rows:
        lines.append(_row([*labels, *(_entry_text(entry) for entry in entries)]))
    return "\n".join(lines) + "\n"


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _entry_text(entry: Entry | None) -> str:
    if entry is None:
        return ""
    parts = [entry.note] if entry.error is None else [f"**{_number(entry.error)}**"]
    if entry.error is not None:
        parts += [] if entry.share is None else [_percent(entry.share)]
        parts += [entry.note] if entry.note else []
    parts += [] if entry.paper is None else [f"*{entry.paper:.4f}*"]
    return " · ".join(parts)


def to_json(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Every number in full precision, for programs."""
    return [
        {
            "title": table.title,
            "about": table.about,
            "rows": [
                dict(zip(table.labels, labels, strict=True))
                | {
                    column: None if entry is None else asdict(entry)
                    for column, entry in zip(table.columns, entries, strict=True)
                }
                for labels, entries in table.rows
            ],
        }
        for table in tables
    ]


def _note(outcome: Outcome) -> str:
    return "diverged" if outcome.diverged else ""


def _number(error: float) -> str:
    return f"{error:.4f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 10 else f"{share:,.0f} times"
