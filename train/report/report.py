"""The HTML report beside a model: losses, reconstructions and what each unit does, with figures and sound.

Writes `model.html` and the folder `model.report/` with its figures and clips. Needs matplotlib.
"""

from __future__ import annotations

import errno
import html
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote_from_bytes

import numpy as np

from aedsp.arrays import Float32, Floats
from aedsp.atomic import atomic_write, sibling, unfinished_beside
from aedsp.audio import file as audio_file
from aedsp.audio import plot
from aedsp.audio.plot import Panel
from aedsp.bars import line_spectrum
from aedsp.engine.offline import resynthesize
from aedsp.errors import TrainingError
from aedsp.model.labels import label_units, unit_spectra
from aedsp.model.model import Model
from aedsp.text import readable
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.tracks import Track, read_mono
from aedsp.train.report import html_page
from aedsp.train.run.stages import HISTORY_COLUMNS
from aedsp.train.run.training import Result

CLIP_S = 15.0
_FRAMES, _UNITS, _SPECTRA = 4, 64, 4096
_FLOOR = 1e-5

_MARK = "a report of aedsp.train"
_NAMES = {"loss.png", "clip.png", "spectra.png", "bands.png", "units.png", "before.flac", "after.flac"}


def folder_for(output: Path) -> Path:
    """The folder of the figures and clips of the report."""
    return sibling(output, ".report")


def path_for(output: Path) -> Path:
    """The path of the report of a model."""
    return sibling(output, ".html")


def write(
    output: Path, result: Result, corpus: Corpus, tracks: Sequence[Track], recipe_toml: str, check: Callable[[], None]
) -> Path:
    """Write the report of the model at `output`; the figures first, the page that shows them last.

    check: called between the figures; may raise KeyboardInterrupt.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    OSError
        The disk is full, the folder cannot be written, or its place is taken by files that are not a report.
    """
    folder = folder_for(output)
    _require_ours(path_for(output), folder)
    unfinished = unfinished_beside(folder)
    unfinished.mkdir()
    try:
        address = quote_from_bytes(os.fsencode(folder.name))
        body = _Body(unfinished, address, result, corpus, tracks).text(recipe_toml, check)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    page = html_page.page(f"{result.model.name}: {result.model.n_code} units", body, mark=_MARK)
    with atomic_write(path_for(output)) as file:
        file.write_text(page, encoding="utf-8", errors="backslashreplace")
    return path_for(output)


def _require_ours(page: Path, folder: Path) -> None:
    """Reject a page or folder that is not a report, instead of replacing it."""
    if page.exists() and _MARK not in page.read_text(encoding="utf-8", errors="replace")[:200]:
        raise FileExistsError(errno.EEXIST, "exists and is not a report", str(page))
    if folder.exists() and not {path.name for path in folder.iterdir()} <= _NAMES:
        raise FileExistsError(errno.EEXIST, "exists and holds files that are not part of a report", str(folder))


def _middle_of(track: Track, sample_rate: int) -> Float32:
    """`CLIP_S` seconds from the middle of a track, mono; only these are kept in memory."""
    n_frames = track.length_at(sample_rate)
    first = max(0, (n_frames - int(CLIP_S * sample_rate)) // 2)
    parts, at = [np.zeros(0, np.float32)], 0
    for block in read_mono(track, sample_rate):
        parts.append(block[max(0, first - at) : max(0, first + int(CLIP_S * sample_rate) - at)])
        at += len(block)
    clip = np.concatenate(parts)
    if not len(clip):
        raise TrainingError(f"{track.path} is empty")
    return clip


def write_clips(folder: Path, model: Model, tracks: Iterable[Track]) -> Track | None:
    """Write `before.flac`, the middle of the first readable track, and `after.flac`, the same through the model.

    Returns
    -------
    Track or None
        The track used; None if none can be read.

    Raises
    ------
    OSError
        The disk is full.
    """
    rate = int(model.front_end.sample_rate)
    for track in tracks:
        try:
            before = _middle_of(track, rate)
        except TrainingError:
            continue
        for name, x in (("before", before), ("after", resynthesize(model, before, rate))):
            path = folder / f"{name}.flac"
            with audio_file.written(path, rate, 1) as out:
                out.write(np.clip(x, -1, 1))
        return track
    return None


class _Body:
    """The sections, each a figure and a sentence."""

    def __init__(self, folder: Path, name: str, result: Result, corpus: Corpus, tracks: Sequence[Track]) -> None:
        self._folder, self._name, self._result, self._model = folder, name, result, result.model
        self._tracks = {track.content: track for track in tracks}
        self._corpus = corpus
        unseen = corpus.splits["test"] if len(corpus.splits["test"]) else corpus.splits["validation"]
        n_bins, rows = self._model.front_end.n_bins, np.linspace(0, len(unseen) - 1, min(len(unseen), _SPECTRA))
        self._context = np.zeros((len(rows), unseen.spectra.shape[1]), np.float32)
        unseen.take(rows.astype(np.int64), self._context)
        self._unseen = self._context[:, -n_bins:]
        self._output = self._reconstructed()

    def text(self, recipe_toml: str, check: Callable[[], None]) -> str:
        sections: dict[str, Callable[[], str]] = {
            "Summary": self._summary,
            "Loss": self._losses,
            "Before and after": self._sound,
            "Held-out spectra": self._reconstructions,
            "Error by frequency": self._by_band,
            "What the units do": self._units,
            "Recipe": lambda: f"<pre>{html.escape(recipe_toml)}</pre>",
        }
        parts = []
        for title, make in sections.items():
            check()
            parts.append(f"<h2>{title}</h2>\n{make()}")
        return "\n".join(parts)

    def _reconstructed(self) -> Floats:
        """The held-out spectra through the model, each with its own context."""
        n = self._model.layers[0].context_spectra
        x = self._model.preprocess.apply(self._context.reshape(len(self._context) * n, -1)).reshape(
            len(self._context), -1
        )
        for layer in self._model.layers:
            x = layer.encode(x)
        return self._model.decode(x)

    def _summary(self) -> str:
        result, layers = self._result, self._model.layers
        shape = " → ".join(str(n) for n in (layers[0].n_visible, *(layer.n_hidden for layer in layers)))
        rows = [
            ("layers", shape),
            ("best epoch of the last stage", result.best_epoch),
            ("validation loss, relative to the trivial error", f"{result.validation_loss:.4f}"),
            (
                "test loss, relative to the trivial error",
                "none" if result.test_loss is None else f"{result.test_loss:.4f}",
            ),
            ("files", len(self._corpus.tracks)),
            *self._adjusted(),
            *((f"{name} spectra", f"{len(split):,}") for name, split in self._corpus.splits.items()),
        ]
        cells = "".join(f"<tr><th>{name}<td>{html.escape(str(value))}" for name, value in rows)
        return f"<table>{cells}</table>"

    def _adjusted(self) -> list[tuple[str, str]]:
        """The adjusted errors of the layers above the first, as in Table 2 of the paper."""
        columns = dict(zip(HISTORY_COLUMNS, self._result.history.T, strict=True))
        errors = {
            stage.name: columns["validation_error"][columns["stage"] == index]
            for index, stage in enumerate(self._result.stages)
            if stage.first
        }
        return [(f"adjusted error, {name}", f"{found.min():.4f}") for name, found in errors.items() if len(found)]

    def _losses(self) -> str:
        columns = dict(zip(HISTORY_COLUMNS, self._result.history.T, strict=True))
        stages = np.unique(columns["stage"])
        panels = []
        for stage in stages:
            mine = columns["stage"] == stage
            epoch = columns["epoch"][mine]
            curves = [(name, epoch, columns[f"{name}_loss"][mine]) for name in ("training", "validation")]
            panels.append(Panel(self._result.stages[int(stage)].name, curves))
        plot.draw_curves(self._folder / "loss.png", panels, x_label="Epoch", y_label="Loss / trivial error")
        return self._picture("loss.png", "0 is perfect; 1 is the error of predicting the mean spectrum.")

    def _sound(self) -> str:
        track = write_clips(self._folder, self._model, self._clip_tracks())
        if track is None:
            return "<p>No file could be read.</p>"
        plot.draw_spectrograms(self._folder / "before.flac", self._folder / "after.flac", self._folder / "clip.png")
        players = "".join(
            f'<p>{title}<br><audio controls src="{self._name}/{name}.flac"></audio>'
            for title, name in (("Original", "before"), ("Through the model", "after"))
        )
        return (
            self._picture("clip.png", f"From {readable(track.path.name)}, in the manner of Figure 2 of the paper.")
            + players
        )

    def _clip_tracks(self) -> Iterator[Track]:
        """Tracks of the test split, then of the validation split, then all others."""
        for wanted in ("test", "validation", "training", None):
            for track in self._corpus.tracks:
                if track["split"] == wanted and track["content"] in self._tracks:
                    yield self._tracks[track["content"]]

    def _reconstructions(self) -> str:
        hz, panels = self._model.front_end.centres_hz(), []
        loudest = np.argsort(-self._unseen.sum(axis=1))
        for which in loudest[:: max(1, len(loudest) // _FRAMES)][:_FRAMES]:
            curves = [
                (name, hz[hz > 0], 20 * np.log10(np.maximum(x[which, hz > 0], _FLOOR)))
                for name, x in (("original", self._unseen), ("reconstructed", self._output))
            ]
            panels.append(Panel(f"Spectrum {which}", curves))
        plot.draw_curves(
            self._folder / "spectra.png", panels, x_label="Frequency (Hz)", y_label="Level (dB)", log_x=True
        )
        return self._picture(
            "spectra.png", "From loud to soft, from the test split or, without one, the validation split."
        )

    def _by_band(self) -> str:
        """Squared error in each octave, relative to its energy."""
        hz = self._model.front_end.centres_hz()
        octaves = 31.25 * 2.0 ** np.arange(10)
        names, error, energy = [], [], []
        for low, high in zip(octaves, 2 * octaves, strict=True):
            inside = (hz >= low) & (hz < high)
            if inside.any():
                names.append(low * np.sqrt(2))
                error.append(float(np.square(self._output - self._unseen)[:, inside].sum(dtype=np.float64)))
                energy.append(float(np.square(self._unseen)[:, inside].sum(dtype=np.float64)))
        share = [10 * np.log10((e + 1e-30) / (a + 1e-30)) for e, a in zip(error, energy, strict=True)]
        curves = [("error, dB of the energy in the octave", names, share)]
        plot.draw_curves(
            self._folder / "bands.png", [Panel("By octave", curves)], x_label="Frequency (Hz)", y_label="dB", log_x=True
        )
        return self._picture("bands.png", "-20 dB: the error is a hundredth of the energy in that octave.")

    def _units(self) -> str:
        """The change of level as each unit goes from its 1st to its 99th percentile, the others at their means."""
        statistics = self._model.code_statistics
        assert statistics is not None
        n = min(self._model.n_code, _UNITS)
        low, high = (np.tile(statistics.mean, (n, 1)) for _ in range(2))
        units = np.arange(n)
        low[units, units], high[units, units] = statistics.percentiles[0, :n], statistics.percentiles[-1, :n]
        levels = [20 * np.log10(np.maximum(self._model.decode(code), _FLOOR)) for code in (low, high)]
        first = 1 if self._model.front_end.kind == "stft" else 0  # a logarithmic scale has no 0 Hz
        hz = self._model.front_end.centres_hz()[first:]
        edges = np.concatenate([hz[:1] * hz[0] / hz[1], np.sqrt(hz[:-1] * hz[1:]), hz[-1:] * hz[-1] / hz[-2]])
        plot.draw_map(
            self._folder / "units.png", (levels[1] - levels[0]).T[first:], edges,
            x_label="Unit", y_label="Frequency (Hz)", label="Level change from 1st to 99th percentile (dB)",
        )  # fmt: skip
        picture = self._picture("units.png", "What each unit adds (red) and removes (blue) over its range.")
        return picture + self._labels(n)

    def _labels(self, n: int) -> str:
        """The labels of the first units, each with a spectrum in one line."""
        hz, spectra = self._model.front_end.centres_hz(), unit_spectra(self._model)
        names = self._model.unit_names or label_units(self._model)
        rows = "".join(
            f"<tr><th>{unit}<td>{html.escape(names[unit])}<td><code>{line_spectrum(spectra[unit], hz, 32)}</code>"
            for unit in range(n)
        )
        return f"\n<table><tr><th>Unit<th>Label<th>Spectrum, 50 Hz to 16 kHz{rows}</table>"

    def _picture(self, name: str, caption: str) -> str:
        return f'<p>{html.escape(caption)}</p>\n<img src="{self._name}/{name}" alt="{html.escape(caption)}">'
