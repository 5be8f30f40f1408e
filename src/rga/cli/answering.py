"""Images that are given to a model part by part: damaged ones do not stop the others, and what is done is not lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from rga.errors import InputError
from rga.images.defects import examples
from rga.images.images import ADVICE, DamagedImageError
from rga.terminal import PlainConsole
from rga.training.input.reading import OnDamaged, Progress

Answer = TypeVar("Answer")
Given_co = TypeVar("Given_co", covariant=True)

BATCHES = 64
"""A part is so many batches: what is lost where a run is interrupted."""


class Use(Protocol[Given_co]):
    """What a model does with images: an answer for each, in order, but for damaged ones, which are reported."""

    def __call__(self, images: Mapping[str, Path], /, *, progress: Progress, on_damaged: OnDamaged) -> Iterable[Given_co]:
        """The answers."""
        ...


@dataclass
class Answers(Generic[Answer]):
    """What a model made of images so far.

    Attributes:
        found: name of an image -> the answer.
        damaged: name of an image that cannot be read -> why.
    """

    found: dict[str, Answer] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    def add(self, named: Mapping[str, Path], use: Use[Answer], part: int, progress: Progress) -> None:
        """Asks a model about images; the answers of each part are kept, whatever happens in a later one.

        Args:
            named: name -> image.
            use: asks the model.
            part: images at a time.
            progress: told how many are done, and of how many.
        """
        names = list(named)
        for start in range(0, len(names), part):
            chosen = names[start : start + part]
            damaged: dict[int, str] = {}

            def note(index: int, error: DamagedImageError, damaged: dict[int, str] = damaged) -> None:
                damaged[index] = str(error).removesuffix(ADVICE)

            def report(done: int, _total: int, start: int = start) -> None:
                progress(start + done, len(names))

            answers = use({name: named[name] for name in chosen}, progress=report, on_damaged=note)
            whole = [name for index, name in enumerate(chosen) if index not in damaged]
            self.found.update(zip(whole, answers, strict=True))
            self.damaged.update({chosen[index]: reason for index, reason in damaged.items()})

    def conclude(self, images: int, skip_damaged: bool) -> None:
        """Says which images are damaged.

        Args:
            images: that there are answers about, or should be.
            skip_damaged: whether damaged ones are no error.

        Raises:
            DamagedImageError: there are some that are one, or there are no others.
        """
        if not self.damaged:
            return
        text = f"{len(self.damaged):,} of {images:,} images cannot be read: {examples(self.damaged.values())}"
        if len(self.damaged) == images:
            raise DamagedImageError(text)
        if not skip_damaged:
            raise DamagedImageError(f"{text}; all others are done (no error with --skip-damaged)")
        PlainConsole(stderr=True).sentence(text)


def check_existing(output: Path | None, *, overwrite: bool, skip_existing: bool) -> None:
    """Raises an InputError if it is not clear what is to happen to answers that are there."""
    if skip_existing and overwrite:
        raise InputError("--skip-existing keeps what is there, --overwrite replaces it: choose one of them")
    if skip_existing and output is None:
        raise InputError("--skip-existing goes on with a file of answers: name it with --output")


def keep(write: Callable[[], object], answers: Answers[Answer], output: Path, *, whole: bool, replaces: bool) -> None:
    """Writes the answers that there are; those of a run that was interrupted, too, to be gone on with.

    Args:
        write: writes them, those that were there before included.
        answers: of this run.
        output: the file.
        whole: all images were given to the model.
        replaces: the file is there and holds what only a whole run may replace.
    """
    if not answers.found or (replaces and not whole):
        return
    write()
    if not whole:
        PlainConsole(stderr=True).sentence(
            f"interrupted: the answers about {len(answers.found):,} images are in {output}; go on with --skip-existing"
        )


def content_of(path: Path) -> str:
    """What tells the content of an image from that of others; empty where the file cannot be read, which whoever decodes it says."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def check_same(named: Mapping[str, Path], noted: Mapping[str, str], output: Path) -> None:
    """Refuses to go on with answers about other images of the same names.

    Args:
        named: name -> image.
        noted: name of an image that there is an answer about -> its ``content_of`` at that time.
        output: where the answers are.

    Raises:
        InputError: there are such images.
    """
    others = [str(path) for name, path in named.items() if name in noted and noted[name] != content_of(path)]
    if others:
        raise InputError(
            f"{output} has answers about other images of the same names as {examples(others)}, or these were changed since: give each "
            "folder its own --output, or compute all anew with --overwrite"
        )


def merged(named: Mapping[str, Path], before: Mapping[str, Answer], found: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers that were there and those of this run: first of the images that are named, in their order, then of all others."""
    both = {**before, **found}
    return {name: both[name] for name in (*(name for name in named if name in both), *(name for name in both if name not in named))}
