"""The report on a dataset, and its command."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rga.cli.commands.data import check
from rga.datasets.layout import DataError
from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError
from rga.ranking.labels import DISTRACTOR
from rga.reid.datasets.check import NAMED_CAMERA, cautions, check_data, check_findable
from rga.reid.datasets.folder import read_folder
from rga.reid.datasets.samples import ReidData, Sample, SplitCounts

WriteImage = Callable[[Path], Path]
EXPECTED = {"train": SplitCounts(2, 3, 2), "query": SplitCounts(1, 1, 1), "gallery": SplitCounts(1, 2)}


@pytest.fixture
def sound(tmp_path: Path, write_image: WriteImage) -> ReidData:
    def sample(name: str, identity: int, camera: int) -> Sample:
        return Sample(write_image(tmp_path / f"{name}.jpg"), identity, camera)

    return ReidData(
        "sound",
        train=(sample("t1", 1, 1), sample("t2", 1, 2), sample("t3", 2, 1)),
        query=(sample("q1", 3, 1),),
        gallery=(sample("g1", 3, 2), sample("g2", DISTRACTOR, 1)),
        root=tmp_path,
    )


def changed(data: ReidData, **splits: tuple[Sample, ...]) -> ReidData:
    chosen: dict[str, Any] = dict(splits)
    return replace(data, **chosen)


def test_sound_data(sound: ReidData) -> None:
    done: list[tuple[int, int]] = []
    report = check_data(sound, EXPECTED, open_images=True, progress=lambda number, of: done.append((number, of)))
    assert report.ok
    assert report.found == sound.counts
    assert report.fingerprint == sound.fingerprint
    assert report.single_image_identities == (2,)
    assert not any([report.duplicates, report.damaged, report.unmatched_queries, report.overlapping_identities])
    assert done == [(number, 6) for number in range(1, 7)]


def test_the_text_of_a_report(sound: ReidData) -> None:
    text = str(check_data(sound, EXPECTED))
    assert text == "\n".join(
        [
            f"sound at {sound.root}",
            f"fingerprint {sound.fingerprint}",
            "",
            "split    identities    images  cameras   expected",
            "train             2         3        2   as expected",
            "query             1         1        1   as expected",
            "gallery           1         2        2   as expected",
            "",
            "note     1 training identity has a single image: 2",
            "note     images were not opened, damaged ones are not known",
            "ok",
        ]
    )


def test_wrong_counts(sound: ReidData) -> None:
    report = check_data(sound, EXPECTED | {"train": SplitCounts(751, 12_936, 6)})
    assert report.wrong_counts == ("train",)
    assert not report.ok
    assert "751 identities, 12,936 images, 6 cameras" in str(report)
    assert "PROBLEM  1 split does not hold what it should: train" in str(report)


def test_cameras_count_where_they_are_said(sound: ReidData) -> None:
    assert check_data(sound, {"gallery": SplitCounts(1, 2)}).ok
    assert not check_data(sound, {"gallery": SplitCounts(1, 2, 3)}).ok


def test_damaged_images_are_found_when_opened(sound: ReidData) -> None:
    cut_short, no_image = sound.train[0].path, sound.gallery[0].path
    content = cut_short.read_bytes()
    cut_short.write_bytes(content[: len(content) - 20])
    no_image.write_text("a page of an expired link")
    assert check_data(sound).ok
    report = check_data(sound, open_images=True)
    assert [path for path, _ in report.damaged] == ["g1.jpg", "t1.jpg"]
    assert all(reason for _, reason in report.damaged)
    assert not report.ok
    assert "PROBLEM  2 images cannot be decoded: g1.jpg (" in str(report)


def test_duplicates_are_told(sound: ReidData) -> None:
    sound.train[1].path.write_bytes(sound.train[0].path.read_bytes())
    report = check_data(sound)
    assert report.duplicates == (("t1.jpg", "t2.jpg"),)
    assert report.ok
    assert "note     1 group of files has the same content: t1.jpg = t2.jpg" in str(report)


def test_an_image_that_is_trained_and_tested_on_is_a_problem(sound: ReidData) -> None:
    for tested in (*sound.query, *sound.gallery):
        before = tested.path.read_bytes()
        tested.path.write_bytes(sound.train[0].path.read_bytes())
        report = check_data(sound)
        assert report.duplicates == report.leaked == ((tested.path.name, "t1.jpg"),)
        assert not report.contradictory
        assert not report.ok
        named = f"{tested.path.name} = t1.jpg"
        assert f"PROBLEM  1 image is trained on and tested on, in files of the same content: {named}" in str(report)
        assert report.to_dict()["leaked"] == [[tested.path.name, "t1.jpg"]]
        tested.path.write_bytes(before)


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [("q1", "g1", True), ("q1", "g2", True), ("g1", "g2", True), ("t1", "t3", True), ("t1", "t2", False)],
)
def test_files_of_the_same_content_under_several_labels_are_a_problem(first: str, second: str, wrong: bool, sound: ReidData) -> None:
    (sound.root / f"{first}.jpg").write_bytes((sound.root / f"{second}.jpg").read_bytes())
    report = check_data(sound)
    assert bool(report.contradictory) == wrong
    assert report.ok != wrong
    said = f"PROBLEM  1 image has several identities or cameras, in files of the same content: {min(first, second)}.jpg = "
    assert (said in str(report)) == wrong


def test_cameras_that_are_not_known_or_are_no_cameras_are_told(sound: ReidData, write_image: WriteImage) -> None:
    assert "the cameras are not known: images by the query's own camera" in str(check_data(without_cameras(sound)))
    each = [Sample(write_image(sound.root / f"more{number}.jpg"), 3, number) for number in range(20)]
    strange = changed(sound, query=tuple(each[:2]), gallery=tuple(each[2:]))
    assert "20 cameras in 20 images: is it the camera that the names or the table say?" in str(check_data(strange))


def test_a_file_in_two_splits_is_no_duplicate_of_itself(sound: ReidData) -> None:
    assert not check_data(changed(sound, gallery=(*sound.gallery, *sound.query))).duplicates


def test_identities_on_both_sides(sound: ReidData, write_image: WriteImage) -> None:
    report = check_data(changed(sound, train=(*sound.train, Sample(write_image(sound.root / "t4.jpg"), 3, 1))))
    assert report.overlapping_identities == (3,)
    assert not report.ok


def test_a_training_identity_zero_is_no_distractor(sound: ReidData) -> None:
    assert check_data(changed(sound, train=(Sample(sound.train[0].path, 0, 1),))).ok


def test_queries_follow_the_camera_rule(sound: ReidData, write_image: WriteImage) -> None:
    asked = sound.query[0]
    unseen = Sample(write_image(sound.root / "q2.jpg"), 9, 1)
    same_camera = Sample(write_image(sound.root / "g3.jpg"), 9, 1)
    report = check_data(changed(sound, query=(asked, unseen), gallery=(*sound.gallery, same_camera)))
    assert report.unmatched_queries == ("q2.jpg",)
    assert report.ok
    assert "1 of 2 queries has nothing to find by another camera and does not count" in str(report)

    def blind(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(Sample(sample.path, sample.identity, None) for sample in samples)

    assert not check_data(changed(sound, query=blind((asked, unseen)), gallery=blind((*sound.gallery, same_camera)))).unmatched_queries


def test_a_test_in_which_nothing_can_be_found(sound: ReidData) -> None:
    report = check_data(changed(sound, gallery=sound.gallery[1:]))
    assert not report.ok
    assert "PROBLEM  1 of 1 queries has nothing to find" in str(report)


def without_cameras(data: ReidData, **splits: tuple[Sample, ...]) -> ReidData:
    chosen = {name: splits.get(name, data.split(name)) for name in ("train", "query", "gallery")}
    return changed(data, **{name: tuple(replace(sample, camera=None) for sample in samples) for name, samples in chosen.items()})


def test_a_query_does_not_find_itself(sound: ReidData) -> None:
    asked = sound.query[0]
    copy = Sample(sound.root / "copy.jpg", asked.identity, None)
    copy.path.write_bytes(asked.path.read_bytes())
    assert without_cameras(sound).files is None
    for itself in (asked, copy):
        both = without_cameras(sound, gallery=(*sound.gallery, itself))
        assert both.files is not None
        query, gallery = both.files
        assert (query == gallery).tolist() == [False, False, True]
        assert not check_data(both).unmatched_queries
        alone = without_cameras(sound, gallery=(itself, sound.gallery[1]))
        assert check_data(alone).unmatched_queries == ("q1.jpg",)
        with pytest.raises(DataError, match=r"none of the 1 queries of 'sound' has anything to find: .* only the queries themselves"):
            check_findable(alone)
        check_findable(both)
    assert changed(sound, gallery=(*sound.gallery, asked)).files is None  # the camera rule leaves it out


def test_a_test_in_which_nothing_can_be_found_is_refused(sound: ReidData) -> None:
    check_findable(sound)
    check_findable(changed(sound, query=(), gallery=()))
    one_camera = tuple(replace(sample, camera=1) for sample in sound.gallery)
    with pytest.raises(DataError, match=r"by their own cameras alone, which do not count \(the cameras are 1\); test on images of several"):
        check_findable(changed(sound, gallery=one_camera))
    with pytest.raises(DataError, match="the gallery holds none of their identities; compare the identities of both"):
        check_findable(changed(sound, gallery=sound.gallery[1:]))


def test_file_names_that_seem_to_say_the_camera_are_told(tmp_path: Path, write_image: WriteImage) -> None:
    for name in ("walk_c1_1", "walk_c12_2", "run_c2_1"):
        write_image(tmp_path / "query" / "ann" / f"{name}.jpg")
        write_image(tmp_path / "gallery" / "ann" / f"{name}_more.jpg")
    hint = r"file names such as run_c2_1.jpg seem to say them: in folders, camera=_c(\d+) reads them"
    assert hint in str(check_data(read_folder(tmp_path)))
    assert check_data(read_folder(tmp_path, camera=r"_c(\d+)")).notes == ()
    write_image(tmp_path / "gallery" / "ann" / "portrait.jpg")
    assert "seem to say" not in str(check_data(read_folder(tmp_path)))


def test_long_lists_are_cut_short(sound: ReidData, write_image: WriteImage) -> None:
    train = tuple(Sample(write_image(sound.root / f"t{identity}.jpg"), identity, 1) for identity in range(10, 20))
    assert "10 training identities have a single image: 10, 11, 12, 13, 14 and 5 more" in str(check_data(changed(sound, train=train)))


@pytest.fixture
def folder(tmp_path: Path, write_image: WriteImage) -> Path:
    for name in ("train/ann/1.jpg", "train/ann/2.jpg", "query/bob/1.jpg", "gallery/bob/2.jpg"):
        write_image(tmp_path / "people" / name)
    return tmp_path / "people"


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(DataSpec("folder", folder), task="reid", open_images=True, output=tmp_path / "report.json") == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"people at {folder}\nfingerprint ")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["ok"]
    assert report["found"]["train"] == {"identities": 1, "images": 2, "cameras": 0}


def test_the_command_on_a_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "query" / "bob").rename(folder / "query" / "ann")
    assert check(DataSpec("folder", folder), task="reid") == 1
    assert "PROBLEM" in capsys.readouterr().out


def test_the_command_without_data(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no folder .*nowhere"):
        check(DataSpec("market1501", tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"unknown dataset 'market': did you mean market1501\?"):
        check(DataSpec("market", tmp_path))
    with pytest.raises(
        InputError, match="'folder' has no option 'allow_subset': it takes camera, test_fraction, seed, known, splits, case"
    ):
        check(DataSpec("folder", tmp_path, {"allow_subset": "true"}), task="reid")


@pytest.mark.slow
def test_the_command_on_a_subset(project: Path) -> None:
    root = project.parent / "shared" / "data" / "cuhk03-pair1"
    if not root.is_dir():
        pytest.skip("camera pair 1 of CUHK03 is not on this machine")
    assert check(DataSpec("cuhk03-labeled", root, {"allow_subset": "true"})) == 0
    with pytest.raises(DataError, match=r"8,177 of the 14,096 images .*allow_subset=True"):
        check(DataSpec("cuhk03-labeled", root))


@pytest.mark.parametrize(("name", "camera"), [("c3", "3"), ("0001_cam12", "12"), ("a_c1s4", "1"), ("Camera-2_x", "2"), ("cat3", None)])
def test_names_that_seem_to_say_a_camera(name: str, camera: str | None) -> None:
    found = NAMED_CAMERA.search(name)
    assert (found and found[2]) == camera


def test_a_test_of_known_people_is_in_order_unless_a_query_is_trained_on(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    for person in ("ann", "bob"):
        for number in range(3):
            write_image(tmp_path / person / f"{number}.jpg")
    data = read_folder(tmp_path, known=True)
    report = check_data(data)
    assert report.ok
    assert (report.overlapping_identities, report.leaked) == ((), ())
    assert report.notes[0].startswith("the people of the test are those of the training")
    assert cautions(data) == list(report.notes)
    assert not read_folder(tmp_path).known_people
    data.query[0].path.write_bytes(data.train[0].path.read_bytes())
    again = check_data(read_folder(tmp_path, known=True))
    assert not again.ok
    assert len(again.leaked) == 1


def test_queries_that_are_trained_on_are_told(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    """The same files as in the training split: no two files have the same content, and the people are known in any case."""
    samples = [Sample(write_image(tmp_path / f"{person}{number}.jpg"), person, None) for person in (1, 2) for number in range(3)]
    data = ReidData("known", tuple(samples), tuple(samples[::3]), tuple(samples), tmp_path)
    assert data.known_people
    report = check_data(data)
    assert report.trained_queries == ("10.jpg", "20.jpg")
    assert not report.ok
    assert "PROBLEM  2 queries are trained on: 10.jpg, 20.jpg" in str(report)
    assert report.to_dict()["trained_queries"] == ["10.jpg", "20.jpg"]
    assert "2 queries are trained on: 10.jpg, 20.jpg" in cautions(data)
    held_out = ReidData("new", tuple(samples[3:]), tuple(samples[:1]), tuple(samples[1:3]), tmp_path)
    assert (check_data(held_out).trained_queries, check_data(held_out).ok) == ((), True)
