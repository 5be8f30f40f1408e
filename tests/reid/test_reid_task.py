"""The data of a recipe: what is joined, and what is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.datasets.layout import DataError
from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidRecipe
from rga.reid.task import fit, read

PATTERN = r"c(\d)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders of the same names and sizes of files: a, and b with other pixels."""
    generator = np.random.default_rng(0)
    for name in "ab":
        for identity in range(6):
            for camera in (1, 2):
                path = tmp_path / name / f"{identity}" / f"c{camera}.bmp"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(generator.integers(0, 256, (8, 4, 3), dtype=np.uint8)).save(path)
    return tmp_path


def recipe(folder: Path, *others: str, test: str | None = None) -> ReidRecipe:
    data = DataSpec("folder", folder / "a", {"camera": PATTERN})
    test_data = None if test is None else DataSpec.parse(f"folder:{folder}/{test}")
    return ReidRecipe().override(
        data=data, also_train=tuple(DataSpec.parse(f"folder:{folder}/{name}") for name in others), test_data=test_data
    )


def test_other_people_in_files_of_the_same_names_and_sizes_are_no_copy(folder: Path) -> None:
    data = read(recipe(folder, "b"))
    assert data.counts["train"].identities == 6
    assert len({read(recipe(folder)).fingerprint, data.fingerprint}) == 2


def test_a_dataset_and_its_copy_are_not_joined(folder: Path) -> None:
    shutil.copytree(folder / "a", folder / "copy")
    (folder / "link").symlink_to(folder / "a")
    for again, says in (
        ("a", "'a' at .*a is named twice"),
        ("copy", "'copy' at .*copy is a copy of that at .*a"),
        ("link", "is a copy of"),
    ):
        with pytest.raises(DataError, match=f"{says}.* among the datasets to train on: name it once"):
            read(recipe(folder, again))
    with pytest.raises(DataError, match=r"'a' at .*a trains on .*, and 'a' at .*a tests on it"):
        read(recipe(folder, test="a?seed=1"))


def test_a_dataset_that_is_trained_and_tested_on_is_read_once(folder: Path) -> None:
    alone = read(recipe(folder))
    assert read(recipe(folder, test="a")).fingerprint == alone.fingerprint  # and its identities are in common
    both = read(recipe(folder, "b", test="b"))
    assert both.name == "a+b on b"
    assert (both.counts["train"].identities, both.counts["query"].identities) == (6, 3)


def test_the_options_of_the_dataset_are_those_of_the_others(folder: Path) -> None:
    assert read(recipe(folder, "b", test="b")).has_cameras
    assert not read(recipe(folder, test="b?camera=none")).has_cameras
    test, own, other = recipe(folder, "b?seed=2", test="b?test_fraction=0.3").datasets()
    assert (test.options, own.options) == ({"test_fraction": "0.3", "camera": PATTERN}, {"camera": PATTERN})
    assert other.options == {"seed": "2", "camera": PATTERN}


def test_samples_know_which_dataset_they_are_from(folder: Path) -> None:
    both = read(recipe(folder, "b"))
    assert {sample.path.parts[-3]: sample.domain for sample in both.train} == {"a": 0, "b": 1}
    assert {sample.domain for sample in (*both.query, *both.gallery)} == {0}
    assert {sample.domain for sample in read(recipe(folder)).train} == {0}


def test_balanced_batches_are_lowered_to_what_every_dataset_has(folder: Path) -> None:
    both = recipe(folder, "b").override(ids_per_batch=32)
    assert fit(both, read(both), 1).batches.ids_per_batch == 6
    assert fit(both, read(both), 2).batches.ids_per_batch == 6
    balanced = both.override(domain_balanced=True)
    data = read(balanced)
    fewer = replace(data, train=tuple(sample for sample in data.train if sample.domain == 0 or sample.identity != data.train[-1].identity))
    assert fit(balanced, data, 1).batches.ids_per_batch == 6
    assert fit(balanced, fewer, 1).batches.ids_per_batch == 4
    assert fit(balanced, fewer, 4).batches.ids_per_batch == 32  # two a share are too few: drawing says so
    assert fit(balanced.override(ids_per_batch=2), fewer, 1).batches.ids_per_batch == 2
