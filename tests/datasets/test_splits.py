"""Splits by their names, and by a hash."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rga.datasets.layout import DataError
from rga.datasets.splits import SPLITS, inner_home, name_of, split_by_hash, split_folders
from rga.errors import InputError


def make(folder: Path, *names: str) -> Path:
    """Folders with an image each."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").touch()
    return folder


def found(folder: Path) -> dict[str, str]:
    """The names of the folders of each split."""
    return {split: path.name for split, path in split_folders(folder, "classes").items()}


@pytest.mark.parametrize(
    ("names", "split"),
    [
        ("train Train TRAIN training Training train2017 train_set TrainSet trainset train-images trn trainval", "train"),
        ("val Val valid Valid validation VALIDATION val2017 validation_set valset dev eval evaluation", "val"),
        ("test Test testing Testing test_set test1 testset tst test_images", "test"),
        ("freight_train test_tube valley trainer cat contest seg_train train_test trainA retrain value testify bullet-train", None),
    ],
)
def test_names_of_splits(names: str, split: str | None) -> None:
    wrong = [name for name in names.split() if name_of(name) != split]
    assert not wrong


def test_folders_are_found_under_any_name(tmp_path: Path) -> None:
    assert found(make(tmp_path / "a", "Training", "Validation", "TESTING")) == {"train": "Training", "val": "Validation", "test": "TESTING"}
    assert found(make(tmp_path / "b", "cat", "dog")) == {}
    make(tmp_path / "b", ".train", "__MACOSX")
    assert found(tmp_path / "b") == {}
    (tmp_path / "a" / "classes.csv").touch()
    (tmp_path / "a" / "empty").mkdir()
    assert len(found(tmp_path / "a")) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("train val valid", "has 2 called like val: val and valid; leave one there"),
        ("Train train2017 test", "has 2 called like train: Train and train2017"),
        ("train trainval", "has 2 called like train"),
        ("train val holiday cat", "has train and val, called like splits of a dataset, and other images beside: cat, holiday"),
        ("test cat dog", "has test, called like a split of a dataset, .* cat, dog.* if all are classes .* add the option splits=no"),
        ("seg_train seg_test seg_pred", "has seg_test and seg_train: call splits train, val, test and nothing else"),
        ("trainA trainB testA", "has testA and trainA: call splits"),
        ("train_val_x other", "has train_val_x: call splits"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, names: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        found(make(tmp_path, *names.split()))


@pytest.mark.parametrize("inner", ["cat/train", "images/walk/Validation", "annotations/2017/test2017"])
def test_splits_within_other_folders_are_not_mixed(tmp_path: Path, inner: str) -> None:
    make(tmp_path, "dog", inner)
    with pytest.raises(DataError, match=f"has folders called like splits within its classes: {inner}. Put the splits first, as train/"):
        found(tmp_path)
    (tmp_path / inner / "a.png").unlink()
    assert found(tmp_path) == {}


def test_words_within_names_of_classes_are_no_splits(tmp_path: Path) -> None:
    assert found(make(tmp_path, "freight_train", "passenger_train", "test_tube", "valley")) == {}


def test_an_image_beside_splits_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "train", "val")
    (tmp_path / "loose.png").touch()
    with pytest.raises(DataError, match=r"other images beside: loose\.png"):
        found(tmp_path)


def test_an_only_folder_around_splits_is_entered(tmp_path: Path) -> None:
    make(tmp_path / "images", "training", "validation")
    assert inner_home(tmp_path) == tmp_path / "images"
    assert inner_home(tmp_path / "images") == tmp_path / "images"
    make(tmp_path / "cats", "walk1", "walk2")
    assert inner_home(tmp_path) == tmp_path


names = st.lists(st.text("abcdé/01", min_size=1, max_size=6), min_size=12, max_size=40, unique=True)


@given(names, st.integers(0, 3))
def test_one_more_moves_no_other(words: list[str], seed: int) -> None:
    shares = {"test": 0.3, "val": 0.3}
    before = dict(zip(words[1:], split_by_hash(words[1:], shares, seed), strict=True))
    after = dict(zip(words, split_by_hash(words, shares, seed), strict=True))
    alone = {word: split_by_hash([*map(str, range(200)), word], shares, seed)[-1] for word in words}  # where none stands in
    stand_ins = {word for word in words if after[word] != alone[word]} | {word for word in words[1:] if before[word] != alone[word]}
    assert {word for word in words[1:] if before[word] != after[word]} <= stand_ins
    assert len(stand_ins) <= 2 or len(set(alone.values())) < 3
    assert {word: after[word] for word in reversed(words)} == dict(zip(words[::-1], split_by_hash(words[::-1], shares, seed), strict=True))


@given(st.integers(3, 9), st.integers(0, 50))
def test_every_part_has_a_sample(count: int, seed: int) -> None:
    assert set(split_by_hash([str(number) for number in range(count)], {"test": 0.2, "val": 0.1}, seed)) == set(SPLITS)


def test_shares_are_about_what_was_asked_for_and_the_seed_matters() -> None:
    words = [f"cat/{number:04}" for number in range(4000)]
    parts = split_by_hash(words, {"val": 0.2, "test": 0.1}, 0)
    assert parts.count("val") == pytest.approx(800, abs=80)
    assert parts.count("test") == pytest.approx(400, abs=60)
    assert split_by_hash(words, {"val": 0.2, "test": 0.1}, 1) != parts
    assert split_by_hash(words, {"val": 0.2, "test": 0}, 0) == split_by_hash(words, {"val": 0.2}, 0)


def test_names_are_the_same_in_both_forms_of_unicode() -> None:
    composed, decomposed = [f"caf\u00e9{number}" for number in range(50)], [f"cafe\u0301{number}" for number in range(50)]
    assert split_by_hash(composed, {"val": 0.3}, 0) == split_by_hash(decomposed, {"val": 0.3}, 0)


def test_what_cannot_be_split_is_named() -> None:
    with pytest.raises(InputError, match=r"the share of val must be at least 0 and less than 1, got 1\.5"):
        split_by_hash(["a", "b"], {"val": 1.5}, 0)
    with pytest.raises(InputError, match=r"the shares of val and test are 1\.1 together: leave something to train on"):
        split_by_hash(["a", "b", "c"], {"val": 0.6, "test": 0.5}, 0)
    with pytest.raises(DataError, match="2 cannot be split into train, val, test"):
        split_by_hash(["a", "b"], {"val": 0.1, "test": 0.1}, 0)
