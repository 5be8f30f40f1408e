"""Small models of each task, whose weights are drawn and whose statistics are those of random images."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.modules.batchnorm import _BatchNorm

from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel

Build = Callable[..., BackboneModel]


@pytest.fixture
def build() -> Build:
    """Builds a model of a task, 64x32 pixels, with RGA-SC after its stages."""

    def built(task: str, **options: Any) -> BackboneModel:
        torch.manual_seed(0)
        model: BackboneModel
        if task == "reid":
            model = ReidModel("test_resnet", **{"image_size": (64, 32), "classes": 3, **options})
        elif task == "classification":
            model = ClassificationModel("test_resnet", classes=["cat", "dog", "owl"], **{"size": 64, **options})
        else:
            classes = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()
            model = SegmentationModel("resnet10t", classes=classes, **{"image_size": (40, 64), "output_stride": 16, **options})
        norms = [each for each in model.modules() if isinstance(each, _BatchNorm)]
        for each in norms:
            each.momentum = None  # the mean over what was seen
        with torch.no_grad():
            model.train()(torch.randn(8, 3, *model.preprocessing.size))
        return model.eval()

    return built


@pytest.fixture
def photo() -> Image.Image:
    """An image with something in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((50, 100), Image.Resampling.BICUBIC)
