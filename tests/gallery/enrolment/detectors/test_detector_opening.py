"""Detectors by what a person types."""

from pathlib import Path

import pytest

from rga.errors import InputError, MissingFileError
from rga.gallery.enrolment import open_detector
from rga.gallery.enrolment.detectors import opening
from rga.gallery.enrolment.detectors.mot_file import MotFile
from rga.gallery.enrolment.detectors.torchvision_detector import DEFAULT


def test_each_name_has_its_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, tuple[object, ...], dict[str, object]]] = []
    for name in ("HogDetector", "OnnxDetector", "TorchvisionDetector"):
        monkeypatch.setattr(opening, name, lambda *words, name=name, **options: made.append((name, words, options)))
    open_detector("hog")
    open_detector("Yolo.ONNX", min_score=0.3)
    open_detector("torchvision", weights=Path("a.pth"))
    open_detector("torchvision:ssd300_vgg16", download=True)
    assert made == [
        ("HogDetector", (), {}),
        ("OnnxDetector", (Path("Yolo.ONNX"),), {"min_score": 0.3}),
        ("TorchvisionDetector", (DEFAULT, Path("a.pth")), {"download": False}),
        ("TorchvisionDetector", ("ssd300_vgg16", None), {"download": True}),
    ]
    (tmp_path / "det.txt").write_text("1,-1,1,1,1,1,0.5\n")
    detector = open_detector(str(tmp_path / "det.txt"), min_score=0.9)
    assert isinstance(detector, MotFile)
    assert (detector.frames, len(detector.rows)) == (1, 0)


def test_names_of_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown detector 'yolo': choose a file of boxes"):
        open_detector("yolo")
    with pytest.raises(InputError, match="weights are for detectors of torchvision"):
        open_detector("hog", weights=Path("a.pth"))
    with pytest.raises(MissingFileError):
        open_detector(str(tmp_path / "det.txt"))


def test_the_default_is_the_best_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "published", lambda _: Path("weights.pth"))
    assert opening.default_detector() == "torchvision"

    def missing(name: str) -> Path:
        raise MissingFileError("not on this machine")

    monkeypatch.setattr(opening, "published", missing)
    monkeypatch.setattr(opening, "find_spec", lambda name: name)
    assert opening.default_detector() == "hog"
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="there is none here: choose"):
        opening.default_detector()
