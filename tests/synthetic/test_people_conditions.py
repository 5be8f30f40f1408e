"""The conditions of the generated people: the table is right, each option has its effect, and by default no image changes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.errors import InputError
from rga.synthetic.generated import same_origin
from rga.synthetic.people import people, world
from rga.synthetic.people.body import Pose
from rga.synthetic.people.conditions import CHANCES, COLUMNS, Chances
from rga.synthetic.people.figure import Canvas, Figure, Mask, View, draw_figure, make_person, pose_person
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.people.scene import OBSTACLES, put_obstacle
from rga.synthetic.people.world import SHOTS, Shot, World

TINY = PeopleOptions(identities=2, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
GOLDEN = {
    "bounding_box_test/-1_c1s2_000001_01.jpg": (128.7, 124.2, 95.4),
    "bounding_box_test/0000_c2s2_000001_01.jpg": (157.6, 145.4, 123.4),
    "bounding_box_test/0000_c2s2_000002_01.jpg": (129.7, 144.7, 137.7),
    "bounding_box_test/0002_c1s1_027665_02.jpg": (105.8, 116.0, 79.0),
    "bounding_box_test/0002_c2s2_086589_04.jpg": (89.7, 103.3, 88.9),
    "bounding_box_train/0001_c1s2_019868_02.jpg": (132.4, 114.4, 103.3),
    "bounding_box_train/0001_c1s2_019886_02.jpg": (120.3, 108.8, 99.9),
    "bounding_box_train/0001_c2s1_070645_05.jpg": (119.1, 127.4, 128.0),
    "bounding_box_train/0001_c2s1_070674_05.jpg": (119.6, 128.5, 129.3),
    "query/0002_c1s1_027632_00.jpg": (71.7, 77.6, 52.2),
    "query/0002_c2s2_086602_00.jpg": (117.5, 133.6, 112.4),
}
"""Path -> mean red, green and blue of the images of ``TINY`` before there were options of conditions."""
SURE = Chances(occlusion=1.0, obstacles=2, clutter=1.0, company=1.0, company_in_front=1.0, cut=1.0)
NEVER = Chances(occlusion=0.0, clutter=0.0, company=0.0, company_in_front=0.0, cut=0.0)

Row = dict[str, str]


def table(root: Path) -> dict[str, Row]:
    with (root / "conditions.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = {row["path"]: row for row in reader}
        assert tuple(reader.fieldnames or ()) == COLUMNS
    return rows


def images(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("data") / "people", TINY)


@cache
def small_world() -> World:
    return World(3, 2, (32, 16))


def shots(chances: Chances, count: int = 8) -> list[Shot]:
    """Images of one person, each from a generator of its own."""
    small = small_world()
    small.chances = chances
    walk, person = small.walks(1)[0], small.person(1)
    return [small.shoot(small.rng(SHOTS, index), walk, person) for index in range(count)]


def test_images_of_the_defaults_are_what_they_were(usual: Path) -> None:
    means = {name: np.asarray(Image.open(usual / name), float).mean((0, 1)) for name in images(usual)}
    assert means.keys() == GOLDEN.keys()
    for name, expected in GOLDEN.items():
        np.testing.assert_allclose(means[name], expected, atol=1.0, err_msg=name)
    assert people.VERSION == 1


def test_the_table_has_a_row_for_each_image(tmp_path: Path) -> None:
    root = make_people(tmp_path / "people", replace(TINY, distractors=20, junk=5))
    rows = table(root)
    assert list(rows) == sorted(images(root))
    for path, row in rows.items():
        assert f"_c{row['camera']}s" in path
        empty = {name for name, value in row.items() if not value}
        assert empty <= {"occlusion", "offset_x", "offset_y", "zoom", "yaw", "view"}
        if not Path(path).name.startswith("0000"):
            assert empty <= {"occlusion"}  # somebody is there, but maybe all outside of a bad box
            assert abs(float(row["yaw"])) <= 180
    people_free = [row for row in rows.values() if not row["view"]]
    assert people_free
    assert all(not row["yaw"] and not row["occlusion"] for row in people_free)


def test_folders_without_a_table_are_of_the_same_origin(tmp_path: Path, usual: Path) -> None:
    """What was made before there were these options is what their defaults make."""
    about = json.loads((usual / "people.json").read_text())
    for name in ("test_identities", "occlusion", "obstacles", "clutter", "company", "company_in_front", "cut", "misalignment"):
        del about["options"][name]
    (tmp_path / "people.json").write_text(json.dumps(about))
    assert same_origin(tmp_path / "people.json", people.VERSION, TINY)
    assert not same_origin(tmp_path / "people.json", people.VERSION, replace(TINY, occlusion=0.3))


def test_a_figure_covers_the_pixels_that_it_is_drawn_on() -> None:
    person = make_person(np.random.default_rng(1))
    canvas, covered = np.full((128, 64, 3), 255, np.uint8), np.zeros((128, 64), bool)
    canvas[...] = (255, 0, 255)  # which nobody wears
    draw_figure(canvas, pose_person(person, Pose(stride=0.3), View(yaw=0.5)), (32.0, 66.0), 65.0, covered)
    np.testing.assert_array_equal(covered, (canvas != (255, 0, 255)).any(2))


def test_an_obstacle_covers_the_pixels_that_it_is_drawn_on() -> None:
    kinds = set()
    for seed in range(12):
        canvas = np.full((96, 48, 3), (255, 0, 255), np.uint8)
        kind, covered = put_obstacle(canvas, np.random.default_rng(seed))
        np.testing.assert_array_equal(covered, (canvas != (255, 0, 255)).any(2))
        kinds.add(kind)
    assert kinds == set(OBSTACLES)


def test_occlusion_is_the_share_of_the_person_that_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Mask] = []

    def draw(canvas: Canvas, figure: object, origin: object, scale: object, covered: Mask | None = None) -> None:
        assert covered is not None
        covered[10:30, 10:20] = True  # 200 pixels

    def hide(canvas: Canvas, rng: object) -> tuple[str, Mask]:
        covered = np.zeros(canvas.shape[:2], bool)
        covered[25:, :12] = True  # 5 rows and 2 columns of them
        seen.append(covered)
        return "bin", covered

    monkeypatch.setattr(world, "draw_figure", draw)
    monkeypatch.setattr(world, "put_obstacle", hide)
    (shot,) = shots(replace(NEVER, occlusion=1.0), 1)
    assert shot.conditions.occlusion == pytest.approx(10 / 200)
    assert shot.conditions.obstacle == "bin"
    (shot,) = shots(NEVER, 1)
    assert (shot.conditions.occlusion, shot.conditions.obstacle) == (0.0, "none")
    assert len(seen) == 1


def test_box_and_yaw_are_those_of_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[Figure, Mask]] = []

    def draw(canvas: Canvas, figure: Figure, origin: tuple[float, float], scale: float, covered: Mask | None = None) -> None:
        draw_figure(canvas, figure, origin, scale, covered)
        assert covered is not None
        drawn.append((figure, covered))

    monkeypatch.setattr(world, "draw_figure", draw)
    taken = shots(replace(NEVER, misalignment=0.04), 20)
    for shot, (figure, covered) in zip(taken, drawn, strict=True):
        conditions = shot.conditions
        height, width = covered.shape
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        if rows[0] > 0 and rows[-1] < height - 1 and columns[0] > 0 and columns[-1] < width - 1:  # all of it is inside
            assert conditions.zoom == pytest.approx((rows[-1] - rows[0]) / height, abs=0.05)
            assert conditions.offset_x == pytest.approx((columns[-1] + columns[0]) / 2 / width - 0.5, abs=0.1)
            assert conditions.offset_y == pytest.approx((rows[-1] + rows[0]) / 2 / height - 0.5, abs=0.04)
        yaw = np.degrees(figure.view.yaw)
        assert conditions.yaw == pytest.approx((yaw + 180) % 360 - 180)
        assert conditions.view == (
            "front" if np.cos(figure.view.yaw) > 0.5**0.5 else "back" if np.cos(figure.view.yaw) < -(0.5**0.5) else "side"
        )


def test_each_chance_has_its_effect() -> None:
    never, sure = (shots(chances) for chances in (NEVER, SURE))
    assert {shot.conditions.obstacle for shot in never} == {"none"}
    assert {shot.conditions.company for shot in never} == {"none"}
    assert {shot.conditions.clutter for shot in never} == {0}
    assert {shot.conditions.occlusion for shot in never} == {0.0}
    assert all(0.8 < (shot.conditions.zoom or 0) < 1 for shot in never)
    assert {kind for shot in sure for kind in shot.conditions.obstacle.split("+")} <= set(OBSTACLES)
    assert {shot.conditions.obstacle.count("+") for shot in sure} == {1}
    assert {shot.conditions.company for shot in sure} == {"both"}
    assert {shot.conditions.clutter for shot in sure} == {3}
    assert all((shot.conditions.zoom or 0) > 1 for shot in sure)
    assert np.mean([shot.conditions.occlusion or 0 for shot in sure]) > 0.05
    few, many = (shots(replace(NEVER, occlusion=1.0, obstacles=count)) for count in (1, 3))
    assert np.mean([shot.conditions.occlusion for shot in many]) > 1.5 * np.mean([shot.conditions.occlusion for shot in few])
    assert {shot.conditions.company for shot in shots(replace(NEVER, company=1.0))} == {"behind"}
    in_front = shots(replace(NEVER, company_in_front=1.0))
    assert {shot.conditions.company for shot in in_front} == {"front"}
    assert max(shot.conditions.occlusion or 0 for shot in in_front) > 0.02
    assert {shot.conditions.occlusion for shot in shots(replace(NEVER, company=1.0, clutter=1.0))} == {0.0}


def test_misalignment_moves_the_boxes_in_both_directions() -> None:
    def spread(misalignment: float) -> tuple[float, float]:
        taken = [shot.conditions for shot in shots(replace(NEVER, misalignment=misalignment), 40)]
        return float(np.std([each.offset_x or 0 for each in taken])), float(np.std([each.offset_y or 0 for each in taken]))

    usual, more = spread(0.0), spread(0.2)
    assert max(usual) < 0.08
    assert min(more) > 0.13


@pytest.mark.parametrize("name", ["occlusion", "clutter", "company", "company_in_front", "cut", "misalignment"])
def test_options_change_images_and_leave_others_alone(tmp_path: Path, usual: Path, name: str) -> None:
    """An option reaches the images; those whose conditions stay the same keep their bytes, but for the misaligned ones."""
    more = make_people(tmp_path / "more", PeopleOptions(**{**vars(TINY), name: 0.5}))
    before, after = images(usual), images(more)
    assert before.keys() == after.keys()
    assert before != after
    rows, others = table(usual), table(more)
    assert all(before[path] == after[path] for path in before if rows[path] == others[path])


@pytest.mark.parametrize(
    ("name", "value"), [("occlusion", 1.5), ("clutter", -0.1), ("company", float("nan")), ("cut", "0.1"), ("misalignment", True)]
)
def test_chances_out_of_range(name: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"{name} is .*: expected a number from 0 to 1"):
        PeopleOptions(**{name: value})  # type: ignore[arg-type]


def test_obstacles_out_of_range() -> None:
    with pytest.raises(InputError, match="obstacles is 0: expected a whole number from 1 to 9"):
        PeopleOptions(obstacles=0)


def test_defaults_of_the_options_are_those_of_the_chances() -> None:
    assert PeopleOptions().chances == CHANCES


def test_training_people_are_nested_and_the_test_is_the_same(tmp_path: Path) -> None:
    options = replace(TINY, test_identities=3, distractors=5, junk=3)
    few, many = (images(make_people(tmp_path / str(count), replace(options, identities=count))) for count in (2, 4))
    training = [{name: content for name, content in each.items() if name.startswith("bounding_box_train")} for each in (few, many)]
    assert {name.split("/")[1][:4] for name in training[0]} == {"0001", "0002"}
    assert {name.split("/")[1][:4] for name in training[1]} == {"0001", "0002", "0003", "0004"}
    assert training[0].items() < training[1].items()
    tests = [{name: content for name, content in each.items() if name not in own} for each, own in zip((few, many), training, strict=True)]
    assert tests[0] == tests[1]
    assert {name.split("/")[1][:4] for name in tests[0] if name.startswith("query")} == {"9997", "9998", "9999"}


def test_identities_and_those_of_the_test_have_four_digits() -> None:
    assert PeopleOptions(identities=9000, test_identities=999).tested[0] == 9001
    with pytest.raises(InputError, match="identities is 9000 and test_identities is 1000: expected 9999 people at most"):
        PeopleOptions(identities=9000, test_identities=1000)
    with pytest.raises(InputError, match="test_identities is 0: expected a whole number"):
        PeopleOptions(test_identities=0)
