"""Small models of each task, as files of ONNX."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.deploy.exporting import Exported, export
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel

CLASSES = numbered(("road", "sky", "tree"), ((128, 64, 128), (70, 130, 180), (0, 90, 0))).to_dict()


def settled(model: BackboneModel) -> Any:
    """A model whose statistics are those of some maps."""
    with torch.no_grad():
        model.train()(torch.randn(8, 3, *model.preprocessing.size))
    return model.eval()


@pytest.fixture(scope="session")
def reid() -> ReidModel:
    """A re-ID network with RGA-SC after one stage."""
    torch.manual_seed(0)
    after = ("layer3",)
    trained_on = {"name": "market1501", "fingerprint": "0123456789abcdef"}
    model: ReidModel = settled(ReidModel("test_resnet", image_size=(32, 16), attention_after=after, trained_on=trained_on))
    return model


@pytest.fixture(scope="session")
def exported(reid: ReidModel, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The same in a file."""
    return export(reid, tmp_path_factory.mktemp("onnx") / "reid.onnx")


@pytest.fixture(scope="session")
def classifier() -> ClassificationModel:
    """A classification network without attention."""
    torch.manual_seed(1)
    model: ClassificationModel = settled(
        ClassificationModel("test_resnet", ["cat", "dog", "owl"], size=32, crop_pct=0.875, attention="none")
    )
    return model


@pytest.fixture(scope="session")
def segmenter() -> SegmentationModel:
    """A segmentation network that takes images of any size."""
    torch.manual_seed(2)
    options: dict[str, Any] = {"output_stride": 16, "auxiliary": False, "attention": "none", "resolution": 0.75}
    model: SegmentationModel = settled(SegmentationModel("test_resnet", classes=CLASSES, image_size=(64, 48), **options))
    return model
