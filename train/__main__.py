"""`python -m aedsp.train DIR -o model.h5`: a folder of audio in, a model file out.

The command-line flags are generated from the fields of `Recipe`; this file finds the audio, prints progress, and
writes the model. Exit status: 1 if the loss diverged, 2 for bad input, 130 after Ctrl-C (the best model so far is
written).
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from aedsp import cli, data
from aedsp.atomic import lock_of, only_one, sibling
from aedsp.errors import MissingExtraError, ModelFormatError, TrainingError
from aedsp.model.model import Model
from aedsp.text import readable
from aedsp.train.data.build import default_folder, gather, in_processes
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.tracks import Track
from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.report import report as reports
from aedsp.train.report.progress import Screen
from aedsp.train.run import checkpoint as checkpoints
from aedsp.train.run import recipe_file as recipes
from aedsp.train.run import warm_start
from aedsp.train.run.interrupt import Interrupt
from aedsp.train.run.recipe import Recipe, option_types
from aedsp.train.run.stages import BatchProgress
from aedsp.train.run.training import Result, train

_INTERRUPTED, _DIVERGED = 130, 1
#: With fewer files, whole ones held out say little about the others: one song is not like the next.
FEWEST_FILES = 20


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="folder of audio files; default: $AEDSP_CORPUS/train, or the shipped clips if it is not set",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="model file to write")] = Path("model.h5"),
    recipe: Annotated[str, typer.Option(help="shipped recipe or TOML file")] = recipes.DEFAULT_RECIPE,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="HDF5 file for the spectra, reused while audio and options stay the same; default: beside the model"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--continue", metavar="MODEL", help="trained model to adapt to DIR")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="write a report beside the model")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the recipe with every option and exit")] = False,
    **options: Any,
) -> None:
    """Train an autoencoder on a folder of audio (wav, flac, ogg, mp3, aiff) and write it to a model file.

    Ctrl-C writes the best model so far; run the same command to resume.
    """
    given = _given(options)
    model = None if start is None else Model.load(data.model_path(start))
    if model is not None and start is not None:
        warm_start.require_free(given, model, start)
        given |= warm_start.settled(model)
    chosen = recipes.load(recipe, given)
    chosen.analysis()
    if dry_run:
        print(chosen.to_toml(), end="")
        return
    _refuse_output(output, corpus, start)
    with only_one(lock_of(output)) as alone, Screen() as screen, Interrupt() as interrupt:
        if not alone:
            raise TrainingError(f"{output} is being trained by another process; wait for it, or give another output")
        fewest = 0 if "split" in given else FEWEST_FILES
        work = _Work(chosen, model, output, corpus or sibling(output, ".corpus.h5"), screen, interrupt, fewest)
        try:
            status = work.run(folder or _default_folder(screen), report)
        except KeyboardInterrupt:
            checkpoint = checkpoints.path_for(output)
            if checkpoint.exists():
                screen.line(
                    f"interrupted; no model was written; progress is in {checkpoint}; run the same command to resume"
                )
            else:
                screen.line("interrupted before the end of the first epoch; no model was written")
            raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(status)


class _Work:
    """The command, from folder to model file."""

    def __init__(
        self, recipe: Recipe, start: Model | None, output: Path, corpus: Path, screen: Screen, interrupt: Interrupt,
        fewest_files: int,
    ) -> None:  # fmt: skip
        self._fewest_files = fewest_files
        self._recipe, self._start, self._output, self._corpus_path = recipe, start, output, corpus
        self._screen, self._interrupt = screen, interrupt

    def run(self, folder: Path, report: bool) -> int:
        """Return the exit status."""
        checkpoint = checkpoints.path_for(self._output)
        found = gather(
            folder, self._corpus_path, self._recipe.draw(), self._recipe.license,
            self._checked(self._screen.files), self._checked(self._screen.spectra), in_processes(), self._fewest_files,
        )  # fmt: skip
        self._screen.gathered(self._corpus_path, found)
        with Corpus(self._corpus_path) as corpus:
            self._screen.counts(corpus, self._recipe, found.too_few)
            if trouble := elementwise_kernels().trouble:
                self._screen.line(f"Numba cannot be used ({trouble}); training with NumPy, which takes longer")
            if checkpoint.exists():
                self._screen.line(f"resuming from {checkpoint} (delete it to start over)")
            self._screen.preparing()
            result = train(
                self._recipe, corpus, name=readable(self._output.stem), start=self._start, checkpoint=checkpoint,
                on_batch=self._on_batch, on_row=self._screen.row, on_trouble=self._screen.line,
                check=self._interrupt.check,
            )  # fmt: skip
        try:
            result.model.save(self._output, weight_dtype=self._recipe.weights)
        except OSError as error:
            kept = f"; progress is in {checkpoint}" if checkpoint.exists() else ""
            raise TrainingError(f"{self._output} cannot be written ({error.strerror or error}){kept}") from None
        self._say_result(result)
        if result.interrupted:
            self._screen.line("interrupted; the best model so far was written; run the same command to resume")
            return _INTERRUPTED
        if result.diverged:
            self._screen.line(f"{result.diverged}; the best model before that was written")
        if report and not self._write_report(result, found.tracks):
            return _INTERRUPTED
        checkpoint.unlink(missing_ok=True)
        return _DIVERGED if result.diverged else 0

    def _write_report(self, result: Result, tracks: Sequence[Track]) -> bool:
        """Write the report if possible; return False if interrupted."""
        try:
            with Corpus(self._corpus_path) as corpus:
                toml = self._recipe.to_toml()
                path = reports.write(self._output, result, corpus, tracks, toml, self._interrupt.check)
        except MissingExtraError as error:
            self._screen.line(f"no report: {error}")
        except OSError as error:
            self._screen.line(
                f"no report: {error.filename or reports.path_for(self._output)}: {error.strerror or error}"
            )
        except KeyboardInterrupt:
            self._screen.line(f"interrupted; {self._output} is complete; run the same command to write the report")
            return False
        else:
            self._screen.line(f"{path}: report of the training, with figures and sound")
        return True

    def _checked(self, show: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """`show`, followed by a check for Ctrl-C."""

        def shown(done: int, total: int) -> None:
            show(done, total)
            self._interrupt.check()

        return shown

    def _on_batch(self, progress: BatchProgress) -> None:
        self._screen.batch(progress)
        self._interrupt.check()

    def _say_result(self, result: Result) -> None:
        test = "" if result.test_loss is None else f", test loss {result.test_loss:.4f}"
        self._screen.line(
            f"{self._output}: {result.model.n_code} units, epoch {result.best_epoch}, "
            f"validation loss {result.validation_loss:.4f}{test}, relative to the trivial error"
        )
        if result.stalled:
            self._screen.line(
                f"stopped early: the validation loss has not improved since epoch {result.best_epoch}; more music, "
                "fewer units (--code) or a smaller --learning-rate would help"
            )
        if result.validation_loss >= 1:
            self._screen.line(
                "the model is no better than predicting the mean; try a smaller learning_rate or more epochs"
            )


def _default_folder(screen: Screen) -> Path:
    folder, reason = default_folder()
    screen.line(f"no folder given: training on {folder} ({reason})")
    return folder


def _refuse_output(output: Path, corpus: Path | None, start: Path | None) -> None:
    """Reject an output that cannot be written, before hours of training."""
    if output.suffix == ".html":
        raise TrainingError(f"{output} is where the report goes; give the name of the model file, such as model.h5")
    if start is not None and start.resolve() == output.resolve():
        raise TrainingError(f"{output} is the model to continue; give another output with -o")
    if output.is_dir():
        raise TrainingError(f"{output} is a directory; give the name of the model file to write")
    if not output.parent.is_dir():
        raise TrainingError(f"{output.parent}: no such directory; create it, or give another output with -o")
    if not os.access(output.parent, os.W_OK):
        raise TrainingError(f"{output.parent} is not writable; give another output with -o")
    if corpus is not None and corpus.resolve() == output.resolve():
        raise TrainingError(f"{output} is given as both model and corpus; give two different files")
    if output.exists():
        try:
            Model.load(output)
        except (ModelFormatError, OSError):
            raise TrainingError(f"{output} exists and is not a model file; give another output with -o") from None


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options given on the command line; list values may be separated by commas."""
    given, kinds = {}, {option.name: kind for option, kind in option_types().items()}
    for key, value in options.items():
        if isinstance(value, list):
            value = [item.strip() for text in value for item in text.split(",") if item.strip()]
            if not value:
                continue
            kind = get_args(kinds[key])[0]
            if kind in (int, float):
                value = [_number(key, item, kind) for item in value]
        if value is not None:
            given[key] = value
    return given


def _number(key: str, text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise TrainingError(f"--{key.replace('_', '-')} is {text!r}; expected {wanted}, separated by commas") from None


def _flag(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    """The command-line flag of one field of `Recipe`."""
    text = field.metadata["help"]
    if get_origin(kind) is Literal:
        text, kind = f"{text}: {', '.join(get_args(kind))}", str
    elif get_origin(kind) is tuple:
        choices = get_args(get_args(kind)[0])
        text += f": {', '.join(choices)}" if choices else ""
        text, kind = f"{text}; repeat the flag or separate with commas", list[str]
    elif type(None) in get_args(kind):
        kind = get_args(kind)[0]
    annotation = Annotated[kind | None, typer.Option(help=text, show_default=False)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _add_flags() -> None:
    """Add one flag to `command` for each field of `Recipe`."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [_flag(field, kind) for field, kind in option_types().items()]
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*own, *flags)} | {"return": None}


_add_flags()

if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.train")
