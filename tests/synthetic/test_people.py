"""The generated people: layout, determinism, refusals, and that colours alone do not solve them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.datasets.contact_sheet import contact_sheet
from rga.datasets.histogram import histogram_features
from rga.synthetic.people import people
from rga.synthetic.people.body import Pose
from rga.synthetic.people.figure import View, draw_figure, make_person, pose_person
from rga.synthetic.people.people import GALLERY, QUERY, TRAIN, PeopleOptions, make_people

NAME = re.compile(r"(-1|\d{4})_c([1-9])s([1-9])_(\d{6})_(\d{2})\.jpg")
SMALL = PeopleOptions(identities=12, cameras=4, images_per_camera=3, distractors=9, junk=4)
TINY = PeopleOptions(identities=2, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)

Tag = tuple[int, int]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("data") / "people", SMALL)


def tag(path: Path) -> Tag:
    """Identity and camera by the file's name."""
    match = NAME.fullmatch(path.name)
    assert match is not None, path.name
    return int(match[1]), int(match[2])


def images(root: Path, folder: str) -> list[Path]:
    return sorted((root / folder).iterdir())


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_layout_is_that_of_market_1501(root: Path) -> None:
    assert sorted(path.name for path in root.iterdir()) == sorted([TRAIN, QUERY, GALLERY, "conditions.csv", "people.json"])
    for folder in (TRAIN, QUERY, GALLERY):
        for path in images(root, folder):
            tag(path)
            with Image.open(path) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))
    about = json.loads((root / "people.json").read_text())
    assert about["version"] == people.VERSION
    assert PeopleOptions(**about["options"]) == SMALL


def test_counts(root: Path) -> None:
    train, query, gallery = (Counter(tag(path) for path in images(root, folder)) for folder in (TRAIN, QUERY, GALLERY))
    assert {identity for identity, _ in train} == set(range(1, 7))
    assert set(train.values()) == {SMALL.images_per_camera}
    assert {identity for identity, _ in query} == set(range(7, 13))
    assert set(query.values()) == {1}
    tested = {key: count for key, count in gallery.items() if key[0] > 0}
    assert tested.keys() == query.keys()
    assert set(tested.values()) == {SMALL.images_per_camera - 1}
    assert sum(count for (identity, _), count in gallery.items() if identity == 0) == SMALL.distractors
    assert sum(count for (identity, _), count in gallery.items() if identity == -1) == SMALL.junk
    assert {identity for identity, _ in train}.isdisjoint(identity for identity, _ in query)


def test_every_query_has_a_match_under_another_camera(root: Path) -> None:
    gallery = {tag(path) for path in images(root, GALLERY)}
    for path in images(root, QUERY):
        identity, camera = tag(path)
        assert any(other == identity and seen != camera for other, seen in gallery)


def test_the_number_of_cameras_varies(root: Path) -> None:
    cameras = Counter(identity for identity, _ in {tag(path) for folder in (TRAIN, QUERY) for path in images(root, folder)})
    assert min(cameras.values()) >= 2
    assert len(set(cameras.values())) > 1


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        contents(make_people(tmp_path / name, PeopleOptions(**{**vars(TINY), "seed": seed})))
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert first == second
    assert set(first.values()).isdisjoint(other.values())


def test_images_do_not_depend_on_what_else_is_rendered(tmp_path: Path) -> None:
    alone = contents(make_people(tmp_path / "alone", TINY))
    more = contents(make_people(tmp_path / "more", PeopleOptions(**{**vars(TINY), "identities": 4, "distractors": 0, "junk": 0})))
    first = {name: data for name, data in alone.items() if "/0001_" in name}
    assert len(first) == 4
    assert first.items() <= more.items()


@pytest.mark.parametrize("existing", ["folder", "file"])
def test_refuses_a_target_that_holds_something(tmp_path: Path, existing: str) -> None:
    target = tmp_path / "people"
    kept = target / "kept.txt" if existing == "folder" else target
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(FileExistsError, match="name another target, or remove it first"):
        make_people(target, TINY)
    assert kept.read_text() == "mine"
    assert list(tmp_path.rglob("*")) == ([target, kept] if existing == "folder" else [target])


def test_an_empty_folder_is_a_target(tmp_path: Path) -> None:
    assert len(contents(make_people(tmp_path, TINY))) == 13


def test_nothing_is_left_after_a_failure(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_people(tmp_path / "people", TINY, stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make_people(tmp_path / "people", TINY, lambda done, total: told.append((done, total)))
    assert told == [(done, 11) for done in range(1, 12)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identities", 1),
        ("identities", 2.5),
        ("cameras", 1),
        ("cameras", 10),
        ("images_per_camera", 1),
        ("distractors", -1),
        ("junk", -1),
        ("height", 8),
        ("width", 8),
        ("seed", -1),
        ("seed", True),
    ],
)
def test_options_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{name} is .*: expected a whole number from"):
        PeopleOptions(**{name: value})  # type: ignore[arg-type]


def test_front_differs_from_back_and_people_differ() -> None:
    def drawn(seed: int, yaw: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        canvas = np.full((128, 64, 3), 128, np.uint8)
        draw_figure(canvas, pose_person(make_person(np.random.default_rng(seed)), Pose(stride=0.0), View(yaw=yaw)), (32.0, 66.0), 65.0)
        return canvas

    front, back, other = drawn(1, 0.0), drawn(1, np.pi), drawn(2, 0.0)
    assert (front != 128).any(2).mean() > 0.1
    head = slice(6, 24)
    assert (front[head] != back[head]).any(2).sum() > 20
    assert (front != other).any(2).sum() > 200
    assert np.array_equal(front, drawn(1, 2 * np.pi))


def test_colours_alone_do_not_tell_people_apart(root: Path) -> None:
    query, gallery = images(root, QUERY), images(root, GALLERY)
    features = histogram_features([*query, *gallery])
    assert features.shape == (len(query) + len(gallery), 6 * 8 * 4 * 4)
    assert features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    tags = np.asarray([tag(path) for path in gallery])
    similar = features[: len(query)] @ features[len(query) :].T  # (queries, gallery)
    first = []
    for row, (identity, camera) in zip(similar, map(tag, query), strict=True):
        valid = (tags[:, 0] >= 0) & ~((tags[:, 0] == identity) & (tags[:, 1] == camera))
        first.append(tags[valid][row[valid].argmax(), 0] == identity)
    assert np.mean(first) < 0.5  # six people to choose from; far less on a full set


def test_contact_sheet(root: Path) -> None:
    paths = images(root, TRAIN)
    sheet = contact_sheet([[paths[0], None, paths[1]], [paths[2]]], cell=(64, 32), gap=2)
    assert sheet.size == (2 + 3 * 34, 2 + 2 * 66)
    assert sheet.getpixel((2 + 34 + 5, 10)) == sheet.getpixel((0, 0))  # the free cell
    labelled = contact_sheet([paths[:2]], row_labels=["0001"], column_labels=["c1", "c2"], cell=(64, 32), gap=2)
    assert labelled.width > 2 + 2 * 34
    assert labelled.height > 2 + 66


def test_contact_sheet_refuses(root: Path) -> None:
    with pytest.raises(ValueError, match="no images"):
        contact_sheet([])
    with pytest.raises(ValueError, match="got 2 row labels for 1 rows"):
        contact_sheet([images(root, TRAIN)[:1]], row_labels=["a", "b"])


def test_small_images_under_many_cameras_are_rendered(tmp_path: Path) -> None:
    options = PeopleOptions(identities=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
    assert make_people(tmp_path / "people", options).is_dir()
