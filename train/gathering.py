"""From a folder of audio to a corpus file, with a word about everything that was left out; what both commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import aedsp
from aedsp.train import corpus as corpora
from aedsp.train import tracks as audio
from aedsp.train.corpus import RunJobs
from aedsp.train.recipe import Recipe
from aedsp.train.screen import Screen
from aedsp.train.tracks import Track


def default_folder(screen: Screen) -> Path:
    """$AEDSP_CORPUS/train, or the clips that come with aedsp; said in one line."""
    if root := os.environ.get("AEDSP_CORPUS"):
        folder, reason = Path(root, "train"), "from AEDSP_CORPUS"
    else:
        folder, reason = Path(aedsp.__file__).parent / "data", "the shipped clips, since AEDSP_CORPUS is not set"
    screen.line(f"no folder given: training on {folder} ({reason})")
    return folder


def gather(
    folder: Path,
    path: Path,
    recipe: Recipe,
    screen: Screen,
    check: Callable[[], None],
    run_jobs: RunJobs,
) -> list[Track]:
    """The spectra of the folder in the corpus file at `path`, used again where nothing has changed.

    check : called now and then; may raise KeyboardInterrupt.
    run_jobs : who draws them.

    Raises
    ------
    TrainingError
        No audio, too little of it, or a foreign file at `path`.
    """

    def on_file(done: int, total: int) -> None:
        screen.files(done, total)
        check()

    def on_spectra(done: int, total: int) -> None:
        screen.spectra(done, total)
        check()

    tracks, refusals = audio.survey(audio.find_audio(folder, recipe.license), folder, on_file)
    draw = recipe.draw()
    if corpora.matches(path, tracks, draw):
        screen.line(f"spectra of {path} used again: same files, same options")
        with corpora.Corpus(path) as corpus:
            left_out = [*map(str, refusals + corpora.chosen(tracks, draw)[1]), *corpus.refusals]
    else:
        if corpora.is_corpus(path):
            screen.line(f"{path} is of other files or options; it is made anew from what has not changed")
        refusals += corpora.build(path, tracks, draw, on_spectra, run_jobs=run_jobs)
        screen.line(f"{path}: {path.stat().st_size / 1e6:.0f} MB of spectra, for the next time; may be deleted")
        left_out = [*map(str, refusals)]
    for refusal in left_out:
        screen.line(f"left out: {refusal}")
    return tracks


def say_counts(corpus: corpora.Corpus, recipe: Recipe, screen: Screen) -> None:
    """How many spectra there are for what."""
    counts = {name: len(split) for name, split in corpus.splits.items()}
    text = ", ".join(f"{counts[name]:,} {name}" for name in corpora.SPLITS)
    how = "by file" if corpus.split_by == "file" else "by frame"
    screen.line(f"{len(corpus.tracks)} files, spectra: {text}, split {how}")
    if corpus.split_by != recipe.split:
        screen.line("split by frame, since by file less than half were left to train on")
    if sum(counts.values()) < recipe.draw().n_spectra:
        screen.line(f"the recipe asks for {recipe.draw().n_spectra:,}; the files hold no more for a split")
    if recipe.classes:
        screen.line(f"classes: {', '.join(corpus.class_names)}")
