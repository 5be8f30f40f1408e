"""CUHK03: Li, Zhao, Xiao, Wang, "DeepReID: Deep Filter Pairing Neural Network for Person Re-identification", CVPR 2014.

Persons seen by one of five camera pairs, cut out by hand ("labeled") or by a detector ("detected"). Two protocols:

- new, 767 / 700 identities: Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017;
- classic, the authors' 20 splits with 100 test identities each.

Forms on disk: the original ``cuhk-03.mat`` (its images are taken out once, see ``cuhk03_archive``), a folder of its images, and for the new
protocol also CUHK03-NP, folders in the manner of Market-1501.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rga.datasets.layout import DataError, by_stem, images_in, not_found, parse_name
from rga.errors import InputError
from rga.extras import require
from rga.reid.datasets.cuhk03_archive import FORM, NAME, extract_images, read_persons, read_testsets
from rga.reid.datasets.market1501 import FOLDERS, read_boxes
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts, by_identity

Boxes = Literal["labeled", "detected"]
"""Cut out by hand or by a detector."""

WHERE = (
    "CUHK03 is given to researchers by its authors: look for 'CUHK03' on the home page of CUHK's Multimedia Laboratory (Xiaogang Wang, "
    "'CUHK Person Re-identification Datasets') and register for cuhk03_release.zip; "
    "cuhk03_new_protocol_config_{labeled,detected}.mat are in Zhong Zhun's repository person-re-ranking, folder evaluation/data/CUHK03."
)
"""Where the data can be had."""

EXPECTED = {
    "labeled": {"train": SplitCounts(767, 7_368, 2), "query": SplitCounts(700, 1_400, 2), "gallery": SplitCounts(700, 5_328, 2)},
    "detected": {"train": SplitCounts(767, 7_365, 2), "query": SplitCounts(700, 1_400, 2), "gallery": SplitCounts(700, 5_332, 2)},
}
"""The new protocol's counts."""

RELEASE = "cuhk03_release"
ARCHIVE = "cuhk-03.mat"
NP_NAME = re.compile(r"(?P<identity>\d+)_c(?P<camera>\d+).*", re.IGNORECASE)
NP_FORM = "IDENTITY_cCAMERA_NUMBER.png, as 0001_c1_1.png"


def read_cuhk03(root: Path, boxes: Boxes, *, allow_subset: bool = False) -> ReidData:
    """Reads CUHK03 with the new protocol.

    ``root`` holds ``cuhk03_new_protocol_config_{boxes}.mat`` (or ``protocol/`` with it) and ``images_{boxes}``, or ``cuhk-03.mat`` (or
    ``cuhk03_release/`` with it), from which the folder of images is made once; or else ``{boxes}/`` with the three folders of CUHK03-NP.
    Cameras are 1 and 2, the two of each pair, as in the protocol.

    Args:
        root: the folder.
        boxes: ``"labeled"`` or ``"detected"``.
        allow_subset: take what is there of the protocol's images, for instance one camera pair; results are then not those of CUHK03.

    Raises:
        MissingFileError: the protocol, or images and archive, are missing.
        DataError: images of the protocol are missing, or a file is not what its format says.
    """
    name = f"cuhk03-{boxes}"
    if (root / boxes).is_dir() and all((root / boxes / folder).is_dir() for folder in FOLDERS.values()):
        splits = {split: read_boxes(root / boxes / folder, NP_NAME, NP_FORM) for split, folder in FOLDERS.items()}
        return ReidData(name, splits["train"], splits["query"], splits["gallery"], root / boxes)

    config = f"cuhk03_new_protocol_config_{boxes}.mat"
    path = next((path for path in (root / config, root / "protocol" / config) if path.is_file()), None)
    if path is None:
        raise not_found(root, (config, f"images_{boxes} or {ARCHIVE}"), WHERE)
    protocol = read_protocol(path)
    folder = find_images(root, boxes)
    there = by_stem(images_in(folder), folder)
    missing = [file for file in protocol.files if Path(file).stem not in there]
    if missing and not allow_subset:
        raise DataError(
            f"{folder} has {len(protocol.files) - len(missing):,} of the {len(protocol.files):,} images of {path.name}, "
            f"the first missing is {missing[0]}: complete it, or pass allow_subset=True to take what is there"
        )

    def samples(split: str, indices: Sequence[int]) -> tuple[Sample, ...]:
        stems = ((index, Path(protocol.files[index]).stem) for index in indices)
        found = tuple(Sample(there[stem], protocol.identities[i], protocol.cameras[i]) for i, stem in stems if stem in there)
        if not found:
            raise DataError(f"{folder} has none of the {len(indices):,} images of the split {split} in {path.name}")
        return found

    train, query, gallery = (
        samples(split, indices) for split, indices in (("train", protocol.train), ("query", protocol.query), ("gallery", protocol.gallery))
    )
    return ReidData(name if not missing else f"{name}-subset", train, query, gallery, root)


@dataclass(frozen=True)
class Protocol:
    """The new protocol of one kind of boxes: images and, for each split, indices of them from 0."""

    files: tuple[str, ...]
    identities: tuple[int, ...]
    cameras: tuple[int, ...]
    train: tuple[int, ...]
    query: tuple[int, ...]
    gallery: tuple[int, ...]


def read_protocol(path: Path) -> Protocol:
    """Reads ``cuhk03_new_protocol_config_*.mat``: filelist, labels, camId, and train_idx, query_idx, gallery_idx from 1.

    Raises:
        DataError: it is no such file, or its indices lie outside of its list.
        MissingPackageError: scipy is not installed.
    """
    require("scipy", extra="cuhk03")
    from scipy.io import loadmat  # type: ignore[import-untyped]  # noqa: PLC0415  # heavy, and for these files alone

    needed = ("filelist", "labels", "camId", "train_idx", "query_idx", "gallery_idx")
    try:
        content = loadmat(path, variable_names=needed)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise DataError(f"{path} is not a MATLAB file of version 5: {error}") from error
    lacking = [key for key in needed if key not in content]
    if lacking:
        raise DataError(f"{path} lacks {', '.join(lacking)}: expected {', '.join(needed)}")
    files = tuple(str(np.asarray(entry).item()) for entry in content["filelist"].ravel())
    identities, cameras = (tuple(content[key].ravel().astype(int).tolist()) for key in ("labels", "camId"))
    if not len(files) == len(identities) == len(cameras):
        raise DataError(f"{path} has {len(files)} files, {len(identities)} labels and {len(cameras)} camId: expected as many of each")
    indices = {key: content[key].ravel().astype(int) - 1 for key in needed[3:]}
    for key, values in indices.items():
        if values.size and not (values.min() >= 0 and values.max() < len(files)):
            raise DataError(f"{path}: {key} reaches from {values.min() + 1} to {values.max() + 1}, the list from 1 to {len(files)}")
    train, query, gallery = (tuple(values.tolist()) for values in indices.values())
    return Protocol(files, identities, cameras, train, query, gallery)


def find_archive(root: Path) -> Path | None:
    """``cuhk-03.mat`` in a folder or in its ``cuhk03_release``."""
    return next((path for path in (root / ARCHIVE, root / RELEASE / ARCHIVE) if path.is_file()), None)


def find_images(root: Path, boxes: Boxes) -> Path:
    """The folder of images, made from ``cuhk-03.mat`` beside it if it is not there yet.

    Raises:
        MissingFileError: neither is there.
    """
    name = f"images_{boxes}"
    for folder in (root / name, root / RELEASE / name):
        if folder.is_dir():
            return folder
    archive = find_archive(root)
    if archive is None:
        raise not_found(root, (f"{name} or {ARCHIVE}",), WHERE)
    return extract_images(archive, boxes, archive.parent / name)


def read_cuhk03_classic(root: Path, boxes: Boxes, *, split: int = 0, single_shot: int | None = None) -> ReidData:
    """Reads CUHK03 with one of the classic splits of ``cuhk-03.mat``: 100 identities to test on, all others to train on.

    Queries are a test identity's images by the first camera of its pair, the gallery those by the second. The published figures are means
    over the 20 splits with a gallery of one image an identity, drawn several times. Identities are numbered from 1 through all pairs.

    Args:
        root: the folder with ``cuhk-03.mat`` (or ``cuhk03_release/`` with it); ``images_{boxes}`` are made beside it once.
        boxes: ``"labeled"`` or ``"detected"``.
        split: which of the 20, from 0.
        single_shot: seed that draws one gallery image an identity; None keeps them all.

    Raises:
        MissingFileError: ``cuhk-03.mat`` is missing.
        DataError: a file is not what its format says, or the split has no query or gallery.
        InputError: there is no such split.
    """
    archive = find_archive(root)
    if archive is None:
        raise not_found(root, (ARCHIVE,), WHERE)
    testsets = read_testsets(archive)
    if not 0 <= split < len(testsets):
        raise InputError(f"no split {split} in {archive}: choose one of 0 to {len(testsets) - 1}")
    persons = read_persons(archive, boxes)
    first = np.concatenate([[1], 1 + np.cumsum(persons)]).tolist()  # first identity of each pair
    tested = {first[pair - 1] + person - 1 for pair, person in testsets[split]}

    train: list[Sample] = []
    query: list[Sample] = []
    gallery: list[Sample] = []
    folder = find_images(root, boxes)
    for path in by_stem(images_in(folder), folder).values():
        match = parse_name(path, NAME, FORM)
        pair, person, camera = (int(match[key]) for key in ("pair", "person", "camera"))
        if not (1 <= pair <= len(persons) and 1 <= person <= persons[pair - 1]):
            raise DataError(f"{path}: {archive.name} has no person {person} in pair {pair}")
        sample = Sample(path, first[pair - 1] + person - 1, camera)
        part = train if sample.identity not in tested else query if camera == 1 else gallery
        part.append(sample)
    if single_shot is not None:
        generator = random.Random(single_shot)  # noqa: S311  # a split, no secret
        gallery = [generator.choice(group) for group in by_identity(gallery).values()]
    return ReidData(f"cuhk03-classic-{boxes}-{split:02d}", tuple(train), tuple(query), tuple(gallery), archive.parent)
