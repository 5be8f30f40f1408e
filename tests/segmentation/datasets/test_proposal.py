"""Tables of classes proposed from masks of every kind, which the reader then takes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.terminal import rga
from numpy.typing import NDArray
from PIL import Image

from rga.datasets.layout import DataError
from rga.errors import ExistingFileError
from rga.segmentation.datasets import proposal
from rga.segmentation.datasets.class_file import read_classes
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.datasets.folder import read_folder
from rga.segmentation.datasets.masks import MaskPixels, read_sample
from rga.segmentation.datasets.own_folders import find_masks
from rga.segmentation.datasets.proposal import DEEP, kind_of, propose, write_table
from segmentation.conftest import WriteImage

LABELS = [np.random.default_rng(seed).integers(0, 3, (6, 8)) for seed in range(4)]
"""What four masks show: classes 0, 1 and 2."""

COLOURS = np.array([[0, 0, 0], [128, 64, 0], [0, 0, 142]], np.uint8)


def palette_image(labels: NDArray[np.int64], order: tuple[int, ...] = (0, 1, 2)) -> Image.Image:
    """A mask with a palette in which class n has the index order[n]."""
    image = Image.fromarray(np.array(order, np.uint8)[labels])
    palette = np.zeros((256, 3), np.uint8)
    palette[list(order)] = COLOURS
    image.putpalette(palette.ravel().tolist())
    return image


KINDS: dict[str, Callable[[NDArray[np.int64], int], Image.Image]] = {
    "numbers": lambda labels, _: Image.fromarray(labels.astype(np.uint8)),
    "0, 4, 255": lambda labels, _: Image.fromarray(np.array([0, 4, 255], np.uint8)[labels]),
    "16 bits": lambda labels, _: Image.fromarray(np.array([0, 300, 7000], np.uint16)[labels]),
    "colours": lambda labels, _: Image.fromarray(COLOURS[labels]),
    "opaque colours": lambda labels, _: Image.fromarray(COLOURS[labels]).convert("RGBA"),
    "palette": lambda labels, _: palette_image(labels),
    "palettes in any order": lambda labels, number: palette_image(labels, ((0, 1, 2), (2, 0, 1))[number % 2]),
    "grey in colours": lambda labels, _: Image.fromarray(labels.astype(np.uint8)).convert("RGB"),
}


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage) -> Path:
    for number in range(4):
        write_image(tmp_path / "images" / f"{number}.jpg")
    (tmp_path / "masks").mkdir()
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_proposed_is_read_as_it_was_meant(kind: str, root: Path) -> None:
    for number, labels in enumerate(LABELS):
        KINDS[kind](labels, number).save(root / "masks" / f"{number}.png")
    proposal = propose(find_masks(root))
    assert len(proposal.rows) == 3
    assert sum(row.pixels for row in proposal.rows) == sum(labels.size for labels in LABELS)
    write_table(root / "classes.csv", proposal)
    data = read_folder(root)
    shown = {int(sample.image.stem): read_sample(sample, data.classes)[1] for sample in (*data.train, *data.val)}
    meaning: dict[int, set[int]] = {}
    for number, labels in enumerate(LABELS):
        for meant, found in zip(labels.ravel().tolist(), shown[number].ravel().tolist(), strict=True):
            meaning.setdefault(meant, set()).add(found)
    assert sorted(map(len, meaning.values())) == [1, 1, 1]
    assert {next(iter(each)) for each in meaning.values()} == ({0, 1, IGNORED} if kind == "0, 4, 255" else {0, 1, 2})
    counts = {row.name: row.pixels for row in proposal.rows}
    assert counts["background"] == sum(int((labels == 0).sum()) for labels in LABELS)
    if kind in ("colours", "opaque colours", "palette", "palettes in any order"):
        assert {row.colour for row in proposal.rows} == {"#000000", "#804000", "#00008e"}
    assert ("colours are taken" in str(proposal)) == (kind == "palettes in any order")


def test_two_values_are_background_and_foreground(root: Path) -> None:
    for number in range(4):
        Image.fromarray((255 * (LABELS[number] > 0)).astype(np.uint8)).save(root / "masks" / f"{number}.png")
    write_table(root / "classes.csv", propose(find_masks(root)))
    classes = read_classes(root / "classes.csv")
    assert (classes.names, dict(classes.values), classes.implicit) == (("background", "foreground"), {0: 0, 255: 1}, frozenset())


def test_masks_that_hold_no_classes_are_refused(root: Path) -> None:
    path = root / "masks" / "0.png"
    with pytest.raises(DataError, match="no masks to propose classes from"):
        propose(find_masks(root))
    Image.fromarray(np.full((6, 8), 7, np.uint8)).save(path)
    with pytest.raises(DataError, match="all masks hold one value, 7: to tell classes apart takes two or more"):
        propose(find_masks(root))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)).save(path)
    with pytest.raises(DataError, match=r"hold 600 colours \(#.*and there can be 255 classes: edges may be soft"):
        propose(find_masks(root))
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30)).save(path)
    with pytest.raises(DataError, match=r"hold 600 numbers .* those of single things"):
        propose(find_masks(root))
    soft = np.zeros((100, 300), np.uint8)
    soft[0, :30] = np.arange(30)
    Image.fromarray(soft).save(path)
    assert "29 of 30 values have less than 0.1% of the pixels each: edges may be soft" in str(propose([path]))


def test_the_command(root: Path) -> None:
    for number, labels in enumerate(LABELS):
        Image.fromarray(COLOURS[labels]).save(root / "masks" / f"{number}.png")
    done = rga("data", "classes", root, cwd=root)
    assert (done.code, done.err) == (0, "")
    assert "#804000  class804000  #804000" in done.out
    assert "from 4 masks" in done.out
    assert not (root / "classes.csv").exists()
    done = rga("data", "classes", root / "masks", "-o", "classes.csv", cwd=root)
    assert (done.code, "edit the names" in done.out) == (0, True)
    before = (root / "classes.csv").read_text()
    done = rga("data", "classes", root, "-o", "classes.csv", cwd=root)
    assert (done.code, "classes.csv is there already and is not replaced" in done.err) == (2, True)
    assert (root / "classes.csv").read_text() == before
    with pytest.raises(ExistingFileError):
        write_table(root / "classes.csv", propose(find_masks(root)))
    done = rga("data", "classes", root / "nowhere", cwd=root)
    assert (done.code, "no folder" in done.err) == (2, True)


def test_the_kinds_of_masks_in_words() -> None:
    grey, deep = np.zeros((2, 2), dtype=np.uint8), np.zeros((2, 2), dtype=np.uint16)
    colours = np.zeros((2, 2, 3), dtype=np.uint8)
    assert kind_of(MaskPixels("L", grey, colours, painted=False)) == "numbers"
    assert kind_of(MaskPixels("P", grey, colours, painted=False)) == "a palette"
    assert kind_of(MaskPixels("I;16", deep, None, painted=False)) == DEEP
    assert kind_of(MaskPixels("RGB", None, colours, painted=True)) == proposal.COLOURS
