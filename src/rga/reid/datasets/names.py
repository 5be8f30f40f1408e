r"""Your own images in one folder, whose names begin with the person: ``anna_1.jpg``, ``anna_2.jpg``, ``bert_1.jpg``.

The images are split by person with a seed, as those of ``folder`` without splits. Other names are read with a regular expression:
``identity=r"_p(\w+)_"`` finds anna in ``0012_panna_c3.jpg``.
"""

from __future__ import annotations

import re
from pathlib import Path

from rga.datasets.layout import DataError, images_in
from rga.errors import InputError, MissingFileError
from rga.images.defects import examples
from rga.images.listing import composed, image_names
from rga.reid.datasets.folder import camera_of, camera_pattern, check_spelling, split_people
from rga.reid.datasets.samples import ReidData, Sample

WHERE = (
    "The images are your own: ROOT/PERSON_*.jpg, such as anna_1.jpg and anna_2.jpg; other names are read with names:ROOT?identity=REGEX."
)

FIRST_WORD = r"^([^_\- .]+)[_\- ]"
"""The name up to the first underscore, hyphen or space."""


def read_names(
    root: Path,
    *,
    identity: str = FIRST_WORD,
    camera: str | None = None,
    test_fraction: float = 0.5,
    seed: int = 0,
    known: bool = False,
    case: bool = False,
) -> ReidData:
    r"""Reads images from a folder; the file names tell the person.

    Args:
        root: the folder.
        identity: regular expression with one group, the person, searched in each file name; by default the name up to the first underscore,
            hyphen or space.
        camera: the same for the camera's number, such as ``r"c(\d+)"``; cameras are unknown without it.
        test_fraction: of the people to test on.
        seed: of that split.
        known: test on new images of all people instead; see ``rga.reid.datasets.folder``.
        case: whether names that differ in case alone are different people; they are refused otherwise.

    Raises:
        MissingFileError: there is no such folder, or no image in it.
        DataError: there are images in folders within it, a file name has no person or no camera, names differ in case alone, there are too
            few people, or every image is of another person.
        InputError: an option is out of its range, or no regular expression with one group.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"test_fraction must lie between 0 and 1, without them, got {test_fraction}")
    person, place = identity_pattern(identity), camera_pattern(camera)
    if not root.is_dir():
        raise MissingFileError(f"no folder {root}. {WHERE}")
    check_flat(root)
    people = {path: person_of(path, person) for path in images_in(root)}
    if not case:
        check_spelling(people.values(), root)
    numbers = {name: number for number, name in enumerate(sorted({*people.values()}), start=1)}
    if len(numbers) == len(people):
        some = examples([f"{name} of {path.name}" for path, name in people.items()])
        raise DataError(f"every image in {root} is of another person by its name ({some}): write names:{root}?identity=REGEX")
    samples = [Sample(path, numbers[name], camera_of(path, place)) for path, name in people.items()]
    return split_people(root, samples, numbers, test_fraction, seed, known=known)


def check_flat(root: Path) -> None:
    """Refuses a folder with images in folders within it, which would be left out.

    Raises:
        DataError: there are such.
    """
    deeper = [name for name in image_names(root) if "/" in name]
    if deeper:
        folders = examples(sorted({name.split("/")[0] for name in deeper}))
        raise DataError(
            f"{root} has {len(deeper)} images in folders within it ({folders}), which are left out: move them up into {root}, "
            f"or write folder:{root} if the folders are people"
        )


def identity_pattern(identity: str) -> re.Pattern[str]:
    """Compiles the regular expression of the person; raises an InputError if it is none or has not one group."""
    try:
        pattern = re.compile(identity)
    except re.error as error:
        raise InputError(f"identity={identity!r} is no regular expression: {error}") from error
    if pattern.groups != 1:
        raise InputError(rf"identity={identity!r} has {pattern.groups} groups: expected one, the person, as in '^(\w+?)_'")
    return pattern


def person_of(path: Path, pattern: re.Pattern[str]) -> str:
    """The person that a file name says; raises a DataError if it says none."""
    match = pattern.search(path.name)
    if match is None or not match[1]:
        raise DataError(f"{path}: no person in the file name, looked for {pattern.pattern!r}. {WHERE}")
    return composed(match[1])
