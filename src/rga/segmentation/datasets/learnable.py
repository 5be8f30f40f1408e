"""Whether anything can be learnt from masks: which classes have pixels in them, told before a training and by ``rga data check``.

Some masks are enough to see that every class is there; only where one is missing, all are read, up to ``MOST``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rga.datasets.layout import DataError
from rga.datasets.report import in_number
from rga.datasets.splits import hash_rank
from rga.images.defects import examples
from rga.images.images import DamagedImageError
from rga.segmentation.datasets.classes import IGNORED, Classes
from rga.segmentation.datasets.masks import classes_of, read_pixels
from rga.segmentation.datasets.samples import Sample

SOME = 100
"""So many masks are read in any case."""
MOST = 2000
"""And so many at most."""
NO_CLASS = frozenset({"ignore", "void", "unlabeled", "unlabelled", "don't care", "dontcare"})
"""Names, in lower case, that other toolkits have for pixels that do not count."""


@dataclass(frozen=True, eq=False)
class Examination:
    """What the masks of a training split hold.

    Attributes:
        classes: of the dataset.
        pixels: (classes + 1,): pixels of each class, and of those that are ignored.
        masks: how many were read.
        of: how many there are.
        blank: masks in which every pixel is ignored.
        unnamed: pixels that are ignored because nobody named their value (255).
        suspects: masks that hold one value and beside it only one that nobody named.
        defects: why masks cannot be used, a sentence each; damaged files are not counted here.
    """

    classes: Classes
    pixels: NDArray[np.int64]
    masks: int
    of: int
    blank: int
    unnamed: int
    suspects: int
    defects: tuple[str, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes without a pixel in the masks that were read."""
        return tuple(name for name, pixels in zip(self.classes.names, self.pixels, strict=False) if not pixels)

    @property
    def refusal(self) -> str:
        """Why nothing can be learnt; empty if something can."""
        if len(self.classes) == 1:
            return (
                f"{self.classes.names[0]!r} is the only class: to tell classes apart takes two or more; name what is around it, too, such "
                "as background, instead of ignoring it"
            )
        if self.masks < self.of or self.defects or not self.masks:
            return ""
        there = [name for name in self.classes.names if name not in self.absent]
        if not there:
            return f"every pixel of all {self.of:,} masks of train is ignored: nothing can be learnt{self.hint}"
        if len(there) == 1:
            return (
                f"the masks of train hold {there[0]!r} and no pixel of {examples(map(repr, self.absent))}: nothing can be learnt{self.hint}"
            )
        return ""

    @property
    def hint(self) -> str:
        """What may be behind it; empty if there is no hint."""
        if self.unnamed:
            return (
                f". Pixels with the value {IGNORED} are ignored, as the class file does not name that value; if they are a class, give it "
                f"the value {IGNORED} there"
            )
        return "; compare the values in the masks with those of the class file (rga data classes FOLDER)"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What should be known before a training, a sentence each."""
        found = [
            f"{name!r} is a class as all others are, which is learnt and measured: call it 'ignored' if its pixels do not count"
            for name in self.classes.names
            if name.casefold() in NO_CLASS
        ]
        where = "any mask of train" if self.masks == self.of else f"{self.masks:,} of {self.of:,} masks of train, which were looked at"
        if self.absent and self.masks:
            text = f"{len(self.absent):,} [class has|classes have] no pixel in {where}: {examples(self.absent)}"
            found.append(in_number(text, len(self.absent)))
        if self.blank:
            found.append(f"every pixel is ignored in {self.blank:,} of {self.masks:,} masks of train")
        if self.unnamed and self.absent:
            found.append(
                f"{self.unnamed / max(1, self.pixels.sum()):.1%} of the pixels of train have the value {IGNORED} and are ignored, as the "
                f"class file does not name it; if it is a class, give it the value {IGNORED} there"
            )
        elif self.suspects:
            found.append(
                f"{self.suspects:,} of {self.masks:,} masks of train hold one value and {IGNORED}, which is ignored, as the class file "
                f"does not name it; if it is a class, give it the value {IGNORED} there"
            )
        return tuple(found)


def examine(samples: Sequence[Sample], classes: Classes, *, whole: bool = False) -> Examination:
    """Reads masks of a training split until each class has a pixel.

    Args:
        samples: with masks; those without are passed over.
        classes: of the masks.
        whole: read all masks in any case.

    Raises:
        MissingFileError: a mask is gone.
        OSError: a mask cannot be read from where it lies; it is named.
    """
    masks = sorted((sample.mask for sample in samples if sample.mask is not None), key=lambda path: hash_rank(path.name, 0))
    pixels = np.zeros(len(classes) + 1, np.int64)
    read = blank = unnamed = suspects = 0
    defects: list[str] = []
    for path in masks if whole else masks[:MOST]:
        if not whole and read >= SOME and pixels[:-1].all():
            break
        read += 1
        try:
            found = read_pixels(path)
            counted = count_pixels(classes_of(path, found, classes), classes)
        except DamagedImageError:
            continue  # the training says so, and those who open all images
        except DataError as error:
            defects.append(str(error))
            continue
        pixels += counted
        blank += not counted[:-1].any()
        if classes.implicit and found.numbers is not None and counted[-1]:
            pixels_there = dict(zip(*(each.tolist() for each in np.unique(found.numbers, return_counts=True)), strict=True))
            here = sum(pixels_there.get(value, 0) for value in classes.implicit)
            unnamed += here
            suspects += here > 0 and len(pixels_there) == 2
    return Examination(classes, pixels, read, len(masks), blank, unnamed, suspects, tuple(defects))


def shown(samples: Sequence[Sample], classes: Classes) -> tuple[str, ...]:
    """The classes that the masks of a split to measure on show: two of them are enough, and end the reading.

    Samples without masks are passed over, and so are masks that cannot be read, which is said where they are.

    Returns:
        Names of classes: none if no pixel counts, one if all that count are of one class. All names of ``classes`` where no mask was read,
        or ``MOST`` were.
    """
    masks = [sample.mask for sample in samples if sample.mask is not None]
    found: set[int] = set()
    read = 0
    for path in masks[:MOST]:
        try:
            labels = classes_of(path, read_pixels(path), classes)
        except (DamagedImageError, DataError):
            continue
        read += 1
        found |= {*np.flatnonzero(count_pixels(labels, classes)[:-1]).tolist()}
        if len(found) > 1:
            break
    if not read or len(masks) > MOST:
        return classes.names
    return tuple(classes.names[index] for index in sorted(found))


def one_class(split: str, name: str) -> str:
    """What is to be known of a split whose masks show one class alone."""
    return f"the masks of {split} show {name!r} alone: figures measured there say nothing about the other classes"


def count_pixels(labels: NDArray[np.uint8], classes: Classes) -> NDArray[np.int64]:
    """Pixels of each class in a mask (H, W), and of those that are ignored: (classes + 1,)."""
    counted = np.bincount(labels.ravel(), minlength=IGNORED + 1)
    return np.append(counted[: len(classes)], counted[IGNORED]).astype(np.int64)
