"""Generated street scenes: a dataset for segmentation that needs no download.

``make_streets`` paints streets from a seed, with numpy and Pillow alone, and lays them out as Cityscapes (Cordts et al., CVPR 2016):
``leftImg8bit/SPLIT/CITY/CITY_SEQUENCE_FRAME_leftImg8bit.png`` and ``gtFine/SPLIT/CITY/..._gtFine_labelIds.png``, with Cityscapes' labels.
As there, train and val have masks and test has none; each split has a city of its own. Another layout is that of people's own images:
``images/SPLIT/NUMBER.png`` and ``masks/SPLIT/NUMBER.png``, where test has masks, too. A third one is COCO's, with each person, car and
traffic sign as an object, see ``rga.synthetic.streets.coco``; signs are drawn in it alone. Some images show the bonnet of the car that
carries the camera, which is labelled as such and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from rga.synthetic.generated import Generator, Progress, check_whole_numbers
from rga.synthetic.streets.canvas import SUPERSAMPLING, Label, SceneCanvas
from rga.synthetic.streets.coco import CocoFile
from rga.synthetic.streets.street import draw_street, draw_view, paint_ground, paint_houses, paint_sky
from rga.synthetic.streets.things import paint_things

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "streets.json"
"""The file that says what a folder of them was made from."""

CITIES = {"train": "aquarelle", "val": "vedute", "test": "tempera"}
"""The city of each split."""


@dataclass(frozen=True, kw_only=True)
class StreetOptions:
    """What to generate.

    Raises:
        ValueError: an option is out of its range.
    """

    train: int = 160
    """Images to train on."""
    val: int = 40
    """Images to test on."""
    test: int = 4
    """Images without masks; in the layouts folder and coco, images with masks or objects to test on."""
    height: int = 128
    """Rows of an image."""
    width: int = 256
    """Columns of an image."""
    layout: Literal["cityscapes", "folder", "coco"] = "cityscapes"
    """cityscapes; folder: images and masks, inside train, val and test; or coco: images, and files with the objects in them."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "train": (1, 999_999),
            "val": (0, 999_999),
            "test": (0, 999_999),
            "height": (32, 2048),
            "width": (32, 4096),
            "seed": (0, 2**63 - 1),
        }
        check_whole_numbers(self, ranges)


def paint_scene(rng: np.random.Generator, height: int, width: int) -> tuple[Image.Image, Image.Image]:
    """Paints one street, without signs.

    Args:
        rng: from which all of it follows.
        height: of the image.
        width: of the image.

    Returns:
        The image, RGB, and its labels, 8 bits a pixel, as Cityscapes numbers them.

    Example:
        >>> image, labels = paint_scene(np.random.default_rng(0), 64, 128)
        >>> image.size, labels.size, Label.ROAD in np.asarray(labels)
        ((128, 64), (128, 64), True)
    """
    return paint_canvas(rng, height, width).finish(rng)


def paint_canvas(rng: np.random.Generator, height: int, width: int, *, signs: bool = False) -> SceneCanvas:
    """Paints one street on a canvas that is not finished; arguments as for ``paint_scene``.

    Args:
        rng: from which all of it follows; with signs, all else is the same.
        height: of the image.
        width: of the image.
        signs: whether some posts carry traffic signs.
    """
    view, sky = draw_view(rng, (SUPERSAMPLING * height, SUPERSAMPLING * width))
    canvas, street = SceneCanvas(view, signs=signs), draw_street(rng)
    paint_sky(canvas, rng, sky)
    paint_ground(canvas, rng, street)
    paint_houses(canvas, rng, street)
    paint_things(canvas, rng, street)
    if rng.random() < 0.5:
        paint_bonnet(canvas, rng)
    return canvas


def paint_bonnet(canvas: SceneCanvas, rng: np.random.Generator) -> None:
    """The front of the car that carries the camera, at the lower edge."""
    height, width = canvas.view.size
    grey = int(rng.uniform(20, 90))
    top = height * float(rng.uniform(0.9, 0.97))
    box = (-0.15 * width, top, 1.15 * width, top + 0.6 * height)
    canvas.brush.ellipse(box, fill=(grey, grey, grey + 6))
    canvas.marker.ellipse(box, fill=Label.EGO_VEHICLE)
    canvas.tracer.ellipse(box, fill=0)


def paths(layout: str, split: str, index: int) -> tuple[str, ...]:
    """Where an image and its mask lie, if the split has masks.

    Example:
        >>> paths("folder", "test", 3), paths("cityscapes", "test", 3)
        (('images/test/0003.png', 'masks/test/0003.png'), ('leftImg8bit/test/tempera/tempera_000003_000019_leftImg8bit.png',))
    """
    if layout == "folder":
        return f"images/{split}/{index:04d}.png", f"masks/{split}/{index:04d}.png"
    if layout == "coco":
        return (f"images/{split}/{index:06d}.png",)
    name = f"{split}/{CITIES[split]}/{CITIES[split]}_{index:06d}_000019"
    image, mask = f"leftImg8bit/{name}_leftImg8bit.png", f"gtFine/{name}_gtFine_labelIds.png"
    return (image,) if split == "test" else (image, mask)


def paint(root: Path, options: StreetOptions, progress: Progress) -> None:
    """Writes all images and masks below ``root``."""
    counts = {"train": options.train, "val": options.val, "test": options.test}
    done, total = 0, sum(counts.values())
    for number, (split, count) in enumerate(counts.items()):
        objects = CocoFile()
        for index in range(count):
            rng = np.random.default_rng([options.seed, number, index])
            if options.layout == "coco":
                canvas = paint_canvas(rng, options.height, options.width, signs=True)
                scene: tuple[Image.Image, ...] = canvas.finish(rng)[:1]
                objects.add(Path(paths("coco", split, index)[0]).name, canvas.visible_objects(), canvas.object_labels)
            else:
                scene = paint_scene(rng, options.height, options.width)
            for part, path in zip(scene, paths(options.layout, split, index), strict=False):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                part.save(root / path)
            done += 1
            progress(done, total)
        if options.layout == "coco" and count:
            objects.write(root / "annotations" / f"instances_{split}.json")


GENERATOR = Generator("rga.synthetic.streets.streets", VERSION, ORIGIN, paint)


def make_streets(root: Path | str, options: StreetOptions | None = None, progress: Progress | None = None) -> Path:
    """Paints a dataset of generated street scenes in the layout of Cityscapes; see ``Generator.make``.

    Args:
        root: the target, absent or an empty folder.
        options: what to generate; ``StreetOptions()`` when left out.
        progress: called after each image with how many are done, and of how many.

    Returns:
        The target.

    Example:
        >>> import tempfile
        >>> options = StreetOptions(train=2, val=1, test=1, height=32, width=64)
        >>> root = make_streets(Path(tempfile.mkdtemp()) / "streets", options)
        >>> len(list(root.rglob("*_leftImg8bit.png"))), len(list(root.rglob("*_labelIds.png")))
        (4, 3)
    """
    return GENERATOR.make(root, options or StreetOptions(), progress)
