"""Segmentation recipes.

    rga train seg-cityscapes --root DIR       a dilated ResNet-50 with RGA-SC on Cityscapes, with the field's settings
    rga train seg-camvid --root DIR           a small network on CamVid at half size, for a CPU
    rga train seg-folder --root DIR           your own images and masks
    rga train seg-generated --root DIR        generated street scenes (rga data make-streets DIR), for a CPU

Hardware: seg-cityscapes is made for GPUs (8 crops of 768x768), seg-folder for one, the others for a CPU. The first
version of the paper applies RGA to Cityscapes; its figures are not known to us, so no target is quoted: compare with
``--attention none`` under the same recipe. The compared methods are one override away: ``--attention none | rga-s | rga-c | cbam-cs | se |
non-local | dual | ...``, ``--head fcn | psp | aspp | object-context | dual``, ``--fit exact`` where the crops are small.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rga.segmentation.recipe import SegmentationRecipe


def seg_cityscapes() -> SegmentationRecipe:
    """DANet's settings on Cityscapes: ResNet-50 at stride 8, crops of 768, batches of 8, SGD at .01 with a poly schedule, 240 epochs.

    DANet's code starts from torchvision's first ImageNet weights, too (``resnet50.tv_in1k``).
    """
    return SegmentationRecipe(data="cityscapes", root=Path("data/cityscapes"), evaluate_every=20)


def seg_folder() -> SegmentationRecipe:
    """Your own images and masks: ResNet-50 with timm's default weights at stride 16 with an ASPP head, crops of 512, 100 epochs."""
    return SegmentationRecipe(
        data="folder",
        root=Path("data/images"),
        backbone="resnet50.a1_in1k",
        output_stride=16,
        head="aspp",
        height=512,
        width=512,
        epochs=100,
        evaluate_every=10,
    )


def seg_camvid() -> SegmentationRecipe:
    """CamVid at half size: EfficientNet-Lite0 with ImageNet weights at stride 16, RGA-SC on exact grids after its stages, for a CPU."""
    return SegmentationRecipe(
        data="camvid",
        root=Path("data/camvid"),
        backbone="tf_efficientnet_lite0.in1k",
        output_stride=16,
        fit="exact",
        height=180,
        width=240,
        resolution=0.5,
        scale=(0.75, 2.0),
        optimizer="adamw",
        weight_decay=0.02,
        lr=1e-3,
        warmup_epochs=1,
        epochs=10,
        evaluate_every=5,
        channels_last=True,
        num_workers=1,
    )


def seg_generated() -> SegmentationRecipe:
    """Generated street scenes: ResNet-18 from scratch at stride 8 with RGA-SC, for a CPU."""
    return SegmentationRecipe(
        data="streets",
        root=Path("data/streets"),
        backbone="resnet18",
        weights="none",
        height=128,
        width=256,
        scale=(0.75, 1.5),
        batch_size=8,
        optimizer="adamw",
        weight_decay=0.02,
        lr=1e-3,
        warmup_epochs=1,
        epochs=30,
        evaluate_every=10,
        num_workers=1,
    )


def seg_demo(attention: str = "rga-sc") -> SegmentationRecipe:
    """The demo's: a ResNet-10-T from scratch on generated street scenes, plain (``attention="none"``) or with an attention.

    It trains on hard pixels, since those of people and poles are few.

    Args:
        attention: name of the attention after the stages.
    """
    return SegmentationRecipe(
        data="streets",
        root=Path("demo-output/streets"),
        backbone="resnet10t",
        weights="none",
        attention=attention,
        height=128,
        width=256,
        scale=(0.75, 1.5),
        batch_size=4,
        ohem_threshold=0.7,
        ohem_min_kept=16_000,
        optimizer="adamw",
        weight_decay=0.02,
        lr=2e-3,
        warmup_epochs=1,
        epochs=8,
        evaluate_every=4,
        num_workers=1,
    )


RECIPES: dict[str, Callable[[], SegmentationRecipe]] = {
    "seg-cityscapes": seg_cityscapes,
    "seg-camvid": seg_camvid,
    "seg-folder": seg_folder,
    "seg-generated": seg_generated,
}
"""Name -> recipe."""
