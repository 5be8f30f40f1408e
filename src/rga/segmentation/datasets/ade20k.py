"""ADE20K: Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017, in the release of the SceneParsing challenge; 150 classes.

``images/training/*.jpg`` and ``annotations/training/*.png``, likewise ``validation``. A mask's values 1 to 150 are the classes; 0 is all
else, which does not count. The images of the test split (``release_test.zip``) have no masks.
"""

from __future__ import annotations

from pathlib import Path

from rga.datasets.layout import by_stem, find_home, images_in
from rga.datasets.splits import Split
from rga.segmentation.datasets.classes import IGNORED, Classes, spread_colours
from rga.segmentation.datasets.pairs import masks_by_stem, paired
from rga.segmentation.datasets.samples import SegmentationData, SplitCounts

WHERE = (
    "ADE20K in this form is ADEChallengeData2016.zip of the MIT Scene Parsing Benchmark (sceneparsing.csail.mit.edu), free for research: "
    "images and annotations, each with the folders training and validation."
)
"""Where the data can be had."""

EXPECTED: dict[Split, SplitCounts] = {"train": SplitCounts(20210, 20210), "val": SplitCounts(2000, 2000), "test": SplitCounts(0, 0)}
"""The counts of the challenge's release."""

LISTED = """
wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door, table, mountain, plant,
curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat, fence, desk, rock, wardrobe, lamp,
bathtub, railing, cushion, base, box, column, signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator,
grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway, river, bridge, bookcase, blind, coffee table, toilet,
flower, book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel,
light, truck, tower, chandelier, awning, streetlight, booth, television receiver, airplane, dirt track, apparel, pole, land, bannister,
escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming pool, stool,
barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle, lake,
dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan, pier, crt screen, plate, monitor, bulletin
board, shower, radiator, glass, clock, flag
"""
"""The first of each class's names in the release's ``objectInfo150.txt``, in its order; names that stand twice are told apart."""

NAMES = tuple(" ".join(name.split()) for name in LISTED.split(","))

CLASSES = Classes(NAMES, spread_colours(len(NAMES)), {0: IGNORED, **{index + 1: index for index in range(len(NAMES))}})


def read_ade20k(root: Path) -> SegmentationData:
    """Reads ADE20K.

    Args:
        root: the folder with ``images`` and ``annotations``, or the one that it lies in as ``ADEChallengeData2016``.

    Raises:
        MissingFileError: a folder is missing.
        DataError: a folder has no image, or an image or a mask is without the other.
    """
    needed = [f"{kind}/{split}" for kind in ("images", "annotations") for split in ("training", "validation")]
    home = find_home(root, ("ADEChallengeData2016",), needed, WHERE)
    found = []
    for split in ("training", "validation"):
        images, masks = home / "images" / split, home / "annotations" / split
        found.append(paired(by_stem(images_in(images, deep=True), images), masks_by_stem(masks), masks))
    return SegmentationData("ade20k", CLASSES, found[0], found[1], (), home)
