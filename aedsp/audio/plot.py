"""Draws figures: spectrograms, curves and maps. The only importer of matplotlib, imported when drawing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp._kernels.stft import Transform
from aedsp.arrays import Float32, Floats
from aedsp.atomic import atomic_write
from aedsp.audio import file as audio_file
from aedsp.audio.examine import examine
from aedsp.errors import MissingExtraError
from aedsp.model.front_end import LOUDEST, FrontEnd
from aedsp.text import readable

#: Most columns of a spectrogram; limits time and memory for long files.
MOST_COLUMNS = 2000
RANGE_DB = 90.0
FORMATS = (".png", ".svg", ".pdf")


def check_target(target: str | os.PathLike[str]) -> None:
    """Check, before any work, that a figure can be written to `target`.

    Raises
    ------
    ValueError
        The extension is not in `FORMATS`.
    OSError
        The directory does not exist.
    MissingExtraError
        matplotlib is not installed.
    """
    if Path(target).suffix.lower() not in FORMATS:
        raise ValueError(f"{target}: extension is {Path(target).suffix!r}; pictures are {', '.join(FORMATS)}")
    if not Path(target).parent.is_dir():
        raise FileNotFoundError(2, "no such directory; create it first", str(Path(target).parent))
    _matplotlib_figure()


def spectrogram(path: str | os.PathLike[str], fft_length: int = 2048) -> tuple[Float32, float, float]:
    """Levels of a file in dBFS, (n_bins, n_columns); its duration in s; its Nyquist frequency in Hz."""
    n_frames = examine(path).n_frames
    with audio_file.open_audio(path) as file:
        front_end = FrontEnd(
            sample_rate=file.samplerate, fft_length=fft_length, window_length=fft_length, hop_length=fft_length // 4
        )
        transform = Transform(
            fft_length, front_end.hop_length, front_end.analysis_window(), front_end.synthesis_window()
        )
        n_columns = int(np.clip(n_frames // front_end.hop_length, 1, MOST_COLUMNS))
        levels = np.zeros((front_end.n_fft_bins, n_columns), np.float32)
        for i, start in enumerate(np.linspace(0, max(0, n_frames - fft_length), n_columns).astype(int)):
            file.seek(int(start))
            frame = np.zeros((fft_length, file.channels), np.float32)
            frame[: min(fft_length, n_frames)] = file.read(min(fft_length, n_frames), dtype="float32", always_2d=True)
            frame = np.where(np.abs(frame) <= LOUDEST, frame, 0).mean(axis=1)
            levels[:, i] = transform.magnitudes(np.ascontiguousarray(frame))[0]
        return 20 * np.log10(levels + 1e-9), n_frames / file.samplerate, file.samplerate / 2


def draw_spectrograms(
    original: str | os.PathLike[str],
    resynthesized: str | os.PathLike[str],
    target: str | os.PathLike[str],
    titles: tuple[str, str] | None = None,
) -> None:
    """Draw Figure 2 of the paper: original above resynthesis, on the same scales, as PNG, SVG or PDF by extension.

    titles : of the two panels; default: the file names.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    with _figure(target, 2, sharex=True, sharey=True, figsize=(11, 7)) as (figure, axes):
        panels = [spectrogram(original), spectrogram(resynthesized)]
        if titles is None:
            titles = (
                f"Original: {readable(Path(original).name)}",
                f"Resynthesized: {readable(Path(resynthesized).name)}",
            )
        top = max(float(levels.max()) for levels, _, _ in panels)
        for axis, (levels, duration, nyquist), title in zip(axes, panels, titles, strict=True):
            image = axis.imshow(
                levels, origin="lower", aspect="auto", cmap="magma", vmin=top - RANGE_DB, vmax=top,
                extent=(0, duration, 0, nyquist), interpolation="nearest",
            )  # fmt: skip
            axis.set_title(title, loc="left", parse_math=False)
            axis.set_ylabel("Frequency (Hz)")
        axes[1].set_xlabel("Time (s)")
        figure.colorbar(image, ax=list(axes), label="Level (dB of a full-scale sine)")


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes: a title and curves (label, x, y)."""

    title: str
    curves: Sequence[tuple[str, npt.ArrayLike, npt.ArrayLike]]


def draw_curves(
    target: str | os.PathLike[str], panels: Sequence[Panel], *, x_label: str, y_label: str, log_x: bool = False
) -> None:
    """Draw panels in one column with a shared x axis.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    with _figure(target, len(panels), sharex=True, figsize=(11, 1 + 2.6 * len(panels))) as (_, axes):
        for axis, panel in zip(axes, panels, strict=True):
            for label, x, y in panel.curves:
                axis.plot(x, y, label=label, linewidth=1.2)
            axis.set_title(panel.title, loc="left", parse_math=False)
            axis.set_ylabel(y_label)
            axis.grid(alpha=0.3)
            axis.legend(loc="upper right")
            if log_x:
                axis.set_xscale("log")
        axes[-1].set_xlabel(x_label)


def draw_map(
    target: str | os.PathLike[str],
    levels: Floats,
    y_edges: npt.ArrayLike,
    *,
    x_label: str,
    y_label: str,
    label: str,
) -> None:
    """Draw levels (rows, columns) as colours, red above 0 and blue below.

    Rows lie between `y_edges` (rows + 1,) on a logarithmic axis.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    with _figure(target, 1, figsize=(11, 6)) as (figure, (axis,)):
        most = float(np.abs(levels).max()) or 1.0
        edges = np.arange(levels.shape[1] + 1) - 0.5
        image = axis.pcolormesh(edges, y_edges, levels, cmap="RdBu_r", vmin=-most, vmax=most)
        axis.set_yscale("log")
        axis.set_xlabel(x_label)
        axis.set_ylabel(y_label)
        figure.colorbar(image, ax=axis, label=label)


@contextmanager
def _figure(
    target: str | os.PathLike[str], n_panels: int, figsize: tuple[float, float], **options: Any
) -> Iterator[tuple[Any, Any]]:
    """A figure with axes in one column; saved to `target` if the block succeeds."""
    figure = _matplotlib_figure()(layout="constrained", figsize=figsize)
    axes = figure.subplots(n_panels, 1, squeeze=False, **options)
    yield figure, axes[:, 0]
    with atomic_write(target) as unfinished, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # a character that the font lacks
        figure.savefig(unfinished, dpi=110, format=Path(target).suffix[1:].lower())


def _matplotlib_figure() -> Any:
    """Matplotlib's class of figures, without pyplot: the backend that the host application uses stays as it is."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing needs matplotlib; pip install 'aedsp[report]'") from None
    return Figure
