"""VeRi-776 on a few files with its names and labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rga.datasets.layout import DataError
from rga.ranking.evaluation import evaluate_distances
from rga.reid.datasets.veri import VehicleLabel, read_vehicle_labels, read_veri

FILES = {
    "image_train": ["0001_c001_00016450_0.jpg", "0001_c002_00016510_0.jpg", "0003_c020_00063535_0.jpg"],
    "image_query": ["0002_c002_00030600_0.jpg"],
    "image_test": ["0002_c002_00030600_0.jpg", "0002_c002_00030605_1.jpg", "0002_c003_00084280_0.jpg", "0776_c019_00084285_0.jpg"],
}
ITEM = '<Item imageName="{name}" vehicleID="{vehicle}" cameraID="c{camera}" colorID="{color}" typeID="{kind}" />'


def labels(names: list[str], **changed: str) -> bytes:
    """A file of labels as VeRi has them, with a declaration of GB 2312."""
    items = [
        ITEM.format(**{"name": name, "vehicle": name[:4], "camera": name[6:9], "color": "1", "kind": "4", **changed}) for name in names
    ]
    head = '<?xml version="1.0" encoding="gb2312"?>\n<TrainingImages Version="1.0">'
    return f'{head}<Items number="{len(items)}">{"".join(items)}</Items></TrainingImages>\n'.encode("ascii")


@pytest.fixture
def root(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    home = tmp_path / "VeRi"
    for folder, names in FILES.items():
        for name in names:
            write_image(home / folder / name)
    (home / "train_label.xml").write_bytes(labels(FILES["image_train"]))
    (home / "test_label.xml").write_bytes(labels(FILES["image_test"]))
    return tmp_path


def test_names_say_vehicle_and_camera(root: Path) -> None:
    data = read_veri(root)
    assert (data.name, data.root) == ("veri", root / "VeRi")
    assert [(sample.identity, sample.camera) for sample in data.train] == [(1, 1), (1, 2), (3, 20)]
    assert [(sample.identity, sample.camera) for sample in data.query] == [(2, 2)]
    assert [(sample.identity, sample.camera) for sample in data.gallery] == [(2, 2), (2, 2), (2, 3), (776, 19)]


def test_images_of_the_querys_own_camera_are_junk(root: Path) -> None:
    data = read_veri(root)
    ids, cameras = (np.array([getattr(sample, name) for sample in data.gallery]) for name in ("identity", "camera"))
    distances = np.array([[0.0, 0.1, 0.3, 0.2]])  # itself and its like are nearest, then another vehicle
    result = evaluate_distances(distances, np.array([2]), np.array([2]), ids, cameras)
    assert result.mAP == pytest.approx(0.5)


def test_labels_say_colour_and_type(root: Path) -> None:
    found = read_vehicle_labels(root / "VeRi" / "train_label.xml")
    assert found["0003_c020_00063535_0.jpg"] == VehicleLabel(vehicle=3, camera=20, color=1, kind=4)
    assert list(found) == FILES["image_train"]


def test_labels_may_be_missing(root: Path) -> None:
    whole = read_veri(root)
    for name in ("train_label.xml", "test_label.xml"):
        (root / "VeRi" / name).unlink()
    assert read_veri(root) == whole


@pytest.mark.parametrize("changed", [{"vehicle": "0007"}, {"camera": "007"}])
def test_labels_of_another_vehicle_or_camera_are_named(root: Path, changed: dict[str, str]) -> None:
    (root / "VeRi" / "test_label.xml").write_bytes(labels(FILES["image_test"], **changed))
    with pytest.raises(
        DataError, match=r"test_label\.xml says vehicle .* of 0002_c002_00030600_0\.jpg, whose name says vehicle 2 and camera 2"
    ):
        read_veri(root)


@pytest.mark.parametrize("content", [b"<Items", labels(["a.jpg"], vehicle="x"), b"<Items><Item imageName='a.jpg'/></Items>"])
def test_labels_that_are_none_are_named(root: Path, content: bytes) -> None:
    (root / "VeRi" / "train_label.xml").write_bytes(content)
    with pytest.raises(DataError, match=r"train_label\.xml does not hold the labels of VeRi"):
        read_veri(root)
