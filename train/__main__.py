"""`python -m aedsp.train DIR -o model.h5`: a folder of audio in, a model file out.

The command line is made from the fields of `Recipe`; this file finds the audio, says what happens, and writes the
model. Exit status 2 for bad input, 130 after Ctrl-C (the best model so far is written).
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

import aedsp
from aedsp import command_line, model_file
from aedsp.errors import ModelFormatError, TrainingError
from aedsp.train import corpus as corpora
from aedsp.train import recipe as recipes
from aedsp.train import tracks as audio
from aedsp.train.interrupt import Interrupt
from aedsp.train.recipe import Recipe
from aedsp.train.screen import Screen
from aedsp.train.training import Moment, Result, train

_INTERRUPTED = 130


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="audio files; none: $AEDSP_CORPUS/train, else the shipped clips"),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the model file")] = Path("model.h5"),
    recipe: Annotated[str, typer.Option(help="a shipped recipe or a TOML file")] = recipes.DEFAULT_RECIPE,
    corpus: Annotated[
        Path | None, typer.Option(help="keep the spectra in this HDF5 file, and use them again when nothing changed")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the recipe with every option, and stop")] = False,
    **options: Any,
) -> None:
    """Train an autoencoder on a folder of audio (wav, flac, ogg, mp3), and write it as a model file."""
    chosen = recipes.load(recipe, _given(options))
    chosen.front_end()
    if dry_run:
        print(chosen.to_toml(), end="")
        return
    _refuse_output(output, corpus)
    with Screen() as screen, Interrupt() as interrupt:
        try:
            _run(chosen, folder or _default_folder(screen), output, corpus, screen, interrupt)
        except KeyboardInterrupt:
            screen.line("interrupted before the first epoch; nothing was written")
            raise typer.Exit(_INTERRUPTED) from None


def main() -> None:
    """The entry point of `python -m aedsp.train`."""
    command_line.run(command, name="python -m aedsp.train")


def _run(
    recipe: Recipe, folder: Path, output: Path, corpus_path: Path | None, screen: Screen, interrupt: Interrupt
) -> None:
    """From folder to model file."""

    def on_spectra(done: int, total: int) -> None:
        screen.spectra(done, total)
        interrupt.check()

    def on_batch(moment: Moment) -> None:
        screen.batch(moment)
        interrupt.check()

    tracks, refusals = audio.survey(audio.find_audio(folder, recipe.license))
    with _corpus_at(corpus_path, output) as path:
        if corpora.matches(path, tracks, recipe.draw()):
            screen.line(f"spectra of {path} used again: same files, same options")
        else:
            refusals += corpora.build(path, tracks, recipe.draw(), on_spectra)
        for refusal in refusals:
            screen.line(f"left out: {refusal}")
        with corpora.Corpus(path) as corpus:
            _say_counts(recipe, corpus, len(tracks), screen)
            result = train(recipe, corpus, name=output.stem, on_batch=on_batch, on_epoch=screen.epoch)
    model_file.save(result.model, output, weight_dtype=recipe.weights)
    _say_result(result, output, screen)
    if result.interrupted:
        raise typer.Exit(_INTERRUPTED)


def _say_counts(recipe: Recipe, corpus: corpora.Corpus, n_files: int, screen: Screen) -> None:
    counts = {name: len(split) for name, split in corpus.splits.items()}
    text = ", ".join(f"{counts[name]:,} {name}" for name in ("training", "validation", "test"))
    screen.line(f"{n_files} files, spectra: {text}")
    if sum(counts.values()) < recipe.draw().n_spectra:
        screen.line(f"that is all there is at this hop; the recipe asks for {recipe.draw().n_spectra:,}")


def _say_result(result: Result, output: Path, screen: Screen) -> None:
    if result.interrupted:
        screen.line("interrupted; this is the best model so far")
    test = "" if result.test_loss is None else f", test {result.test_loss:.4f}"
    screen.line(
        f"{output}: {result.model.n_code} units, epoch {result.best_epoch}, "
        f"validation {result.validation_loss:.4f}{test} of the trivial error"
    )
    if result.validation_loss >= 1:
        screen.line("that is no better than predicting the mean; try a smaller learning_rate or more epochs")


@contextlib.contextmanager
def _corpus_at(path: Path | None, output: Path) -> Iterator[Path]:
    """The corpus file: the one named, or one beside the output that is deleted at the end."""
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix=".aedsp-corpus-", dir=output.parent) as folder:
        yield Path(folder, "corpus.h5")


def _default_folder(screen: Screen) -> Path:
    """$AEDSP_CORPUS/train, or the clips that come with aedsp; said in one line."""
    if root := os.environ.get("AEDSP_CORPUS"):
        folder, reason = Path(root, "train"), "from AEDSP_CORPUS"
    else:
        folder, reason = Path(aedsp.__file__).parent / "data", "the shipped clips, since AEDSP_CORPUS is not set"
    screen.line(f"no folder given: training on {folder} ({reason})")
    return folder


def _refuse_output(output: Path, corpus: Path | None) -> None:
    """Refuse an output that could not be written, before hours of work."""
    if output.is_dir():
        raise TrainingError(f"{output} is a folder; give the name of the model file to write")
    if not output.parent.is_dir():
        raise TrainingError(f"{output.parent} is not a folder; make it, or give another place for the model file")
    if not os.access(output.parent, os.W_OK):
        raise TrainingError(f"{output.parent} is not writable; give another place for the model file")
    if corpus is not None and corpus.resolve() == output.resolve():
        raise TrainingError(f"{output} is to be both the model and the corpus; give them two names")
    if output.exists():
        try:
            model_file.load(output)
        except (ModelFormatError, OSError):
            raise TrainingError(f"{output} exists and is not a model file; give another name") from None


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that stand on the command line; lists may also be written with commas."""
    given = {}
    for key, value in options.items():
        if isinstance(value, list):
            value = [item for text in value for item in text.split(",") if item]
            if not value:
                continue
        if value is not None:
            given[key] = value
    return given


def _flag(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    """The command-line flag of one field of `Recipe`."""
    text = field.metadata["help"]
    if get_origin(kind) is Literal:
        text, kind = f"{text}: {', '.join(get_args(kind))}", str
    elif get_origin(kind) is tuple:
        text, kind = f"{text}; repeat it or use commas", list[str]
    elif type(None) in get_args(kind):
        kind = get_args(kind)[0]
    annotation = Annotated[kind | None, typer.Option(help=text, show_default=False)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _add_flags() -> None:
    """Give `command` one flag for each field of `Recipe`."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [_flag(field, kind) for field, kind in recipes.option_types().items()]
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*own, *flags)} | {"return": None}


_add_flags()

if __name__ == "__main__":
    main()
