"""Files of the first edition, with its names, load as if they were written today."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import rga
from rga.classification.model import ClassificationModel
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel
from rga.storage.digest import digest
from rga.storage.saved_model import save_model

CLASSES = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()


def age(folder: Path, names: dict[str, str]) -> None:
    """Gives a saved model the first edition's names."""
    weights = load_file(folder / "model.safetensors")
    save_file({key.replace("backbone.", "trunk.", 1): value for key, value in weights.items()}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({names.get(name, name): value for name, value in config.items()}))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (
            lambda: ReidModel("test_resnet", image_size=(64, 32), attention="se", backbone_options={"act_layer": "silu"}),
            {"backbone": "trunk", "backbone_options": "trunk_options"},
        ),
        (
            lambda: SegmentationModel("test_resnet", classes=CLASSES, image_size=(64, 64), backbone_options={"act_layer": "silu"}),
            {"backbone": "trunk", "backbone_options": "trunk_options"},
        ),
        (
            lambda: ClassificationModel("cifar-resnet20", classes=("a", "b"), size=16, crop_pct=0.5, attention="none"),
            {"backbone": "trunk", "backbone_options": "trunk_options", "crop_pct": "middle"},
        ),
    ],
    ids=["reid", "segmentation", "classification"],
)
def test_a_saved_model_is_loaded(model: Any, names: dict[str, str], tmp_path: Path) -> None:
    built = model().eval()
    save_model(built, tmp_path / "model", {"mAP": 0.5})
    age(tmp_path / "model", names)
    loaded = rga.load(tmp_path / "model", type(built))
    assert digest(loaded.state_dict()) == digest(built.state_dict())
    assert loaded.metrics == {"mAP": 0.5}
    images = torch.rand(2, 3, *built.preprocessing.size)
    for ours, theirs in zip(built(images), loaded(images), strict=True):
        assert ours is theirs is None or torch.equal(ours, theirs)
    assert getattr(loaded, "crop_pct", None) == getattr(built, "crop_pct", None)
    save_model(loaded, tmp_path / "again", {})
    assert "backbone" in json.loads((tmp_path / "again" / "config.json").read_text())
    assert all(not key.startswith("trunk.") for key in load_file(tmp_path / "again" / "model.safetensors"))
