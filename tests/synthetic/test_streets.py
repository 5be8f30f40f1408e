"""The generated street scenes: layout, determinism, refusals, and labels that agree with what is painted."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.cityscapes import read_cityscapes, read_generated
from rga.synthetic.streets import streets
from rga.synthetic.streets.canvas import SUPERSAMPLING, Label, SceneCanvas, View
from rga.synthetic.streets.coco import SMALLEST_AREA, box_of
from rga.synthetic.streets.streets import StreetOptions, make_streets, paint_canvas, paint_scene

TINY = StreetOptions(train=3, val=2, test=1, height=64, width=128)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_streets(tmp_path_factory.mktemp("data") / "streets", TINY)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_layout_is_that_of_cityscapes(root: Path) -> None:
    for data in (read_cityscapes(root), read_generated(root)):
        assert (len(data.train), len(data.val), len(data.test)) == (3, 2, 1)
        report = check_data(data, open_images=True)
        assert report.ok, str(report)
    with Image.open(data.train[0].image) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (128, 64))
    about = json.loads((root / "streets.json").read_text())
    assert about["version"] == streets.VERSION
    assert StreetOptions(**about["options"]) == TINY


def test_the_other_layout_is_images_and_masks_in_splits(root: Path, tmp_path: Path) -> None:
    own = make_streets(tmp_path / "own", StreetOptions(**{**vars(TINY), "layout": "folder"}))
    images, masks = (sorted(path.relative_to(own / kind) for path in (own / kind).rglob("*.png")) for kind in ("images", "masks"))
    assert (
        images
        == masks
        == [Path(f"{split}/{number:04d}.png") for split, count in (("test", 1), ("train", 3), ("val", 2)) for number in range(count)]
    )
    data = read_generated(root)
    for sample, name in zip((*data.train, *data.val), [path for path in images if path.parts[0] != "test"], strict=True):
        assert (own / "images" / name).read_bytes() == sample.image.read_bytes()


def test_every_class_is_shown(tmp_path: Path) -> None:
    data = read_generated(make_streets(tmp_path / "streets", StreetOptions(train=12, val=0, test=0, height=64, width=128)))
    report = check_data(data, open_images=True)
    assert not report.untrained
    pixels = report.pixels("train")
    assert all(pixels[name] > 0.003 * sum(pixels.values()) for name in data.classes.names)
    assert pixels["(ignored)"] > 0


def test_same_seed_same_bytes(root: Path, tmp_path: Path) -> None:
    assert contents(make_streets(tmp_path / "again", TINY)) == contents(root)
    other = contents(make_streets(tmp_path / "other", StreetOptions(**{**vars(TINY), "seed": 1})))
    assert all(other[name] != data for name, data in contents(root).items() if name.endswith(".png"))


def test_an_image_does_not_depend_on_what_else_is_painted(root: Path, tmp_path: Path) -> None:
    fewer = contents(make_streets(tmp_path / "fewer", StreetOptions(**{**vars(TINY), "train": 1, "val": 1})))
    whole = contents(root)
    assert all(whole[name] == data for name, data in fewer.items() if name.endswith(".png"))


def test_what_is_painted_is_labelled() -> None:
    view = View(size=(40, 80), focal=40, horizon=20, centre=40, eye=1.0, haze=(200, 200, 200), sight=1e9, sun=(0.7, 0.7))
    canvas = SceneCanvas(view)
    canvas.face([(-1, 0, 2), (1, 0, 2), (1, 1, 2), (-1, 1, 2)], (250, 0, 0), Label.CAR)
    canvas.beam((1.5, 0, 4), (1.5, 2, 4), 0.4, (0, 250, 0), Label.POLE)
    canvas.disc((-1.5, 1, 4), (0.5, 0.25), (0, 0, 250), Label.VEGETATION)
    image, labels = np.asarray(canvas.image), np.asarray(canvas.labels)
    for channel, label in enumerate((Label.CAR, Label.POLE, Label.VEGETATION)):
        assert ((image[..., channel] == 250) == (labels == label)).all()
        assert (labels == label).any()
    assert labels[30, 40] == Label.CAR  # half a metre above the ground, two metres away: 40 * .5 / 2 below the horizon
    assert labels[10, 40] == Label.UNLABELLED


def test_distance_fades() -> None:
    view = View(size=(40, 80), focal=40, horizon=20, centre=40, eye=1.0, haze=(200, 210, 220), sight=10, sun=(0.7, 0.7))
    assert view.fade((0, 0, 0), 0) == (0, 0, 0)
    assert view.fade((0, 0, 0), 1e6) == (200, 210, 220)
    assert view.project((1, 1, 2)) == (60, 20)


def test_the_image_has_the_size_that_was_asked_for() -> None:
    image, labels = paint_scene(np.random.default_rng(3), 50, 70)
    assert image.size == labels.size == (70, 50)
    assert SUPERSAMPLING > 1
    assert set(np.unique(np.asarray(labels))) <= set(Label)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make_streets(tmp_path / "streets", StreetOptions(train=2, val=1, test=0, height=32, width=64), lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_is_overwritten_and_nothing_is_left_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        make_streets(tmp_path / "mine", TINY)

    def fails(*_: object) -> None:
        raise RuntimeError("no more paint")

    monkeypatch.setattr(streets, "paint_scene", fails)
    with pytest.raises(RuntimeError, match="no more paint"):
        make_streets(tmp_path / "streets", TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(("name", "value"), [("train", 0), ("val", -1), ("height", 16), ("width", 64.0), ("seed", True)])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}: expected a whole number from"):
        StreetOptions(**{name: value})  # type: ignore[arg-type]


def test_objects_are_written_in_cocos_format_and_agree_with_the_scene(tmp_path: Path) -> None:
    options = StreetOptions(train=2, val=1, test=1, height=64, width=128, layout="coco", seed=1)
    root = make_streets(tmp_path / "streets", options)
    assert sorted(path.name for path in (root / "annotations").iterdir()) == [
        f"instances_{split}.json" for split in ("test", "train", "val")
    ]
    content = json.loads((root / "annotations/instances_train.json").read_text())
    assert {each["id"]: each["name"] for each in content["categories"]} == {20: "traffic sign", 24: "person", 26: "car"}
    for index, image in enumerate(content["images"]):
        assert Image.open(root / "images/train" / image["file_name"]).size == (image["width"], image["height"]) == (128, 64)
        canvas = paint_canvas(np.random.default_rng([1, 0, index]), 64, 128, signs=True)
        labels = np.asarray(canvas.finish(np.random.default_rng(0))[1])
        seen = np.zeros((64, 128), np.int64)
        for each in (each for each in content["annotations"] if each["image_id"] == image["id"]):
            counts = np.array(each["segmentation"]["counts"])
            mask = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(64, 128, order="F")
            assert (labels[mask] == each["category_id"]).all()
            assert (each["area"], tuple(each["bbox"])) == (mask.sum(), box_of(mask))
            assert each["iscrowd"] or each["area"] >= SMALLEST_AREA
            seen[mask] += 1
        assert (seen == np.isin(labels, (20, 24, 26))).all()  # each pixel of a thing is in one object


def test_signs_change_nothing_else() -> None:
    plain, signed = (paint_canvas(np.random.default_rng(3), 64, 128, signs=signs) for signs in (False, True))
    ours, theirs = (np.asarray(canvas.labels) for canvas in (plain, signed))
    assert (theirs == 20).any()
    assert (ours == theirs)[theirs != 20].all()
