"""Recipes for segmentation.

    rga train seg/cityscapes --data cityscapes:DIR      a dilated ResNet-50 with RGA-SC on Cityscapes, with DANet's settings
    rga train seg/camvid --data camvid:DIR              a small network on CamVid at half size, for a CPU
    rga train seg/folder --data folder:DIR              your own images and masks
    rga train seg/tiny --data folder:DIR                a few dozen of them, for a CPU without a network
    rga train seg/generated --data streets:DIR          generated street scenes (rga data make streets DIR), for a CPU

Hardware, estimated: seg/cityscapes needs several GPUs (8 crops of 768x768), seg/folder one, the others a CPU. The first version of the
paper applies RGA to Cityscapes. We do not know its results, so no target is quoted: compare with ``--attention none`` under the same
recipe. One flag selects each compared method: ``--attention none | rga-s | rga-c | cbam-cs | se | non-local | dual | ...``,
``--head fcn | psp | aspp | object-context | dual``, and ``--fit exact`` where the crops are small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rga.datasets.spec import DataSpec
from rga.segmentation.recipe import SegmentationBatchRecipe, SegmentationLossRecipe, SegmentationModelRecipe, SegmentationRecipe
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe

POLY = SegmentationRecipe().optimization
"""SGD at 0.01 with a poly schedule, updated at every step."""


def cityscapes() -> SegmentationRecipe:
    """DANet's settings on Cityscapes: ResNet-50 at stride 8, crops of 768, batches of 8, SGD, poly schedule, 240 epochs.

    As in DANet's code (github.com/junfu1115/DANet, ``danet/train.py`` and ``encoding/datasets/base.py``):

    - torchvision's first ImageNet weights (``resnet50.tv_in1k``); learning rate 0.01 for the backbone and ten times that for new layers,
      here attention and head; poly schedule with power 0.9 at every step, momentum 0.9 without Nesterov, weight decay 1e-4;
    - scale 0.75 to 2 of the image, crops of 768, flip, neither colour jitter nor rotation; no auxiliary head;
    - batches of 8 on several GPUs, over which batch normalisation is synchronised.

    What differs: the authors' command trains a ResNet-101 with dilations 4, 8, 16 in its last stage and a dual attention head with three
    losses, at 0.003 for these; they name 0.01 for a network with one loss, as here. Padding has the colour of the mean, not black.
    """
    return SegmentationRecipe(
        optimization=replace(POLY, lr=0.1, backbone_lr_scale=0.1, nesterov=False),
        batches=SegmentationBatchRecipe(scale=(0.75, 2.0), color_jitter=0.0),
        loss=SegmentationLossRecipe(auxiliary_weight=0.0),
        loop=LoopRecipe(evaluate_every=20),
        machine=MachineRecipe(sync_bn=True),
    )


def folder() -> SegmentationRecipe:
    """Your own images and masks: ResNet-50 with ImageNet weights and RGA-SC at stride 16, ASPP head, crops of 512, 100 epochs."""
    return SegmentationRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=SegmentationModelRecipe(backbone="resnet50.a1_in1k", output_stride=16, head="aspp"),
        optimization=replace(POLY, epochs=100),
        batches=SegmentationBatchRecipe(crop_size=(512, 512)),
        loop=LoopRecipe(evaluate_every=10),
    )


def camvid() -> SegmentationRecipe:
    """CamVid at half size: EfficientNet-Lite0 with ImageNet weights at stride 16 with RGA-SC on exact grids, for a CPU."""
    return SegmentationRecipe(
        data=DataSpec("camvid", Path("data/camvid")),
        model=SegmentationModelRecipe(backbone="tf_efficientnet_lite0.in1k", output_stride=16, fit="exact", resolution=0.5),
        optimization=replace(POLY, epochs=10, optimizer="adamw", lr=1e-3, warmup_epochs=1, weight_decay=0.02),
        batches=SegmentationBatchRecipe(crop_size=(180, 240), scale=(0.75, 2.0)),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=1),
        machine=MachineRecipe(channels_last=True),
    )


def generated() -> SegmentationRecipe:
    """Generated street scenes: ResNet-18 from scratch at stride 8 with RGA-SC, for a CPU."""
    return SegmentationRecipe(
        data=DataSpec("streets", Path("data/streets")),
        model=SegmentationModelRecipe(backbone="resnet18", weights="none"),
        optimization=replace(POLY, epochs=30, optimizer="adamw", lr=1e-3, warmup_epochs=1, weight_decay=0.02),
        batches=SegmentationBatchRecipe(crop_size=(128, 256), scale=(0.75, 1.5)),
        loop=LoopRecipe(evaluate_every=10),
        loader=LoaderRecipe(num_workers=1),
    )


def tiny() -> SegmentationRecipe:
    """A few dozen of your own images and masks, no network and no GPU: a ResNet-10-T from scratch at stride 8 with RGA-SC."""
    return SegmentationRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=SegmentationModelRecipe(backbone="resnet10t", weights="none"),
        optimization=replace(POLY, epochs=70, optimizer="adamw", lr=2e-3, warmup_epochs=2, weight_decay=0.02),
        batches=SegmentationBatchRecipe(batch_size=4, crop_size=(96, 128), scale=(0.5, 1.0)),
        loop=LoopRecipe(evaluate_every=7),
        loader=LoaderRecipe(num_workers=0),
    )


def demo(attention: str = "rga-sc") -> SegmentationRecipe:
    """The demo: a ResNet-10-T from scratch on generated street scenes.

    It trains on hard pixels, because people and poles have few pixels.

    Args:
        attention: the attention after the stages; ``"none"`` for the plain backbone.
    """
    return SegmentationRecipe(
        data=DataSpec("streets", Path("demo-output/segmentation/streets")),
        model=SegmentationModelRecipe(backbone="resnet10t", weights="none", attention=attention),
        optimization=replace(POLY, epochs=8, optimizer="adamw", lr=2e-3, warmup_epochs=1, weight_decay=0.02),
        batches=SegmentationBatchRecipe(batch_size=4, crop_size=(128, 256), scale=(0.75, 1.5)),
        loss=SegmentationLossRecipe(ohem_threshold=0.7, ohem_min_kept=16_000),
        loop=LoopRecipe(evaluate_every=4),
        loader=LoaderRecipe(num_workers=1),
    )


RECIPES: dict[str, Callable[[], SegmentationRecipe]] = {
    "cityscapes": cityscapes,
    "camvid": camvid,
    "folder": folder,
    "generated": generated,
    "tiny": tiny,
}
"""Name -> recipe; the command line calls them seg/NAME."""
