"""Classification recipes.

    rga train cls-digits                      handwritten digits, which need no download, in a minute on a CPU
    rga train cls-cifar10 --root DIR          CIFAR-10 (--data zips for zips of images)
    rga train cls-cifar100 --root DIR         CIFAR-100
    rga train cls-imagenet --root DIR         ImageNet-1k
    rga train cls-folder --root DIR           your own images, a folder for each class

Hardware: the digits need a CPU; CIFAR a small GPU for an hour or so, or many hours of a CPU; ImageNet a GPU of 24 GB (batch 256 at 224x224)
for days. The paper says of CIFAR and ImageNet that attention improves results, without figures that we know; what we measured is in
``docs/classification.md``. Another attention is one override away: ``--attention none | rga-s | rga-c | se | cbam-cs | non-local | ...``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rga.classification.recipe import ClassificationRecipe


def cls_digits() -> ClassificationRecipe:
    """Handwritten digits of 8x8 at 16x16: a ResNet-20 for small images with RGA-SC, on a CPU."""
    return ClassificationRecipe(
        data="digits",
        size=16,
        crop="padded",
        padding=1,
        initial_gate=0.95,
        random_flip=0.0,
        mean=(0.305, 0.305, 0.305),
        std=(0.376, 0.376, 0.376),
        batch_size=64,
        epochs=12,
        warmup_epochs=1,
        weight_decay=5e-4,
        evaluate_every=4,
        num_workers=0,
    )


def cls_cifar10() -> ClassificationRecipe:
    """CIFAR-10: a ResNet-20 with RGA-SC, margin of 4 pixels, crop and flip, SGD with a cosine over 200 epochs."""
    return ClassificationRecipe(data="cifar10", mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), evaluate_every=20)


def cls_cifar100() -> ClassificationRecipe:
    """CIFAR-100: the same with a ResNet-56."""
    return ClassificationRecipe(
        data="cifar100", backbone="cifar-resnet56", mean=(0.5071, 0.4865, 0.4409), std=(0.2673, 0.2564, 0.2762), evaluate_every=20
    )


def cls_imagenet() -> ClassificationRecipe:
    """ImageNet-1k: a ResNet-50 with RGA-SC from scratch at 224x224, SGD with a cosine over 100 epochs, labels smoothed by .1."""
    return ClassificationRecipe(
        data="imagenet",
        backbone="resnet50",
        size=224,
        crop_pct=0.875,
        crop="resized",
        label_smoothing=0.1,
        batch_size=256,
        weight_decay=1e-4,
        warmup_epochs=5,
        epochs=100,
        evaluate_every=5,
        num_workers=8,
    )


def cls_folder() -> ClassificationRecipe:
    """Your own images: a ResNet-50 with timm's default weights and a gentle start for the attention, 30 epochs."""
    return ClassificationRecipe(
        data="folder",
        root=Path("data/images"),
        backbone="resnet50.a1_in1k",
        weights="pretrained",
        backbone_lr_scale=0.1,
        initial_gate=0.95,
        size=224,
        crop_pct=0.875,
        crop="resized",
        scale=(0.35, 1.0),
        label_smoothing=0.1,
        batch_size=32,
        lr=0.02,
        weight_decay=1e-4,
        warmup_epochs=1,
        epochs=30,
        evaluate_every=5,
    )


RECIPES: dict[str, Callable[[], ClassificationRecipe]] = {
    "cls-digits": cls_digits,
    "cls-cifar10": cls_cifar10,
    "cls-cifar100": cls_cifar100,
    "cls-imagenet": cls_imagenet,
    "cls-folder": cls_folder,
}
"""Name -> recipe."""
