"""Detectors of torchvision, with random weights in a file."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from rga.errors import HubError, InputError, MissingFileError
from rga.gallery.enrolment import Frame
from rga.gallery.enrolment.detectors.torchvision_detector import TorchvisionDetector

SMALL = "ssdlite320_mobilenet_v3_large"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a model with three classes, whose scores are not all the same."""
    state = get_model(SMALL, weights=None, weights_backbone=None, num_classes=3).state_dict()
    for name, values in state.items():
        if "classification_head" in name and name.endswith("bias"):
            values.normal_()
    torch.save(state, tmp_path / "people.pth")
    return tmp_path / "people.pth"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_people_are_those_that_the_model_finds(weights: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    detector = TorchvisionDetector(SMALL, weights, classes=3, min_score=0.1)
    model = get_model(SMALL, weights=None, weights_backbone=None, num_classes=3).eval()
    model.load_state_dict(torch.load(weights))
    with torch.inference_mode():
        expected = model([torch.from_numpy(image).permute(2, 0, 1) / 255])[0]
    kept = (expected["labels"] == 1) & (expected["scores"] >= 0.1)
    found = detector(Frame(image))
    assert 0 < len(found) < len(kept)
    assert np.allclose(found.scores, expected["scores"][kept])
    corners = np.concatenate([found.boxes[:, :2], found.boxes[:, :2] + found.boxes[:, 2:]], axis=1)
    assert np.allclose(corners, expected["boxes"][kept], atol=1e-4)
    sure = float(found.scores.max())
    assert len(TorchvisionDetector(SMALL, weights, classes=3, min_score=sure)(Frame(image))) < len(found)


def test_weights_of_another_model(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"people\.pth does not hold weights of ssdlite.* with 91 classes"):
        TorchvisionDetector(SMALL, weights)
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"junk\.pth does not hold weights"):
        TorchvisionDetector(SMALL, tmp_path / "junk.pth")
    with pytest.raises(MissingFileError, match=r"no file .*lost\.pth"):
        TorchvisionDetector(SMALL, tmp_path / "lost.pth")


def test_nothing_is_downloaded_unless_asked(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(url: str, **_: object) -> None:
        asked.append(url)
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    with pytest.raises(MissingFileError, match=r"not on this machine: download https://.* to .*hub.checkpoints"):
        TorchvisionDetector(SMALL)
    assert asked == []
    with pytest.raises(HubError, match=r"cannot be downloaded .*no network"):
        TorchvisionDetector(SMALL, download=True)
    assert len(asked) == 1


def test_weights_in_the_folder_of_downloads_are_found(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import get_model_weights  # noqa: PLC0415

    empty.mkdir(parents=True)
    name = get_model_weights(SMALL).DEFAULT.url.rpartition("/")[2]
    torch.save(get_model(SMALL, weights=None, weights_backbone=None).state_dict(), empty / name)
    assert len(TorchvisionDetector(SMALL, min_score=0.99)(Frame(np.zeros((64, 64, 3), dtype=np.uint8)))) == 0


def test_wrong_names() -> None:
    with pytest.raises(InputError, match="unknown detector 'fasterrcnn' of torchvision"):
        TorchvisionDetector("fasterrcnn")
    with pytest.raises(InputError, match="name the file, too"):
        TorchvisionDetector(SMALL, classes=2)
