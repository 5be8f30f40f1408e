"""A file of annotations in COCO's format, read and checked: ``images``, ``annotations`` and ``categories``.

What is wrong is refused with the file, the annotation and the reason: images, categories and annotations that are there twice or not at
all, boxes outside of their image, run lengths of another size. What COCO itself has is read as COCO means it: numbers of categories with
gaps, crowd regions, images without objects, boxes that end a little outside of their image or have no width or height.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.datasets.layout import DataError
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.masks import read_segmentation
from rga.detection.datasets.samples import AnnotatedObject, Box
from rga.errors import InputError, MissingFileError


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image of the file.

    Attributes:
        name: of its file, as it is written there.
        size: (height, width).
        objects: in it; None where the file has no annotations at all.
    """

    name: str
    size: tuple[int, int]
    objects: tuple[AnnotatedObject, ...] | None


@dataclass(frozen=True, eq=False)
class AnnotationFile:
    """What a file of annotations says.

    Attributes:
        path: of the file.
        categories: in the order of their numbers.
        images: in the order of the file.
    """

    path: Path
    categories: Categories
    images: tuple[AnnotatedImage, ...]


def read_annotations(path: Path) -> AnnotationFile:
    """Reads a file of annotations.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is not in COCO's format, or something in it cannot be; both are named.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingFileError(f"no file {path}: expected annotations in COCO's format, with images, annotations and categories") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}): the file is damaged, or something else than annotations in COCO's format") from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply for annotations in COCO's format") from error
    try:
        return read_content(path, content)
    except DataError:
        raise
    except InputError as error:
        raise DataError(f"{path}: {error}") from error


def read_content(path: Path, content: Any) -> AnnotationFile:
    """What the parsed file says; ``read_annotations`` names the file in errors."""
    if not isinstance(content, dict):
        raise InputError("expected an object with images, annotations and categories, in COCO's format")
    for key in ("images", "categories"):
        if not isinstance(content.get(key), list):
            raise InputError(f"it has no list {key!r}: expected images, annotations and categories, in COCO's format")
    categories, index_of = read_categories(content["categories"])
    images = read_images(content["images"])
    if "annotations" not in content:
        return AnnotationFile(path, categories, tuple(AnnotatedImage(name, size, None) for name, size in images.values()))
    if not isinstance(content["annotations"], list):
        raise InputError("its annotations are no list: expected images, annotations and categories, in COCO's format")
    objects: dict[int, list[AnnotatedObject]] = {image: [] for image in images}
    seen: set[int] = set()
    for position, each in enumerate(content["annotations"]):
        number = whole(entry(each, "annotation", position), "id", f"annotation {position}")
        if number in seen:
            raise InputError(f"annotation {number} is there twice")
        seen.add(number)
        image = whole(each, "image_id", f"annotation {number}")
        if image not in images:
            raise InputError(f"annotation {number} is of image {image}, which is not among its {len(images)} images")
        category = whole(each, "category_id", f"annotation {number}")
        if category not in index_of:
            raise InputError(f"annotation {number} is of category {category}: there are {', '.join(map(str, categories.ids))}")
        try:
            objects[image].append(read_object(each, index_of[category], images[image][1]))
        except InputError as error:
            raise InputError(f"annotation {number} of {images[image][0]}: {error}") from error
    return AnnotationFile(
        path, categories, tuple(AnnotatedImage(name, size, tuple(objects[image])) for image, (name, size) in images.items())
    )


def read_categories(values: list[Any]) -> tuple[Categories, dict[int, int]]:
    """The categories, and number -> index."""
    names: dict[int, str] = {}
    for position, each in enumerate(values):
        number = whole(entry(each, "category", position), "id", f"category {position}")
        if number in names:
            raise InputError(f"category {number} is there twice")
        name = each.get("name")
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"category {number} has no name")
        names[number] = name
    ids = sorted(names)
    return Categories(tuple(names[number] for number in ids), tuple(ids)), {number: index for index, number in enumerate(ids)}


def read_images(values: list[Any]) -> dict[int, tuple[str, tuple[int, int]]]:
    """Number of an image -> the name of its file and its (height, width)."""
    images: dict[int, tuple[str, tuple[int, int]]] = {}
    names: set[str] = set()
    for position, each in enumerate(values):
        number = whole(entry(each, "image", position), "id", f"image {position}")
        if number in images:
            raise InputError(f"image {number} is there twice")
        name = each.get("file_name")
        if not isinstance(name, str) or not name:
            raise InputError(f"image {number} has no file_name")
        if name in names:
            raise InputError(f"the file {name!r} is there twice, as image {number} and another one")
        height, width = (whole(each, side, f"image {number}") for side in ("height", "width"))
        if height < 1 or width < 1:
            raise InputError(f"image {number} ({name}) has the size {width}x{height}: expected at least 1x1")
        images[number] = (name, (height, width))
        names.add(name)
    return images


def read_object(values: Mapping[str, Any], category: int, size: tuple[int, int]) -> AnnotatedObject:
    """An object of an image of a size.

    Raises:
        InputError: its box, its area or its segmentation cannot be.
    """
    box = read_box(values.get("bbox"), size)
    crowd = values.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise InputError(f"iscrowd is {crowd!r}: expected 0 or 1")
    segmentation = read_segmentation(values.get("segmentation"), size)
    area = values.get("area")
    if area is None:
        area = float(segmentation.mask().sum()) if segmentation is not None else box[2] * box[3]
    if not is_number(area) or area < 0:
        raise InputError(f"its area is {area!r}: expected a number of pixels")
    return AnnotatedObject(category, box, segmentation, float(area), bool(crowd))


def read_box(value: Any, size: tuple[int, int]) -> Box:
    """A box: left, top, width and height.

    Raises:
        InputError: it is none, or has no pixel in common with its image.
    """
    if not (isinstance(value, list) and len(value) == 4 and all(map(is_number, value))):
        raise InputError(f"its bbox is {value!r}: expected left, top, width and height")
    left, top, width, height = map(float, value)
    if width < 0 or height < 0:
        raise InputError(f"its bbox has the width {width:g} and the height {height:g}: expected left, top, width and height")
    if left > size[1] or top > size[0] or left + width < 0 or top + height < 0:
        raise InputError(f"its bbox {[left, top, width, height]} lies outside of its image of {size[1]}x{size[0]}")
    return left, top, width, height


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def entry(value: Any, what: str, position: int) -> Mapping[str, Any]:
    """An entry of a list, which must be an object."""
    if not isinstance(value, dict):
        raise InputError(f"{what} {position} is {type(value).__name__}: expected an object")
    return value


def whole(values: Mapping[str, Any], key: str, what: str) -> int:
    """A whole number of an entry."""
    value = values.get(key)
    if type(value) is not int:
        raise InputError(f"{what} has the {key} {value!r}: expected a whole number")
    return value
