"""The generated fruit: layout, determinism, refusals, and that classes differ in what is drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.classification.datasets.catalog import CATALOG
from rga.errors import ExistingFileError, InputError
from rga.synthetic import fruit
from rga.synthetic.fruit import KINDS, FruitOptions, draw_fruit, make_fruit

TINY = FruitOptions(train=8, val=4, test=5, classes=4, size=24)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_fruit(tmp_path_factory.mktemp("data") / "fruit", TINY)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.png"))}


def test_layout_is_a_folder_per_class_in_splits(root: Path) -> None:
    data = CATALOG.load("folder", root)
    assert data.classes == tuple(sorted(KINDS))
    assert [len(part) for part in (data.train, data.val, data.test)] == [8, 4, 5]
    assert np.bincount(data.train.labels).tolist() == [2, 2, 2, 2]
    with Image.open(next(root.rglob("*.png"))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (24, 24))
    about = json.loads((root / "fruit.json").read_text())
    assert (about["version"], FruitOptions(**about["options"])) == (fruit.VERSION, TINY)


def test_same_seed_same_bytes_and_splits_differ(root: Path, tmp_path: Path) -> None:
    assert contents(make_fruit(tmp_path / "again", TINY)) == contents(root)
    other = contents(make_fruit(tmp_path / "other", FruitOptions(**{**vars(TINY), "seed": 1})))
    assert all(other[name] != data for name, data in contents(root).items())
    assert len(set(contents(root).values())) == 17


def test_an_image_does_not_depend_on_what_else_is_drawn(root: Path, tmp_path: Path) -> None:
    fewer = contents(make_fruit(tmp_path / "fewer", FruitOptions(**{**vars(TINY), "train": 4, "val": 0})))
    assert all(contents(root)[name] == data for name, data in fewer.items())


def test_a_banana_is_long_and_a_plum_is_blue() -> None:
    drawn = {name: np.stack([np.asarray(draw_fruit(np.random.default_rng(seed), name, 48)) for seed in range(30)]) for name in KINDS}
    middle = {name: images[:, 18:30, 18:30].mean(axis=(1, 2)) for name, images in drawn.items()}
    assert middle["plum"][:, 2].mean() > middle["apple"][:, 2].mean() + 20  # plums are bluer than apples
    assert (middle["banana"][:, 0] > middle["banana"][:, 2]).mean() > 0.8  # more red than blue: it is yellow
    kinds = {name: fruit.outline(KINDS[name], 20.0, 0.0, np.array([24.0, 24.0]))[0] for name in KINDS}
    height = {name: np.ptp([y for _, y in body]) / np.ptp([x for x, _ in body]) for name, body in kinds.items()}
    assert height["banana"] < 0.5 < height["pear"] < height["plum"] < height["apple"] == pytest.approx(1.0)


def test_a_folder_with_something_in_it_and_wrong_options_are_refused(root: Path) -> None:
    before = contents(root)
    with pytest.raises(ExistingFileError, match="not an empty folder"):
        make_fruit(root, TINY)
    assert contents(root) == before
    with pytest.raises(InputError, match="classes is 5: expected a whole number from 2 to 4"):
        FruitOptions(classes=5)
