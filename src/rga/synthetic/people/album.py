"""An album of generated people: a few images of each, in a folder per person, as people have their own images.

``make_album`` renders them with the people, the cameras and the places of ``rga.synthetic.people.people``. ``train/PERSON/NUMBER.jpg`` are
the images to learn from, ``query/PERSON/NUMBER.jpg`` new images of the same people. A person's images alternate between the cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from rga.synthetic.generated import Generator, Progress, check_whole_numbers
from rga.synthetic.people.world import SHOTS, World

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "album.json"
"""The file that says what a folder of them was made from."""


@dataclass(frozen=True, kw_only=True)
class AlbumOptions:
    """What to generate.

    Raises:
        ValueError: an option is out of its range.
    """

    people: int = 5
    """People."""
    train: int = 6
    """Images of each person to learn from."""
    query: int = 3
    """New images of each person."""
    cameras: int = 2
    """Cameras; each person is seen by a random subset of at least two."""
    height: int = 128
    """Rows of an image."""
    width: int = 64
    """Columns of an image."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "people": (2, 999),
            "train": (1, 999),
            "query": (0, 999),
            "cameras": (2, 9),
            "height": (32, 1024),
            "width": (16, 1024),
            "seed": (0, 2**63 - 1),
        }
        check_whole_numbers(self, ranges)


def render(root: Path, options: AlbumOptions, progress: Progress) -> None:
    """Writes all images below ``root``."""
    world = World(options.seed, options.cameras, (options.height, options.width))
    each = options.train + options.query
    for identity in range(1, options.people + 1):
        person = world.person(identity)
        for index, walk in enumerate(islice(cycle(world.walks(identity)), each)):
            shot = world.shoot(world.rng(SHOTS, identity, walk.camera, index), walk, person)
            path = root / ("train" if index < options.train else "query") / f"person{identity:02d}" / f"{index:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            shot.image.save(path, quality=shot.quality)
            progress((identity - 1) * each + index + 1, options.people * each)


GENERATOR = Generator("rga.synthetic.people.album", VERSION, ORIGIN, render)


def make_album(root: Path | str, options: AlbumOptions | None = None, progress: Progress | None = None) -> Path:
    """Renders images of a few people in folders; see ``Generator.make``.

    Args:
        root: the target, absent or an empty folder.
        options: what to generate; ``AlbumOptions()`` when left out.
        progress: called after each image with how many are done, and of how many.

    Returns:
        The target.

    Example:
        >>> import tempfile
        >>> root = make_album(Path(tempfile.mkdtemp()) / "album", AlbumOptions(people=2, train=2, query=1, height=32, width=16))
        >>> [len(list((root / part / "person02").iterdir())) for part in ("train", "query")]
        [2, 1]
    """
    return GENERATOR.make(root, options or AlbumOptions(), progress)
