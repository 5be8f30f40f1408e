"""Recipes for detection.

    rga train detection/coco --data coco2017:DIR        Mask R-CNN with RGA-SC in a ResNet-50 on COCO
    rga train detection/folder --data coco:DIR          your own images with boxes and masks, in COCO's format
    rga train detection/generated --data coco:DIR       generated street scenes (rga data make streets DIR --layout coco), for a CPU

Hardware, estimated: detection/coco needs several GPUs (16 images of 800x1333), detection/folder one, detection/generated a CPU. We know
no results of RGA on COCO: compare with ``--attention none`` under the same recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rga.datasets.spec import DataSpec
from rga.detection.recipe import DetectionBatchRecipe, DetectionModelRecipe, DetectionRecipe
from rga.training.recipe import LoaderRecipe, LoopRecipe

STEPS = DetectionRecipe().optimization
"""SGD at 0.02, divided by ten after epochs 8 and 11 of 12."""


def coco() -> DetectionRecipe:
    """Mask R-CNN with a ResNet-50 and a pyramid, "1x", on COCO: short side 800, batches of 16, SGD at 0.02, 12 epochs.

    As in Detectron2 (github.com/facebookresearch/detectron2, ``configs/COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.yaml`` and
    ``Base-RCNN-FPN.yaml``): momentum 0.9, weight decay 1e-4, warm-up over 1,000 steps, stem and first stage frozen, batch normalisation
    frozen, images without objects left out, flips; its 90,000 steps with drops at 60,000 and 80,000 are 12.3 epochs with drops at 8.2 and
    10.9. Here they are 12 epochs with drops at 8 and 11, as in mmdetection. Without attention and with scales of 640 to 800, Detectron2's
    model zoo reports a box AP of 38.6 and a mask AP of 35.2; torchvision reports 37.9 and 34.6 for its own Mask R-CNN.

    What differs: torchvision's first ImageNet weights (``resnet50.tv_in1k``) instead of MSRA's, one scale, RGA-SC after the four stages.
    """
    return DetectionRecipe(loop=LoopRecipe(evaluate_every=4))


def folder() -> DetectionRecipe:
    """Your own images in COCO's format: ResNet-50 with ImageNet weights and RGA-SC, short side 640, batches of 4."""
    return DetectionRecipe(
        data=DataSpec("coco", Path("data/objects")),
        model=DetectionModelRecipe(backbone="resnet50.a1_in1k", image_size=(640, 1066)),
        optimization=replace(
            STEPS, epochs=30, milestones=(20, 27), lr=0.005, warmup_start_lr=5e-5, warmup_epochs=1, gradient_clip_norm=10.0
        ),
        batches=DetectionBatchRecipe(batch_size=4, scale=(0.8, 1.0)),
        loop=LoopRecipe(evaluate_every=5),
    )


def generated() -> DetectionRecipe:
    """Generated street scenes: a ResNet-10-T from scratch with RGA-SC and small heads, for a CPU."""
    return DetectionRecipe(
        data=DataSpec("coco", Path("data/streets")),
        model=DetectionModelRecipe(
            backbone="resnet10t",
            weights="none",
            image_size=(128, 256),
            anchor_sizes=(8, 16, 32, 64, 128),
            pyramid_channels=64,
            head_width=128,
            rois_per_image=128,
            frozen_stages=0,
            frozen_norms=False,
        ),
        optimization=replace(
            STEPS, epochs=30, optimizer="adamw", schedule="cosine", lr=1e-3, warmup_epochs=1, weight_decay=0.02, gradient_clip_norm=10.0
        ),
        batches=DetectionBatchRecipe(batch_size=4, scale=(0.8, 1.0)),
        loop=LoopRecipe(evaluate_every=10),
        loader=LoaderRecipe(num_workers=1),
    )


RECIPES: dict[str, Callable[[], DetectionRecipe]] = {"coco": coco, "folder": folder, "generated": generated}
"""Name -> recipe; the command line calls them detection/NAME."""
