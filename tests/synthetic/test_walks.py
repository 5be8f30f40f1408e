"""Generated people who walk: reproducible, moving from frame to frame, and hidden for a part of the way."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rga.errors import ExistingFileError, InputError
from rga.synthetic.people.walking import Crossings, Passage, draw_gait, film, paste, track_of
from rga.synthetic.people.walks import WalkOptions, make_walks
from rga.synthetic.people.world import World

SMALL = {"identities": 4, "cameras": 2, "frames": 1, "height": 32, "width": 16}
NEVER = Crossings(occlusion=0.0, company=0.0)


@pytest.fixture(scope="module")
def world() -> World:
    return World(0, 2, (48, 24))


def filmed(world: World, frames: int, crossings: Crossings = NEVER, track: int = 0) -> list[NDArray[np.float32]]:
    walk = world.walks(1)[0]
    return [np.asarray(image, np.float32) for image in film(world, walk, world.person(1), track, frames, crossings)]


def test_the_same_options_give_the_same_bytes_in_documented_folders(tmp_path: Path) -> None:
    options = WalkOptions(**SMALL, tracklets_per_camera=3)
    seen: list[tuple[int, int]] = []
    first = make_walks(tmp_path / "first", options, lambda done, total: seen.append((done, total)))
    assert seen == [(number, 24) for number in range(1, 25)]
    again = make_walks(tmp_path / "again", options)
    contents = [{path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.jpg")} for root in (first, again)]
    assert contents[0] == contents[1]
    assert min(contents[0]) == "gallery/0003/1/0002/001.jpg"
    assert Image.open(first / "train" / "0001" / "1" / "0001" / "001.jpg").size == (16, 32)
    tracks = {split: sorted(path.name for path in (first / split).glob("*/*/*")) for split in ("train", "query", "gallery")}
    assert tracks == {"train": sorted(["0001", "0002", "0003"] * 4), "query": ["0001"] * 4, "gallery": sorted(["0002", "0003"] * 4)}
    with pytest.raises(ExistingFileError):
        make_walks(first, options)


def test_another_seed_gives_other_people(world: World) -> None:
    other = World(1, 2, (48, 24))
    assert np.abs(filmed(world, 1)[0] - filmed(other, 1)[0]).mean() > 5


def test_people_walk_on_from_frame_to_frame(world: World) -> None:
    frames = filmed(world, 6)
    steps = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    assert min(steps) > 1
    gait = draw_gait(np.random.default_rng(0), world.person(1), world.walks(1)[0], 6)
    phases = [gait.pose_at(frame).phase for frame in range(6)]
    assert np.allclose(np.diff(phases), gait.rate)
    assert 0.35 <= gait.rate <= 0.6
    assert (gait.box.std(0) > 0).all()


def test_tracklets_of_a_person_by_a_camera_differ(world: World) -> None:
    first, again, other = filmed(world, 2), filmed(world, 2), filmed(world, 2, track=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.abs(first[0] - other[0]).mean() > 5
    assert track_of(world, world.walks(1)[0], 0)[1] == world.walks(1)[0]


def test_things_come_and_go(world: World) -> None:
    """With and without something that crosses, all else is the same: frames differ where it is."""
    plain, crossed = filmed(world, 12), filmed(world, 12, Crossings(occlusion=0.0, company=1.0))
    changed = [float((np.abs(a - b) > 30).mean()) for a, b in zip(plain, crossed, strict=True)]
    assert max(changed) > 0.1
    assert min(changed) < 0.02


def test_a_passage_leads_from_one_edge_to_the_other() -> None:
    right, left = (Passage(start=2.0, length=4.0, direction=direction) for direction in (1, -1))
    assert [right.at(frame) for frame in (1, 2, 4, 6, 7)] == [None, -1.0, 0.0, 1.0, None]
    assert left.at(2) == 1.0


def test_pixels_are_pasted_where_they_were_moved_to() -> None:
    image = np.arange(1, 6, dtype=np.uint8)[None, :, None].repeat(3, 2)
    for across, expected in ((0, [1, 0, 3, 4, 5]), (2, [0, 0, 1, 0, 3]), (-2, [3, 4, 5, 0, 0]), (5, [0] * 5), (-7, [0] * 5)):
        canvas = np.zeros((1, 5, 3), np.uint8)
        paste(canvas, image, np.array([[True, False, True, True, True]]), across)
        assert canvas[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identities": 3}, "identities is 3: expected a whole number from 4"),
        ({"tracklets_per_camera": 1}, "tracklets_per_camera is 1"),
        ({"frames": 0}, "frames is 0"),
        ({"occlusion": 1.5}, "occlusion is 1.5: expected a number from 0 to 1"),
        ({"company": True}, "company is True"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        WalkOptions(**options)
