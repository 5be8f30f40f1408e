"""Recipes for classification.

    rga train cls/digits                          handwritten digits, which need no download, for a CPU
    rga train cls/cifar10 --data cifar10:DIR      CIFAR-10 (zips:DIR for zips of images)
    rga train cls/cifar100 --data cifar100:DIR    CIFAR-100
    rga train cls/imagenet --data imagenet:DIR    ImageNet-1k
    rga train cls/folder --data folder:DIR        your own images, one folder per class
    rga train cls/tiny --data folder:DIR          a few dozen of them, for a CPU without a network

Hardware, estimated: the digits need a CPU; CIFAR a small GPU for an hour or so, or many hours of a CPU; ImageNet a GPU of 24 GB (batch
256 at 224x224) for days. The paper says that attention improves results on CIFAR and ImageNet; we do not know its figures. What we measured
is in ``docs/classification.md``. One flag selects another attention: ``--attention none | rga-s | rga-c | se | cbam-cs | ...``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rga.classification.recipe import (
    ClassificationBatchRecipe,
    ClassificationLossRecipe,
    ClassificationModelRecipe,
    ClassificationRecipe,
)
from rga.datasets.spec import DataSpec
from rga.training.recipe import LoaderRecipe, LoopRecipe

COSINE = ClassificationRecipe().optimization
"""SGD at 0.1 with a cosine schedule, updated at every step."""


def digits() -> ClassificationRecipe:
    """Handwritten digits of 8x8 pixels, enlarged to 16x16: a ResNet-20 for small images with RGA-SC, for a CPU."""
    return ClassificationRecipe(
        data=DataSpec("digits"),
        model=ClassificationModelRecipe(image_size=16, initial_gate=0.95, mean=(0.305, 0.305, 0.305), std=(0.376, 0.376, 0.376)),
        optimization=replace(COSINE, epochs=12, warmup_epochs=1),
        batches=ClassificationBatchRecipe(batch_size=64, padding=1, random_flip=0.0),
        loop=LoopRecipe(evaluate_every=4),
        loader=LoaderRecipe(num_workers=0),
    )


def cifar10() -> ClassificationRecipe:
    """CIFAR-10: a ResNet-20 with RGA-SC, padding of 4 pixels, crop and flip, SGD with a cosine schedule over 200 epochs."""
    return ClassificationRecipe(
        data=DataSpec("cifar10", Path("data")),
        model=ClassificationModelRecipe(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
        loop=LoopRecipe(evaluate_every=20),
    )


def cifar100() -> ClassificationRecipe:
    """CIFAR-100: the same with a ResNet-56."""
    return ClassificationRecipe(
        data=DataSpec("cifar100", Path("data")),
        model=ClassificationModelRecipe(backbone="cifar-resnet56", mean=(0.5071, 0.4865, 0.4409), std=(0.2673, 0.2564, 0.2762)),
        loop=LoopRecipe(evaluate_every=20),
    )


def imagenet() -> ClassificationRecipe:
    """ImageNet-1k: a ResNet-50 with RGA-SC from scratch at 224x224, SGD, cosine schedule over 100 epochs, label smoothing 0.1."""
    return ClassificationRecipe(
        data=DataSpec("imagenet", Path("data")),
        model=ClassificationModelRecipe(backbone="resnet50", image_size=224, crop_pct=0.875),
        optimization=replace(COSINE, epochs=100, warmup_epochs=5, weight_decay=1e-4),
        batches=ClassificationBatchRecipe(batch_size=256, crop="resized"),
        loss=ClassificationLossRecipe(label_smoothing=0.1),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=8),
    )


def folder() -> ClassificationRecipe:
    """Your own images, one folder per class: a ResNet-50 with ImageNet weights, RGA-SC with gates that start almost open, 30 epochs."""
    return ClassificationRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=ClassificationModelRecipe(
            backbone="resnet50.a1_in1k", weights="pretrained", initial_gate=0.95, image_size=224, crop_pct=0.875
        ),
        optimization=replace(COSINE, epochs=30, lr=0.02, warmup_epochs=1, weight_decay=1e-4, backbone_lr_scale=0.1),
        batches=ClassificationBatchRecipe(batch_size=32, crop="resized", scale=(0.35, 1.0)),
        loss=ClassificationLossRecipe(label_smoothing=0.1),
        loop=LoopRecipe(evaluate_every=5),
    )


def tiny() -> ClassificationRecipe:
    """A few dozen of your own images, one folder per class, no network and no GPU: a ResNet-20 from scratch at 32x32 with RGA-SC."""
    return ClassificationRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=ClassificationModelRecipe(initial_gate=0.95),
        optimization=replace(COSINE, epochs=100, optimizer="adamw", lr=2e-3, warmup_epochs=2, weight_decay=0.02),
        batches=ClassificationBatchRecipe(batch_size=8, crop="resized", scale=(0.6, 1.0), color_jitter=0.2),
        loss=ClassificationLossRecipe(label_smoothing=0.1),
        loop=LoopRecipe(evaluate_every=10),
        loader=LoaderRecipe(num_workers=0),
    )


RECIPES: dict[str, Callable[[], ClassificationRecipe]] = {
    "digits": digits,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "imagenet": imagenet,
    "folder": folder,
    "tiny": tiny,
}
"""Name -> recipe; the command line calls them cls/NAME."""
