"""What datasets of two cameras have in common: a folder a person under each, and as many people to train on as to test on.

A person's sequence by the first camera is the query, that by the second the gallery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rga.datasets.layout import DataError, images_in
from rga.images.defects import examples
from rga.images.listing import folders_in
from rga.reid.datasets.samples import ReidData
from rga.reid.datasets.video.tracklet import Tracklet

People = Mapping[str, tuple[Tracklet, Tracklet]]
"""Name -> the tracklets by both cameras."""


def read_people(folders: tuple[Path, Path]) -> People:
    """The people who are seen by both cameras, by name; identities are numbered from 1 in this order.

    Args:
        folders: of the two cameras.

    Raises:
        DataError: a person's folder has no image, or nobody is seen by both.
    """
    first, second = ({folder.name: folder for folder in folders_in(each)} for each in folders)
    both = sorted(first.keys() & second.keys())
    if not both:
        raise DataError(f"no folder is in {folders[0]} and in {folders[1]}: expected one for each person, of the same name in both")
    return {
        name: (Tracklet.of(images_in(first[name]), number, 1), Tracklet.of(images_in(second[name]), number, 2))
        for number, name in enumerate(both, start=1)
    }


def split_in_two(name: str, people: People, train: Sequence[str], test: Sequence[str], root: Path) -> ReidData:
    """The data of a split.

    Args:
        name: of the data.
        people: all of them.
        train: names of those to train on.
        test: names of those to test on.
        root: the folder.

    Raises:
        DataError: somebody is in both parts or twice, or is not among the people.
    """
    named = [*train, *test]
    if len(set(named)) < len(named):
        twice = sorted({each for each in named if named.count(each) > 1})
        raise DataError(f"the split of {name} at {root} names {examples(twice)} twice")
    unknown = sorted(set(named) - people.keys())
    if unknown:
        raise DataError(f"the split of {name} at {root} names {examples(unknown)}, who are not seen by both cameras")
    return ReidData(
        name,
        tuple(tracklet for person in sorted(train) for tracklet in people[person]),
        tuple(people[person][0] for person in sorted(test)),
        tuple(people[person][1] for person in sorted(test)),
        root,
    )
