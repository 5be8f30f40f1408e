"""Generated people: a dataset for person re-identification that needs no download.

``make_people`` renders people from a seed, with numpy and Pillow alone, and lays them out as Market-1501 (Zheng et al., ICCV 2015):
folders ``bounding_box_train``, ``query`` and ``bounding_box_test``, names such as ``0002_c1s1_000451_03.jpg`` (identity, camera,
sequence, frame, box), identity 0000 for distractors and -1 for junk. Here the sequence is the place under the camera. Half of the
identities are for training. A test identity has one query under each camera that sees it; its other images are in the gallery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from PIL import Image

from rga.synthetic.generated import Generator, Progress, check_whole_numbers
from rga.synthetic.people.world import CLUTTER, JUNK, SHOTS, WALKS, Walk, World

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "people.json"
"""The file that says what a folder of them was made from."""

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """What to generate.

    Raises:
        ValueError: an option is out of its range.
    """

    identities: int = 100
    """People: the first half is for training, the others for the test."""
    cameras: int = 6
    """Cameras; each person is seen by a random subset of at least two."""
    images_per_camera: int = 4
    """Images of a person under each camera that sees it."""
    distractors: int = 200
    """Images in the gallery that show nobody of the test: strangers, parts of people, background."""
    junk: int = 40
    """Images in the gallery that evaluation leaves out: bad boxes around people of the test."""
    height: int = 128
    """Rows of an image."""
    width: int = 64
    """Columns of an image."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "identities": (2, 9999),
            "cameras": (2, 9),
            "images_per_camera": (2, 99),
            "distractors": (0, 999_999),
            "junk": (0, 999_999),
            "height": (32, 1024),
            "width": (16, 1024),
            "seed": (0, 2**63 - 1),
        }
        check_whole_numbers(self, ranges)


Shot = tuple[str, int, Image.Image]
"""Path of an image below the root, JPEG quality, image."""


def file_name(identity: str, walk: Walk, frame: int, box: int) -> str:
    """A name as in Market-1501."""
    return f"{identity}_c{walk.camera + 1}s{walk.place + 1}_{frame:06d}_{box:02d}.jpg"


def people_shots(world: World, options: PeopleOptions, identity: int) -> Iterator[Shot]:
    """All images of one identity."""
    training = identity <= options.identities // 2
    person = world.person(identity)
    for walk in world.walks(identity):
        queried = -1 if training else int(world.rng(WALKS, identity, walk.camera).integers(options.images_per_camera))
        frame = walk.frame
        for index in range(options.images_per_camera):
            rng = world.rng(SHOTS, identity, walk.camera, index)
            frame += int(rng.integers(5, 40))
            folder = TRAIN if training else QUERY if index == queried else GALLERY
            name = file_name(f"{identity:04d}", walk, frame, 0 if index == queried else 1 + int(rng.integers(5)))
            yield f"{folder}/{name}", world.cameras[walk.camera].quality, world.shoot(rng, walk, person)


def clutter_shots(world: World, options: PeopleOptions) -> Iterator[Shot]:
    """The distractors: strangers, parts of strangers, and places without anybody."""
    for index in range(options.distractors):
        rng = world.rng(CLUTTER, index)
        walk = world.stray_walk(rng, 0, index + 1)
        if index % 4 == 0:  # four images of each
            stranger = world.stranger(index // 4)
        kind = rng.random()
        if kind < 0.55:
            image = world.shoot(rng, walk, stranger)
        elif kind < 0.8:
            image = world.shoot(rng, walk, stranger, zoom=float(rng.uniform(1.0, 1.7)), off=float(rng.uniform(0.35, 0.6)))
        else:
            image = world.shoot(rng, walk, None)
        yield f"{GALLERY}/{file_name('0000', walk, walk.frame, 1)}", world.cameras[walk.camera].quality, image


def junk_shots(world: World, options: PeopleOptions) -> Iterator[Shot]:
    """The junk: boxes around too little of a person of the test."""
    for index in range(options.junk):
        rng = world.rng(JUNK, index)
        identity = options.identities // 2 + 1 + int(rng.integers(options.identities - options.identities // 2))
        walk = world.stray_walk(rng, identity, index + 1)
        image = world.shoot(rng, walk, world.person(identity), zoom=float(rng.uniform(1.5, 2.4)), off=float(rng.uniform(0.1, 0.4)))
        yield f"{GALLERY}/{file_name('-1', walk, walk.frame, 1)}", world.cameras[walk.camera].quality, image


def render(root: Path, options: PeopleOptions, progress: Progress) -> None:
    """Writes all images below ``root``."""
    for folder in (TRAIN, QUERY, GALLERY):
        (root / folder).mkdir()
    world = World(options.seed, options.cameras, (options.height, options.width))
    identities = range(1, options.identities + 1)
    total = options.images_per_camera * sum(len(world.walks(identity)) for identity in identities) + options.distractors + options.junk
    everything = chain(
        *(people_shots(world, options, identity) for identity in identities), clutter_shots(world, options), junk_shots(world, options)
    )
    for done, (path, quality, image) in enumerate(everything, start=1):
        image.save(root / path, quality=quality)
        progress(done, total)


GENERATOR = Generator("rga.synthetic.people.people", VERSION, ORIGIN, render)


def make_people(root: Path | str, options: PeopleOptions | None = None, progress: Progress | None = None) -> Path:
    """Renders a dataset of generated people in the layout of Market-1501; see ``Generator.make``.

    Args:
        root: the target, absent or an empty folder.
        options: what to generate; ``PeopleOptions()`` when left out.
        progress: called after each image with how many are done, and of how many.

    Returns:
        The target.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "people"
        >>> root = make_people(folder, PeopleOptions(identities=2, cameras=2, images_per_camera=2, distractors=0, junk=0))
        >>> [len(list((root / part).iterdir())) for part in ("bounding_box_train", "query", "bounding_box_test")]
        [4, 2, 2]
    """
    return GENERATOR.make(root, options or PeopleOptions(), progress)
