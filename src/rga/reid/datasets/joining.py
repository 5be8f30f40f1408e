"""Several datasets of re-identification as one: their training splits, and the test of one of them or of another one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from rga.datasets.layout import DataError
from rga.errors import InputError
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.samples import ReidData, Sample


def join(name: str, *sets: ReidData, test: ReidData | None = None) -> ReidData:
    """Joins the training splits of several sets; "train on one, test on another" is joining one.

    Identities and cameras are numbered anew from 1, set by set, so that equal numbers of two sets stay different persons and cameras. A set
    that is both trained and tested on keeps its identities in common; distractors and junk of a gallery stay what they are.

    Args:
        name: of the joined set.
        *sets: whose training splits are joined.
        test: whose query and gallery the joined set has; without it both are empty.

    Raises:
        InputError: there is no set to join.
        DataError: no set has a training split, and there is no test set; or an image is in several of the sets.

    Example:
        >>> root = Path("images")
        >>> first = ReidData("first", (Sample(root / "a.jpg", 7, 1),), (), (), root)
        >>> second = ReidData("second", (Sample(root / "b.jpg", 7, 1),), (), (), root)
        >>> [(sample.identity, sample.camera) for sample in join("both", first, second).train]
        [(1, 1), (2, 2)]
    """
    if not sets:
        raise InputError(f"nothing to join for {name!r}: pass at least one dataset")
    check_apart(sets, test)
    trained = [(index, data.train) for index, data in enumerate(sets)]
    tested: list[tuple[int, tuple[Sample, ...]]] = []
    if test is not None:
        index = next((i for i, data in enumerate(sets) if data is test), len(sets))
        tested = [(index, test.query), (index, test.gallery)]

    identities = number_anew((index, sample.identity) for index, samples in trained + tested for sample in samples)
    cameras = number_anew((index, sample.camera) for index, samples in trained + tested for sample in samples if sample.camera is not None)

    def renumbered(index: int, samples: Iterable[Sample], distractors: bool = False) -> Iterator[Sample]:
        for sample in samples:
            nobody = distractors and sample.identity in (DISTRACTOR, JUNK)
            yield replace(
                sample,
                identity=sample.identity if nobody else identities[index, sample.identity],
                camera=None if sample.camera is None else cameras[index, sample.camera],
                domain=index,
            )

    roots = [data.root.absolute() for data in (*sets, *([test] if test is not None else []))]
    return ReidData(
        name,
        train=tuple(chain.from_iterable(renumbered(index, samples) for index, samples in trained)),
        query=tuple(renumbered(*tested[0])) if tested else (),
        gallery=tuple(renumbered(*tested[1], distractors=True)) if tested else (),
        root=Path(os.path.commonpath(roots)),
        roots=tuple(roots) if len(set(roots)) > 1 else (),
    )


def check_apart(sets: Sequence[ReidData], test: ReidData | None) -> None:
    """Refuses to join sets that share images: one person would become two, or be trained and tested on as another one.

    Args:
        sets: that are trained on.
        test: that is tested on; one of the sets or another one.

    Raises:
        DataError: there is an image in two of them.
    """
    owner: dict[str, ReidData] = {}
    for data in sets:
        for path in (path for sample in data.train for path in sample.files):
            if owner.setdefault(os.path.realpath(path), data) is not data:
                other = owner[os.path.realpath(path)]
                raise DataError(f"{other.name!r} at {other.root} and {data.name!r} at {data.root} both train on {path}: name one of them")
    if test is None:
        return
    for path in (path for sample in chain(test.query, test.gallery) for path in sample.files):
        other = owner.get(os.path.realpath(path), test)
        if other is not test:
            raise DataError(f"{other.name!r} at {other.root} trains on {path}, and {test.name!r} at {test.root} tests on it")


def number_anew(keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Numbers from 1 for (set, number in the set), in their order."""
    return {key: number for number, key in enumerate(sorted(set(keys)), start=1)}
