"""A dataset on the disk with what it was meant to hold: images, each with a number of its own, in splits and groups."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rga.classification.datasets.samples import ClassificationData
from rga.classification.image_sources import ImageSource
from rga.errors import RgaError
from rga.reid.datasets.samples import ReidData
from rga.segmentation.datasets.samples import SegmentationData

Groups = frozenset[frozenset[int]]


@dataclass(frozen=True)
class Meant:
    """What a dataset holds.

    Attributes:
        splits: name -> the numbers of its images.
        groups: the images of each identity or class, or each image with its mask.
        named: class -> its images; empty where groups have no names.
        cameras: the images of each camera.
        nobody: distractors.
    """

    splits: dict[str, frozenset[int]]
    groups: Groups
    named: dict[str, frozenset[int]] = field(default_factory=dict)
    cameras: Groups = frozenset()
    nobody: frozenset[int] = frozenset()

    def without(self, gone: frozenset[int]) -> Meant:
        """The same without some images."""
        return Meant(
            {name: some - gone for name, some in self.splits.items()},
            left(self.groups, gone),
            {name: some - gone for name, some in self.named.items() if some - gone},
            left(self.cameras, gone),
            self.nobody - gone,
        )

    def whole(self) -> Meant:
        """The same with all splits together."""
        together = frozenset[int]().union(*self.splits.values())
        return Meant({"all": together}, self.groups, self.named, self.cameras, self.nobody)


def left(groups: Groups, gone: frozenset[int]) -> Groups:
    """Groups without some images; empty ones go."""
    return frozenset(some - gone for some in groups if some - gone)


@dataclass
class Tree:
    """A dataset that is being written.

    Attributes:
        root: of the dataset.
        task: that it is for.
        name: of its reader.
        options: of the reader.
        drawn: the reader splits it at random.
        files: of its images, by number.
        zips: the splits are zips that are packed from folders of their names when all is written.
    """

    root: Path
    task: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    drawn: bool = False
    files: dict[int, Path] = field(default_factory=dict)
    zips: bool = False
    split_of: dict[int, str] = field(default_factory=dict)
    group_of: dict[int, str] = field(default_factory=dict)
    camera_of: dict[int, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    has_names: bool = False
    frozen: frozenset[str] = frozenset()

    def put(self, path: Path, split: str, group: str, camera: int | None = None) -> int:
        """Writes an image that no other is like, and returns its number."""
        number = len(self.numbers) + 1
        self.keep(path, coloured(number, path.suffix), number)
        self.files[number], self.split_of[number], self.group_of[number] = path, split, group
        if camera is not None:
            self.camera_of[number] = camera
        return number

    def keep(self, path: Path, contents: bytes, number: int) -> None:
        """Writes a file that stands for a number."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
        self.numbers[digest(contents)] = number

    def put_mask(self, path: Path, number: int, values: Iterable[int]) -> None:
        """Writes the mask of an image; it has the negative of its number."""
        pixels = np.resize(np.array([*values], np.uint8), (6, 8))
        pixels.flat[: len([*values])] = [*values]
        file = io.BytesIO()
        image = Image.fromarray(pixels)
        image.info["number"] = number
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

        text = PngInfo()
        text.add_text("number", str(number))
        image.save(file, "PNG", pnginfo=text)
        self.keep(path, file.getvalue(), -number)

    def meant(self) -> Meant:
        """What was meant."""
        if self.task == "segmentation":
            return Meant(by(self.split_of), frozenset(frozenset([number, -number]) for number in self.split_of))
        named = {name: some for name, some in by(self.group_of).items() if name != "nobody"}
        nobody = by(self.group_of).get("nobody", frozenset())
        cameras = frozenset(by({number: str(camera) for number, camera in self.camera_of.items()}).values())
        plain = {unicodedata.normalize("NFC", name): some for name, some in named.items()} if self.has_names else {}
        return Meant(by(self.split_of), frozenset(named.values()), plain, cameras, nobody)


def by(labels: dict[int, str]) -> dict[str, frozenset[int]]:
    """Label -> its images."""
    found: dict[str, set[int]] = {}
    for number, label in labels.items():
        found.setdefault(label, set()).add(number)
    return {label: frozenset(some) for label, some in found.items()}


def coloured(number: int, suffix: str) -> bytes:
    """An image of 8x6 in a colour of its own, in the format of its ending."""
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:] = (number * 37 % 256, number * 91 % 256, number // 2 % 256)
    pixels[0:2] = (number % 256, number // 256, 200)
    file = io.BytesIO()
    kind = {"jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "webp": "WEBP"}.get(suffix.lower().lstrip("."), "PNG")
    Image.fromarray(pixels).save(file, kind, comment=str(number).encode()) if kind == "JPEG" else Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def digest(contents: bytes) -> str:
    """Of a file."""
    return hashlib.sha256(contents).hexdigest()


def found_in(data: Any, tree: Tree) -> Meant:
    """What a reader found."""
    if isinstance(data, ReidData):
        return of_people(data, tree)
    if isinstance(data, ClassificationData):
        return of_classes(data, tree)
    assert isinstance(data, SegmentationData)
    splits: dict[str, frozenset[int]] = {}
    groups = set()
    for name in ("train", "val", "test"):
        samples = data.split(name)
        splits[name] = frozenset(number_of(sample.image, tree) for sample in samples)
        for sample in samples:
            if sample.mask is not None:
                groups.add(frozenset([number_of(sample.image, tree), number_of(sample.mask, tree)]))
    return Meant({name: some for name, some in splits.items() if some}, frozenset(groups))


def of_people(data: ReidData, tree: Tree) -> Meant:
    """The splits, identities and cameras of a re-ID dataset."""
    splits, people, cameras, nobody = {}, dict[int, str](), dict[int, str](), set()
    for name in ("train", "query", "gallery"):
        samples = data.split(name)
        files = [(number_of(path, tree), sample) for sample in samples for path in sample.files]
        if samples:
            splits[name] = frozenset(number for number, _ in files)
        for number, sample in files:
            if sample.identity == 0 and name == "gallery":
                nobody.add(number)
            else:
                people[number] = str(sample.identity)
            if sample.camera is not None:
                cameras[number] = str(sample.camera)
    return Meant(splits, frozenset(by(people).values()), {}, frozenset(by(cameras).values()), frozenset(nobody))


def of_classes(data: ClassificationData, tree: Tree) -> Meant:
    """The splits and classes of a classification dataset."""
    splits, labels = {}, dict[int, str]()
    for name in ("train", "val", "test"):
        part = data.split(name)
        numbers = [number_in(part.images, index, tree) for index in range(len(part))]
        if numbers:
            splits[name] = frozenset(numbers)
        labels |= dict(zip(numbers, (data.classes[label] for label in part.labels.tolist()), strict=True))
    named = {unicodedata.normalize("NFC", name): some for name, some in by(labels).items()} if tree.has_names else {}
    return Meant(splits, frozenset(by(labels).values()), named)


def number_in(images: ImageSource, index: int, tree: Tree) -> int:
    """The number of an image of a source, likewise."""
    try:
        return tree.numbers.get(digest(images.contents(index)), 0)
    except (FileNotFoundError, RgaError):
        return 0


def number_of(path: Path, tree: Tree) -> int:
    """The number of the image in a file; 0 for one that was not meant, or is gone."""
    return tree.numbers.get(digest(path.read_bytes()), 0) if path.is_file() else 0
