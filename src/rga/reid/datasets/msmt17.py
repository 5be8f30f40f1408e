"""MSMT17: Wei, Zhang, Gao, Tian, "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification", CVPR 2018.

Lists of ``FOLDER/FILE IDENTITY``; version 2 has blurred faces and other folder names. Training takes the lists train and val together
(32,621 images). The lists number training and test identities both from 0, different persons: test identities are moved past the training
ones here, 1,041 to 4,100.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from rga.datasets.layout import DataError, by_stem, find_home, not_found, parse_name
from rga.datasets.tables import check_text, read_lines, whole_number
from rga.images.listing import composed, image_names
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts

WHERE = (
    "MSMT17 is given to researchers by its authors: look for 'MSMT17' on the home page of PKU-VMC (Shiliang Zhang), "
    "sign the release agreement and unpack MSMT17_V1 or MSMT17_V2."
)
"""Where the data can be had."""

EXPECTED = {
    "train": SplitCounts(1_041, 32_621, 15),
    "query": SplitCounts(3_060, 11_659, 15),
    "gallery": SplitCounts(3_060, 82_161, 15),
}
"""The protocol's counts."""

LISTS = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")
VERSIONS = {"v1": ("train", "test"), "v2": ("mask_train_v2", "mask_test_v2")}
"""Version -> its folders of training and test images."""

NAME = re.compile(r"\d+_\d+_(?P<camera>\d+)_.+", re.IGNORECASE)
FORM = "IDENTITY_NUMBER_CAMERA_TIME_SEQUENCE_BOX.jpg, as 0000_000_01_0303morning_0008_0.jpg"


def read_msmt17(root: Path) -> ReidData:
    """Reads MSMT17, version 1 or 2, whichever is there.

    Args:
        root: the unpacked folder with the four lists, or the one that it lies in.

    Raises:
        FileNotFoundError: a list or a folder is missing.
        DataError: a list is empty, has a line that is none, or names images that are not there.
    """
    home = find_home(root, ("MSMT17_V1", "MSMT17_V2"), LISTS, WHERE)
    folders = next((pair for pair in VERSIONS.values() if all((home / name).is_dir() for name in pair)), None)
    if folders is None:
        raise not_found(home, VERSIONS["v2" if (home / "mask_train_v2").is_dir() else "v1"], WHERE)
    train_folder, test_folder = (home / name for name in folders)
    train = located(train_folder, (*read_list(home / "list_train.txt", train_folder), *read_list(home / "list_val.txt", train_folder)))
    query, gallery = (read_list(home / name, test_folder) for name in ("list_query.txt", "list_gallery.txt"))
    first_of_test = max(sample.identity for sample in train) + 1
    tested = tuple(replace(sample, identity=sample.identity + first_of_test) for sample in located(test_folder, (*query, *gallery)))
    query, gallery = tested[: len(query)], tested[len(query) :]
    return ReidData("msmt17", train, query, gallery, home)


def read_list(path: Path, folder: Path) -> tuple[Sample, ...]:
    """Reads a list of ``FOLDER/FILE IDENTITY``.

    Raises:
        DataError: the list is empty or not text, or a line is something else.
    """
    samples = []
    for number, line in enumerate(read_lines(path, names=True).splitlines(), start=1):
        if not line.strip():
            continue
        name, *identity = line.rsplit(maxsplit=1)
        location = f"{path}, line {number}"
        if not identity or not identity[0].isdecimal():
            check_text(line, location)
            raise DataError(f"{location}: expected 'FOLDER/FILE IDENTITY', found {line!r}")
        image = folder / name.strip()
        if not image.is_relative_to(folder) or ".." in image.parts[len(folder.parts) :]:
            raise DataError(f"{location}: {name.strip()!r} is not below {folder}, as all images of the list are")
        samples.append(Sample(image, whole_number(identity[0], "identity", location), int(parse_name(image, NAME, FORM)["camera"])))
    if not samples:
        raise DataError(f"{path} lists no image")
    return tuple(samples)


def located(folder: Path, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Listed samples with their images as they are on the disk, whose endings may differ from those in the lists, as ``.JPG``.

    One walk finds all images, which is faster than a look at each.

    Raises:
        DataError: the folder lacks images of its lists, or holds two that differ in their ending alone.
    """
    there = by_stem([folder / name for name in image_names(folder)], folder)
    paths = [there.get(composed(sample.path.relative_to(folder).with_suffix("").as_posix())) for sample in samples]
    missing = [sample.path for sample, path in zip(samples, paths, strict=True) if path is None]
    if missing:
        raise DataError(f"{folder} lacks {len(missing):,} of {len(samples):,} listed images, the first: {missing[0]}")
    return tuple(replace(sample, path=path) for sample, path in zip(samples, paths, strict=True) if path is not None)
