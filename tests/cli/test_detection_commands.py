"""Detection from the command line, as a user types it: make, check, train, evaluate, detect, report; and the gallery's detector."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.terminal import rga
from rga.detection.datasets.masks import read_segmentation
from rga.errors import InputError
from rga.gallery.enrolment.detectors.opening import open_detector
from rga.gallery.enrolment.detectors.own_detector import OwnDetector
from rga.gallery.enrolment.frames.frame import Frame

pytest.importorskip("pycocotools")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few street scenes with objects, and a run of one epoch on them."""
    work = tmp_path_factory.mktemp("work")
    words = ("--train", 2, "--val", 1, "--test", 0, "--height", 64, "--width", 128, "--layout", "coco", "--seed", 1)
    done = rga("data", "make", "streets", "streets", *words, cwd=work)
    assert done.code == 0, done.said
    assert "train on it with rga train detection/generated --data coco:streets" in done.said
    tiny = "--backbone test_resnet --image-size 64 128 --pyramid-channels 8 --head-width 8 --rois-per-image 16 --epochs 1 --largest-grid 4"
    done = rga(
        "train", "detection/generated", "--data", "coco:streets", "-o", "run", *tiny.split(), "--num-workers", 0, "--threads", 1, cwd=work
    )
    assert done.code == 0, done.said
    assert "rga detect run IMAGES -o detected" in done.said
    return work


def test_a_dataset_is_checked(objects: Path) -> None:
    done = rga("data", "check", "coco:streets", "--open-images", cwd=objects)
    assert (done.code, done.err) == (0, "")
    assert "traffic sign" in done.out
    assert done.out.endswith("ok\n")


def test_a_run_is_measured_and_reported(objects: Path, tmp_path: Path) -> None:
    done = rga("evaluate", "run", "--num-workers", 0, "-o", tmp_path / "figures.json", cwd=objects)
    assert done.code == 0, done.err
    assert "mask AP" in done.out
    assert json.loads((tmp_path / "figures.json").read_text())["boxes"]["by_class"].keys() == {"traffic sign", "person", "car"}
    done = rga("report", "run", "-o", tmp_path / "report.html", cwd=objects)
    assert done.code == 0, done.err
    page = (tmp_path / "report.html").read_text()
    for text in ("Detection on streets: RGA-SC", "mask AP", "Categories", "Objects"):
        assert text in page
    done = rga("export", "run", "-o", tmp_path / "model.onnx", cwd=objects)
    assert (done.code, "a detection model gives lists of objects" in done.err) == (2, True)
    done = rga("embed", "run", "streets", "-o", tmp_path / "never.npz", cwd=objects)
    assert "is for detection: use rga detect or rga evaluate with it" in done.err


def test_detect_prints_json_or_writes_it_beside_images(objects: Path, tmp_path: Path) -> None:
    Image.new("L", (70, 50), 90).save(tmp_path / "grey.png")
    done = rga("detect", objects / "run", tmp_path / "grey.png", "--min-score", 0)
    assert done.code == 0, done.err
    (found,) = json.loads(done.out).values()
    assert (found["width"], found["height"], found["file"]) == (70, 50, str(tmp_path / "grey.png"))
    first = found["objects"][0]
    assert first.keys() == {"class", "score", "bbox", "segmentation"}
    mask = read_segmentation(first["segmentation"], (50, 70))
    assert mask is not None
    assert mask.mask().shape == (50, 70)
    (tmp_path / "damaged.jpg").write_bytes(b"none")
    words = (
        "detect",
        objects / "run",
        objects / "streets/images/val",
        tmp_path / "damaged.jpg",
        "-o",
        tmp_path / "out",
        "--min-score",
        0.1,
    )
    done = rga(*words)
    assert (done.code, "1 of 2 images cannot be read" in done.said) == (2, True)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["000000.jpg", "detections.json"]
    assert Image.open(tmp_path / "out/images/000000.jpg").size == (128, 64)
    done = rga(*words)
    assert (done.code, "is there already" in done.err) == (2, True)
    assert rga(*words, "--overwrite", "--skip-damaged").code == 0
    done = rga("detect", objects / "run", tmp_path, "--min-score", 2)
    assert (done.code, "--min-score lies between 0 and 1" in done.err) == (2, True)


def test_a_gallery_finds_people_by_a_model_of_ours(objects: Path, tmp_path: Path) -> None:
    detector = open_detector(str(objects / "run"), min_score=0.0)
    assert isinstance(detector, OwnDetector)
    image = np.asarray(Image.open(objects / "streets/images/val/000000.png"))
    found = detector(Frame(image))
    own = detector.model.detect(image, min_score=0.0)[0]
    people = own.labels == 1
    assert len(found) == people.sum() > 0
    np.testing.assert_allclose(found.boxes[:, :2], own.boxes[people][:, :2])
    np.testing.assert_allclose(found.boxes[:, 2:], own.boxes[people][:, 2:] - own.boxes[people][:, :2], rtol=1e-5)
    config = json.loads((objects / "run/best/config.json").read_text())
    (tmp_path / "cars").mkdir()
    for file in (objects / "run/best").iterdir():
        (tmp_path / "cars" / file.name).write_bytes(file.read_bytes())
    config["classes"]["names"][1] = "bicycle"
    (tmp_path / "cars/config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="has the categories traffic sign, bicycle, car, and none called 'person'"):
        OwnDetector(tmp_path / "cars")
