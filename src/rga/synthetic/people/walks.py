"""Tracklets of generated people who walk past cameras: a dataset for re-identification by video that needs no download.

``make_walks`` renders them with the people, the cameras and the places of ``rga.synthetic.people.people``, as folders
``{train,query,gallery}/IDENTITY/CAMERA/TRACKLET/FRAME.jpg``. The first half of the identities is for training. Of a test identity, the
first tracklet by each camera that sees it is a query, and the others are in the gallery.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rga.synthetic.generated import Generator, Progress, check_whole_numbers
from rga.synthetic.people.walking import Crossings, film
from rga.synthetic.people.world import World

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "walks.json"
"""The file that says what a folder of them was made from."""


@dataclass(frozen=True, kw_only=True)
class WalkOptions:
    """What to generate.

    Raises:
        InputError: an option is out of its range.
    """

    identities: int = 60
    """People: the first half is for training, the others for the test."""
    cameras: int = 4
    """Cameras; each person is seen by a random subset of at least two."""
    tracklets_per_camera: int = 2
    """Tracklets of a person under each camera that sees it."""
    frames: int = 12
    """Frames of a tracklet."""
    occlusion: float = Crossings.occlusion
    """Chance that something passes by in front of the person during a tracklet."""
    company: float = Crossings.company
    """Chance that somebody crosses in front of the person."""
    height: int = 96
    """Rows of an image."""
    width: int = 48
    """Columns of an image."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "identities": (4, 9999),
            "cameras": (2, 9),
            "tracklets_per_camera": (2, 99),
            "frames": (1, 999),
            "height": (32, 1024),
            "width": (16, 1024),
            "seed": (0, 2**63 - 1),
        }
        check_whole_numbers(self, ranges)
        self.crossings  # noqa: B018  its checks

    @property
    def crossings(self) -> Crossings:
        """How often something comes between a person and the camera.

        Raises:
            InputError: a chance is out of its range.
        """
        return Crossings(occlusion=self.occlusion, company=self.company)


def render(root: Path, options: WalkOptions, progress: Progress) -> None:
    """Writes all frames below ``root``."""
    world = World(options.seed, options.cameras, (options.height, options.width))
    walks = {identity: world.walks(identity) for identity in range(1, options.identities + 1)}
    total = options.tracklets_per_camera * options.frames * sum(map(len, walks.values()))
    done = 0
    for identity, past in walks.items():
        person = world.person(identity)
        for walk in past:
            for track in range(options.tracklets_per_camera):
                split = "train" if identity <= options.identities // 2 else "gallery" if track else "query"
                folder = root / split / f"{identity:04d}" / str(walk.camera + 1) / f"{track + 1:04d}"
                folder.mkdir(parents=True)
                for frame, image in enumerate(film(world, walk, person, track, options.frames, options.crossings), start=1):
                    image.save(folder / f"{frame:03d}.jpg", quality=world.cameras[walk.camera].quality)
                    done += 1
                    progress(done, total)


GENERATOR = Generator("rga.synthetic.people.walks", VERSION, ORIGIN, render)


def make_walks(root: Path | str, options: WalkOptions | None = None, progress: Progress | None = None) -> Path:
    """Renders tracklets of generated people in folders; see ``Generator.make``.

    Args:
        root: the target, absent or an empty folder.
        options: what to generate; ``WalkOptions()`` when left out.
        progress: called after each frame with how many are done, and of how many.

    Returns:
        The target.

    Example:
        >>> import tempfile
        >>> options = WalkOptions(identities=4, cameras=2, frames=2, height=32, width=16)
        >>> root = make_walks(Path(tempfile.mkdtemp()) / "walks", options)
        >>> [len(list((root / part).iterdir())) for part in ("train", "query", "gallery")], len(list(root.rglob("*.jpg")))
        ([2, 2, 2], 32)
    """
    return GENERATOR.make(root, options or WalkOptions(), progress)
