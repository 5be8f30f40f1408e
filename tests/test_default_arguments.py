"""The default arguments of public functions: they are part of what users rely on, so a change of one is meant to be seen here, too."""

import importlib
import inspect
from functools import reduce
from typing import Any

import pytest

DEFAULTS: dict[str, dict[str, Any]] = {
    "rga.cli.commands.search.search": {"overwrite": False, "skip_damaged": False, "top": 3, "flip": False, "device": "auto"},
    "rga.reid.comparison.Comparison": {"expand_queries": 0, "expand_gallery": 0, "rerank": False},
    "rga.reid.embedded.embed_data": {"batch_size": 128, "num_workers": 0, "flip": False},
    "rga.reid.evaluation.CalibrationOptions": {"unknown": 0.5, "false_alarms": 0.01, "seed": 0, "flip": False},
    "rga.reid.evaluation.ReidOptions": {"flip": False, "feature": "both"},
    "rga.reid.evaluation.calibrate": {"batch_size": 128, "num_workers": 0},
    "rga.reid.evaluation.evaluate": {"batch_size": 128, "num_workers": 0},
    "rga.reid.evaluation.rank": {"batch_size": 128, "num_workers": 0},
    "rga.reid.losses.batch_hard_triplet": {"margin": 0.3},
    "rga.reid.losses.smoothed_cross_entropy": {"label_smoothing": 0.1},
    "rga.reid.losses.arcface_scores": {"scale": 64.0, "margin": 0.5},
    "rga.reid.losses.cosface_scores": {"scale": 64.0, "margin": 0.35},
    "rga.reid.losses.circle_scores": {"scale": 64.0, "margin": 0.35},
    "rga.reid.losses.circle": {"scale": 128.0, "margin": 0.25},
    "rga.reid.model.ReidModel.__init__": {
        "backbone": "resnet50",
        "classes": 0,
        "image_size": (256, 128),
        "attention": "rga-sc",
        "last_stride": 1,
        "pooling": "average",
        "feature": "neck",
        "classifier": "linear",
    },
    "rga.reid.model.ReidModel.embed": {"batch_size": 64, "num_workers": 0, "flip": False},
    "rga.reid.sampler.IdentityBatches.__init__": {"passes": 1},
    "rga.reid.sampler.DomainBatches.__init__": {"passes": 1},
    "rga.reid.transforms.Augmentation.__init__": {"crop": 0.5, "flip": 0.5, "random_erasing": 0.5, "color_jitter": 0.0},
    "rga.segmentation.drawing.overlay": {"share": 0.55},
    "rga.segmentation.drawing.panels": {"gap": 4},
    "rga.segmentation.evaluation.SegmentationOptions": {"split": "val", "scales": (1.0,), "flip": False},
    "rga.segmentation.evaluation.evaluate_model": {"num_workers": 0},
    "rga.segmentation.evaluation.evaluate_split": {"batch_size": 1, "num_workers": 0},
    "rga.segmentation.losses.pixel_cross_entropy": {"class_weights": None, "focal_gamma": 0.0},
    "rga.segmentation.losses.hard_cross_entropy": {"threshold": 0.7, "keep": 100000},
    "rga.segmentation.model.SegmentationModel.__init__": {
        "backbone": "resnet50",
        "image_size": (768, 768),
        "output_stride": 8,
        "head": "fcn",
        "auxiliary": True,
        "attention": "rga-sc",
        "resolution": 1.0,
        "task": "segmentation",
    },
    "rga.segmentation.network.heads.create_head": {"output_stride": 8},
    "rga.segmentation.result.SegmentationResult": {"method": "single scale"},
    "rga.segmentation.inference.Inference": {"overlap": 0.3333333333333333, "scales": (1.0,), "flip": False},
    "rga.segmentation.sliding.predict": {"resolution": 1.0},
    "rga.segmentation.transforms.training_transform": {"resolution": 1.0, "scales": (0.5, 2.0), "flip": 0.5, "color_jitter": 0.0},
    "rga.classification.evaluation.evaluate_model": {"batch_size": 256, "num_workers": 0},
    "rga.classification.metrics.calibration_error": {"bins": 15},
    "rga.classification.model.ClassificationModel.__init__": {
        "size": 224,
        "crop_pct": 1.0,
        "attention": "rga-sc",
        "task": "classification",
    },
    "rga.classification.model.ClassificationModel.probabilities": {"batch_size": 64, "num_workers": 0},
    "rga.classification.model.ClassificationModel.classify": {"top": 5, "batch_size": 64, "num_workers": 0},
    "rga.classification.training.ClassificationTraining.batches": {"start": 0},
    "rga.classification.transforms.training_transform": {
        "padding": 4,
        "scale": (0.08, 1.0),
        "flip": 0.5,
        "random_erasing": 0.0,
        "color_jitter": 0.0,
    },
    "rga.datasets.catalog.Catalog.check": {"subset": False, "open_images": False},
    "rga.evaluations.calibrate": {"batch_size": 128, "num_workers": 0, "device": "auto"},
    "rga.evaluations.evaluate": {"batch_size": 128, "num_workers": 0, "device": "auto"},
    "rga.runs.resume": {"previous": False},
    "rga.runs.train": {"name": ""},
    "rga.training.schedules.warmup_then_poly": {"power": 0.9},
}
"""Function or class -> parameter -> its default."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_arguments(name: str) -> None:
    parts = name.split(".")
    depth = next(number for number, part in enumerate(parts) if part[0].isupper()) if any(part[0].isupper() for part in parts) else -1
    module = importlib.import_module(".".join(parts[:depth]))
    function: Any = reduce(getattr, parts[depth:], module)
    found = {parameter.name: parameter.default for parameter in inspect.signature(function).parameters.values()}
    assert {parameter: found[parameter] for parameter in DEFAULTS[name]} == DEFAULTS[name]
