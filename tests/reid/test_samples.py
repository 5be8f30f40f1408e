"""Counts, fingerprint, labels, joined sets and the hold-out."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rga.datasets.fingerprint import fingerprint
from rga.datasets.layout import DataError
from rga.ranking.labels import DISTRACTOR, JUNK
from rga.reid.datasets.joining import join
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts, by_identity, choose_queries, relabel, validation_split

ROOT = Path("images")


def samples(*people: tuple[int, int | None], folder: str = "a") -> tuple[Sample, ...]:
    return tuple(Sample(ROOT / folder / f"{index}.jpg", identity, camera) for index, (identity, camera) in enumerate(people))


def a_set(name: str, shift: int = 0) -> ReidData:
    return ReidData(
        name,
        train=samples((1 + shift, 1), (1 + shift, 2), (5 + shift, 1), folder=f"{name}/train"),
        query=samples((7 + shift, 1), folder=f"{name}/query"),
        gallery=samples((7 + shift, 2), (DISTRACTOR, 3), folder=f"{name}/gallery"),
        root=ROOT / name,
    )


def changed(data: ReidData, **splits: tuple[Sample, ...]) -> ReidData:
    chosen: dict[str, Any] = dict(splits)
    return replace(data, **chosen)


def test_counts_leave_out_distractors_of_the_gallery() -> None:
    counts = a_set("a").counts
    assert counts == {"train": SplitCounts(2, 3, 2), "query": SplitCounts(1, 1, 1), "gallery": SplitCounts(1, 2, 2)}


def test_cameras_are_there_when_the_whole_test_has_them() -> None:
    data = a_set("a")
    assert data.has_cameras
    assert not replace(data, query=samples((7, None), folder="q"), gallery=samples((7, None), folder="g")).has_cameras
    assert not replace(data, query=(), gallery=()).has_cameras


@pytest.mark.parametrize(("split", "index"), [("query", 0), ("gallery", 0), ("gallery", 1)])
def test_a_camera_that_is_missing_is_refused(split: str, index: int) -> None:
    data = a_set("a")
    some = list(data.split(split))
    some[index] = replace(some[index], camera=None)
    with pytest.raises(DataError, match=rf"1 of 3 images have no camera, the first is {split}/{index}\.jpg: give the cameras of all"):
        changed(data, **{split: tuple(some)})


def test_an_image_stands_once_in_a_split_and_is_one_person_by_one_camera() -> None:
    data = a_set("a")
    for split in ("train", "query", "gallery"):
        with pytest.raises(DataError, match=rf"{split} holds {split}/0\.jpg twice"):
            changed(data, **{split: (*data.split(split), data.split(split)[0])})
    asked = data.query[0]
    assert len(replace(data, gallery=(*data.gallery, asked)).gallery) == 3  # the query's own camera is left out
    for other, says in ((replace(asked, identity=8), "identity 8 by camera 1"), (replace(asked, camera=2), "identity 7 by camera 2")):
        for split in ("train", "gallery"):
            with pytest.raises(DataError, match=rf"query/0\.jpg is in two splits, .*as {says}|as {says} and as identity 7 by camera 1"):
                changed(data, **{split: (*data.split(split), other)})


@pytest.mark.parametrize(("query", "gallery", "says"), [(True, False, "empty gallery"), (False, True, "empty query")])
def test_half_a_test_is_refused(query: bool, gallery: bool, says: str) -> None:
    data = a_set("a")
    with pytest.raises(DataError, match=says):
        ReidData("half", data.train, data.query if query else (), data.gallery if gallery else (), ROOT)


@pytest.mark.parametrize(("split", "identity"), [("query", 0), ("query", -1), ("gallery", -2)])
def test_identities_that_are_no_people_are_refused_with_what_to_do(split: str, identity: int) -> None:
    data = a_set("a")
    wrong = (*data.split(split), *samples((identity, 1), folder="a/odd"))
    with pytest.raises(DataError, match=rf"{split} .*odd.* has the identity {identity} .1 of .*add 1 to the identities of both"):
        changed(data, **{split: wrong})


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="no sample in any split"):
        ReidData("empty", (), (), (), ROOT)


def test_labels_go_from_zero_in_order() -> None:
    assert relabel(samples((9, 1), (2, 1), (9, 2), (4, 1))) == {2: 0, 4: 1, 9: 2}


def test_fingerprint_tells_content_and_not_path(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    def copy(folder: str) -> ReidData:
        root = tmp_path / folder
        paths = [root / "x" / "1.png", root / "2.png"]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"1234")
        return ReidData(folder, tuple(Sample(path, 1, 1) for path in paths), (), (), root)

    first, second = copy("first"), copy("second")
    assert len(first.fingerprint) == 16
    assert first.fingerprint == second.fingerprint
    assert replace(first, train=first.train[::-1]).fingerprint == first.fingerprint
    relabelled = replace(first, train=(replace(first.train[0], identity=2), first.train[1]))
    moved = replace(first, train=(replace(first.train[0], camera=None), first.train[1]))
    lost = replace(first, train=first.train[1:])
    second.train[0].path.write_bytes(b"12345")
    grown = replace(second)
    assert len({data.fingerprint for data in (first, relabelled, moved, lost, grown)}) == 5


def test_joined_sets_share_no_identity_and_no_camera() -> None:
    first, second = a_set("a"), a_set("b")
    both = join("both", first, second)
    assert [(sample.identity, sample.camera) for sample in both.train] == [(1, 1), (1, 2), (2, 1), (3, 3), (3, 4), (4, 3)]
    assert [sample.path for sample in both.train] == [sample.path for sample in (*first.train, *second.train)]
    assert (both.query, both.gallery) == ((), ())
    assert both.root == ROOT.absolute()


def test_the_fingerprint_of_joined_sets_does_not_tell_where_each_lies(tmp_path: Path) -> None:
    def at(folder: str) -> ReidData:
        root = tmp_path / folder
        made = [Sample(root / f"{identity}-{number}.png", identity, None) for identity in (1, 2) for number in (1, 2)]
        root.mkdir(parents=True, exist_ok=True)
        for sample in made:
            sample.path.write_bytes(b"1234")
        return ReidData("some", tuple(made), (), (), root)

    first, second, moved = at("a"), at("b"), at("far/away/b")
    together = join("both", first, second).fingerprint
    assert join("both", first, moved).fingerprint == together
    held_out, again = (validation_split(join("both", first, other), 1, 0).fingerprint for other in (second, moved))
    assert held_out == again
    alone = [f"train\t{identity}-{number}.png\t{identity}\tNone\t4" for identity in (1, 2) for number in (1, 2)]
    assert first.fingerprint == fingerprint(alone)  # that of a set alone stays what it was before sets were joined so
    (moved.root / "1-1.png").rename(moved.root / "one.png")
    other = replace(moved, train=(replace(moved.train[0], path=moved.root / "one.png"), *moved.train[1:]))
    assert join("both", first, other).fingerprint != together


def test_train_on_one_and_test_on_another() -> None:
    data = join("a-to-b", a_set("a"), test=a_set("b"))
    trained = {sample.identity for sample in data.train}
    assert not trained & {sample.identity for sample in data.query}
    assert data.query[0].identity == data.gallery[0].identity
    assert data.gallery[1].identity == DISTRACTOR
    with_junk = replace(a_set("b"), gallery=(*a_set("b").gallery, *samples((JUNK, 1), folder="b/junk")))
    joined = join("a-to-b", a_set("a"), test=with_junk)
    assert [sample.identity for sample in joined.gallery][1:] == [DISTRACTOR, JUNK]
    assert joined.counts["gallery"].identities == 1
    assert {sample.camera for sample in data.train}.isdisjoint({sample.camera for sample in (*data.query, *data.gallery)})


def test_a_joined_set_that_is_also_tested_on_keeps_its_identities_in_common() -> None:
    first = a_set("a")
    overlapping = replace(first, query=samples((5, 1), folder="q"), gallery=samples((5, 2), folder="g"))
    data = join("both", a_set("b"), overlapping, test=overlapping)
    assert data.query[0].identity == data.train[-1].identity
    assert data.query[0].camera == data.train[-1].camera


def test_sets_that_share_images_are_not_joined(tmp_path: Path) -> None:
    first = a_set("a")
    with pytest.raises(DataError, match=r"'a' at images/a and 'again' at images/a both train on images/a/train/0\.jpg: name one of them"):
        join("twice", first, replace(first, name="again"))
    elsewhere = tmp_path / "link"
    elsewhere.symlink_to(ROOT.absolute())
    there = replace(first, train=tuple(replace(sample, path=elsewhere / sample.path.relative_to(ROOT)) for sample in first.train))
    with pytest.raises(DataError, match="both train on"):
        join("twice", first, there)
    other = replace(a_set("b"), query=samples((9, 1), folder="a/train"), gallery=samples((9, 2), folder="g"))
    for sets in ((first,), (first, other)):
        with pytest.raises(DataError, match=r"'a' at images/a trains on images/a/train/0\.jpg, and 'b' at images/b tests on it"):
            join("leak", *sets, test=other)


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        join("none")


def many(cameras: int | None, identities: int = 6, images: int = 4) -> ReidData:
    people = [(i, None if cameras is None else 1 + n % cameras) for i in range(identities) for n in range(images)]
    return ReidData("many", samples(*people), (), (), ROOT)


@pytest.mark.parametrize("cameras", [2, None], ids=["cameras", "no cameras"])
def test_hold_out(cameras: int | None) -> None:
    data = many(cameras)
    held = validation_split(data, 2, seed=1)
    trained, looked_for = {s.identity for s in held.train}, {s.identity for s in held.query}
    assert (len(trained), len(looked_for)) == (4, 2)
    assert not trained & looked_for
    assert {s.identity for s in held.gallery} == looked_for
    assert len(held.query) == 2 * (cameras or 1)
    assert sorted(s.path for s in (*held.train, *held.query, *held.gallery)) == sorted(s.path for s in data.train)
    assert held == validation_split(data, 2, seed=1)
    assert held.name == "many-validation"


def test_people_counted_from_0_are_not_lost_when_they_are_held_out() -> None:
    """MSMT17 counts them so; in a test 0 would be a distractor."""
    data = many(2)
    assert min(sample.identity for sample in data.train) == 0
    from_one = replace(data, train=tuple(replace(sample, identity=sample.identity + 1) for sample in data.train))
    for seed in range(6):
        held = validation_split(data, 2, seed)
        assert held == validation_split(from_one, 2, seed)
        assert len({sample.identity for sample in held.query} - {DISTRACTOR}) == 2


def test_hold_out_depends_on_the_seed() -> None:
    assert len({validation_split(many(2), 2, seed).query for seed in range(8)}) > 1


@pytest.mark.parametrize("identities", [0, 6, -1])
def test_hold_out_leaves_something_to_train_on(identities: int) -> None:
    with pytest.raises(ValueError, match=r"of the 6 training identities.*between 1 and 5"):
        validation_split(many(2), identities, seed=0)


def test_hold_out_without_second_images_is_refused() -> None:
    with pytest.raises(DataError, match="second image"):
        validation_split(many(None, images=1), 2, seed=0)


def test_hold_out_of_one_camera_and_of_mixed_cameras_is_refused() -> None:
    with pytest.raises(DataError, match=r"has an image by another camera \(the cameras are 1\) to find"):
        validation_split(many(1), 2, seed=0)
    mixed = join("mixed", many(2), replace(many(None), train=samples(*[(1, None)] * 4, folder="b")))
    with pytest.raises(DataError, match=r"4 of 28 images have no camera, the first is b/0\.jpg"):
        validation_split(mixed, 2, seed=0)


@pytest.mark.parametrize(
    ("people", "queries"),
    [
        ([(1, 1), (1, 2)], [1]),  # a second query would leave nothing to find
        ([(1, 1), (1, 1)], []),  # nothing by another camera
        ([(1, 1), (1, 1), (1, 2)], [1]),
        ([(1, 1), (1, 1), (1, 2), (1, 2)], [1, 2]),
        ([(1, 1), (1, 2), (1, 3)], [1, 2]),
        ([(1, None), (1, None), (2, None)], [None]),
    ],
)
def test_each_query_has_something_to_find(people: list[tuple[int, int | None]], queries: list[int | None]) -> None:
    query, gallery = choose_queries(samples(*people), random.Random(0))
    assert [sample.camera for sample in query] == queries
    assert len(query) + len(gallery) == len(people)
    for sample in query:
        matches = by_identity(gallery)[sample.identity]
        assert any(sample.camera is None or match.camera != sample.camera for match in matches)


def test_people_who_are_counted_from_0_are_people_where_they_are_trained_on() -> None:
    """0 is a distractor in a gallery alone."""
    one = ReidData("one", (Sample(Path("a.jpg"), 0, 1), Sample(Path("b.jpg"), 1, 1)), (), (), Path())
    tested = ReidData("two", (), (Sample(Path("q.jpg"), 5, 1),), (Sample(Path("g.jpg"), 5, 2), Sample(Path("d.jpg"), 0, 1)), Path())
    joined = join("both", one, test=tested)
    assert [sample.identity for sample in joined.train] == [1, 2]
    (query,) = joined.query
    assert [sample.identity for sample in joined.gallery] == [query.identity, 0]
    assert query.identity not in (1, 2)
