"""Generated people: a dataset for person re-identification that needs no download.

``make_people`` renders people from a seed, with numpy and Pillow alone, and lays them out as Market-1501 (Zheng et al., ICCV 2015):
folders ``bounding_box_train``, ``query`` and ``bounding_box_test``, names such as ``0002_c1s1_000451_03.jpg`` (identity, camera,
sequence, frame, box), identity 0000 for distractors and -1 for junk. Here the sequence is the place under the camera. Half of the
identities are for training, or all of them where ``test_identities`` others are for the test. A test identity has one query under each
camera that sees it; its other images are in the gallery. ``conditions.csv`` says under which conditions each image was taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path

from rga.cores import cores
from rga.errors import InputError
from rga.synthetic.generated import Generator, Progress, check_whole_numbers
from rga.synthetic.people.conditions import CHANCES, FILE, Chances, cells, write_conditions
from rga.synthetic.people.world import CLUTTER, JUNK, SHOTS, WALKS, Shot, Walk, World
from rga.synthetic.side_by_side import rendered

VERSION = 1
"""Of the generator; the same version, options and libraries give the same bytes."""

ORIGIN = "people.json"
"""The file that says what a folder of them was made from."""

LAST = 9999
"""The largest identity: names have four digits."""

IMAGES_OF_A_STRANGER = 4

IMAGES_OF_A_PROCESS = 200
"""Fewer are not worth the start of a process."""

PROCESS = "rga.synthetic.people.share"
"""What each of several processes runs."""

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """What to generate.

    Raises:
        ValueError: an option is out of its range.
    """

    identities: int = 100
    """People: the first half is for training, the others for the test; with test_identities all are for training."""
    test_identities: int | None = None
    """People for the test, beside those for training; the whole test is the same for any number of people for training."""
    cameras: int = 6
    """Cameras; each person is seen by a random subset of at least two."""
    images_per_camera: int = 4
    """Images of a person under each camera that sees it."""
    distractors: int = 200
    """Images in the gallery that show nobody of the test: strangers, parts of people, background."""
    junk: int = 40
    """Images in the gallery that evaluation leaves out: bad boxes around people of the test."""
    occlusion: float = CHANCES.occlusion
    """Chance of a pole, a bin, a bush or a railing in front of a person."""
    obstacles: int = CHANCES.obstacles
    """How many such things are there then: three cover about a fifth of the person."""
    clutter: float = CHANCES.clutter
    """Chance of each of three such things behind the person."""
    company: float = CHANCES.company
    """Chance of somebody else behind the person."""
    company_in_front: float = CHANCES.company_in_front
    """Chance of somebody else in front of the person, at the edge of the image."""
    cut: float = CHANCES.cut
    """Chance that a box is smaller than the person."""
    misalignment: float = CHANCES.misalignment
    """Standard deviation of more offset of the boxes, across and down, in box sizes; they are always off by some 0.05 across."""
    height: int = 128
    """Rows of an image."""
    width: int = 64
    """Columns of an image."""
    seed: int = 0
    """All of it follows from this number."""

    def __post_init__(self) -> None:
        ranges = {
            "identities": (2, LAST),
            "cameras": (2, 9),
            "images_per_camera": (2, 99),
            "distractors": (0, 999_999),
            "junk": (0, 999_999),
            "height": (32, 1024),
            "width": (16, 1024),
            "seed": (0, 2**63 - 1),
        }
        if self.test_identities is not None:
            ranges["test_identities"] = 1, LAST - 1
        check_whole_numbers(self, ranges)
        if self.test_identities is not None and self.identities + self.test_identities > LAST:
            raise InputError(
                f"identities is {self.identities} and test_identities is {self.test_identities}: expected {LAST} people at most, "
                "whose numbers have four digits"
            )
        self.chances  # noqa: B018  its checks

    @property
    def chances(self) -> Chances:
        """How often images are taken under bad conditions.

        Raises:
            InputError: one of them is out of its range.
        """
        return Chances(**{field.name: getattr(self, field.name) for field in fields(Chances)})

    @property
    def trained(self) -> range:
        """The identities for training."""
        return range(1, 1 + (self.identities // 2 if self.test_identities is None else self.identities))

    @property
    def tested(self) -> range:
        """The identities of the test: the last numbers, where their number is chosen, so that they are the same for any training."""
        return (
            range(self.trained.stop, self.identities + 1)
            if self.test_identities is None
            else range(LAST + 1 - self.test_identities, LAST + 1)
        )


def file_name(identity: str, walk: Walk, frame: int, box: int) -> str:
    """A name as in Market-1501."""
    return f"{identity}_c{walk.camera + 1}s{walk.place + 1}_{frame:06d}_{box:02d}.jpg"


def people_shots(world: World, options: PeopleOptions, identity: int) -> Iterator[tuple[str, Shot]]:
    """All images of one identity, each with its path below the root."""
    training = identity in options.trained
    person = world.person(identity)
    for walk in world.walks(identity):
        queried = -1 if training else int(world.rng(WALKS, identity, walk.camera).integers(options.images_per_camera))
        frame = walk.frame
        for index in range(options.images_per_camera):
            rng = world.rng(SHOTS, identity, walk.camera, index)
            frame += int(rng.integers(5, 40))
            folder = TRAIN if training else QUERY if index == queried else GALLERY
            name = file_name(f"{identity:04d}", walk, frame, 0 if index == queried else 1 + int(rng.integers(5)))
            yield f"{folder}/{name}", world.shoot(rng, walk, person)


def clutter_shots(world: World, group: range) -> Iterator[tuple[str, Shot]]:
    """Distractors: a stranger, parts of the stranger, and places without anybody."""
    stranger = world.stranger(group.start // IMAGES_OF_A_STRANGER)
    for index in group:
        rng = world.rng(CLUTTER, index)
        walk = world.stray_walk(rng, 0, index + 1)
        kind = rng.random()
        if kind < 0.55:
            shot = world.shoot(rng, walk, stranger)
        elif kind < 0.8:
            shot = world.shoot(rng, walk, stranger, zoom=float(rng.uniform(1.0, 1.7)), off=float(rng.uniform(0.35, 0.6)))
        else:
            shot = world.shoot(rng, walk, None)
        yield f"{GALLERY}/{file_name('0000', walk, walk.frame, 1)}", shot


def junk_shots(world: World, options: PeopleOptions, index: int) -> Iterator[tuple[str, Shot]]:
    """Junk: a box around too little of a person of the test."""
    rng = world.rng(JUNK, index)
    identity = options.tested[int(rng.integers(len(options.tested)))]
    walk = world.stray_walk(rng, identity, index + 1)
    shot = world.shoot(rng, walk, world.person(identity), zoom=float(rng.uniform(1.5, 2.4)), off=float(rng.uniform(0.1, 0.4)))
    yield f"{GALLERY}/{file_name('-1', walk, walk.frame, 1)}", shot


def shots(world: World, options: PeopleOptions) -> list[Iterator[tuple[str, Shot]]]:
    """All images, in groups that do not depend on one another and that are rendered when they are asked for."""
    distractors = range(options.distractors)
    return [
        *(people_shots(world, options, identity) for identity in (*options.trained, *options.tested)),
        *(clutter_shots(world, distractors[start : start + IMAGES_OF_A_STRANGER]) for start in distractors[::IMAGES_OF_A_STRANGER]),
        *(junk_shots(world, options, index) for index in range(options.junk)),
    ]


def render_share(root: Path, options: PeopleOptions, share: int = 0, shares: int = 1) -> Iterator[tuple[str, list[str]]]:
    """Writes every so manieth group of images below ``root``, and yields the rows of their table."""
    world = world_of(options)
    for path, shot in chain.from_iterable(shots(world, options)[share::shares]):
        shot.image.save(root / path, quality=shot.quality)
        yield path, cells(shot.conditions)


def world_of(options: PeopleOptions) -> World:
    """The world that the options describe."""
    return World(options.seed, options.cameras, (options.height, options.width), options.chances)


def render(root: Path, options: PeopleOptions, progress: Progress) -> None:
    """Writes all images below ``root``, and the table of their conditions; by several processes, where there are many images."""
    for folder in (TRAIN, QUERY, GALLERY):
        (root / folder).mkdir()
    world = world_of(options)
    people = sum(len(world.walks(identity)) for identity in (*options.trained, *options.tested))
    total = options.images_per_camera * people + options.distractors + options.junk
    processes = min(cores(), total // IMAGES_OF_A_PROCESS)
    order = {"root": str(root.absolute()), "options": asdict(options)}
    everything = rendered(PROCESS, order, processes) if processes > 1 else render_share(root, options)
    rows: list[tuple[str, list[str]]] = []
    for path, row in everything:
        rows.append((path, row))
        progress(len(rows), total)
    write_conditions(root / FILE, sorted(rows))


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
