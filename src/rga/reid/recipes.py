"""Recipes for re-identification.

    rga train reid/market1501 --data market1501:DIR     the paper's recipe on Market-1501
    rga train reid/cuhk03 --data cuhk03-labeled:DIR     CUHK03, new protocol (cuhk03-detected for detected boxes)
    rga train reid/msmt17 --data msmt17:DIR             MSMT17
    rga train reid/folder --data folder:DIR             your own images, one folder per identity
    rga train reid/small --data folder:DIR              the same for a few hundred people and no GPU
    rga train reid/tiny --data folder:DIR               a few dozen images, for a CPU without a network
    rga train reid/generated --data market1501:DIR      generated people (rga data make people DIR), for a CPU
    rga train reid/bot --data market1501:DIR            Bag of Tricks; reid/agw, sbs, mgn and pcb likewise, see strong_recipes.py
    rga train reid/mars --data mars:DIR                 tracklets: MARS, or ilids-vid:DIR, prid2011:DIR, tracklets:DIR
    rga train reid/video-small                          tracklets of generated people who walk, for a CPU; they are made on first use

Hardware, estimated: the first three need a GPU with 16 GB or more (batch 64 at 256x128). Results to expect, R1 / mAP with RGA-SC,
quoted from the paper: CUHK03 labelled 81.1 / 77.4, detected 79.6 / 74.5, Market-1501 96.1 / 88.4,
MSMT17 80.3 / 57.5. We have not run them in full.
One flag selects each row of the paper's tables: ``--attention none | rga-s | rga-c | rga-cs | rga-parallel | se | cbam-cs | ...``,
``--no-relation``, ``--no-original``, ``--embedding symmetric | none``.

Weights: the paper's code starts from torchvision's first ImageNet weights of ResNet-50 (``resnet50-19c8e357``), which timm calls
``resnet50.tv_in1k``. The recipes name the tag, because timm's default for ``resnet50`` is a later training (``a1_in1k``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidAugmentationRecipe, ReidBatchRecipe, ReidModelRecipe, ReidRecipe, VideoRecipe
from rga.reid.strong_recipes import STRONG
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe


def market1501() -> ReidRecipe:
    """The paper's recipe on Market-1501: ResNet-50 with RGA-SC, 600 epochs, each one pass over the identities."""
    return ReidRecipe(data=DataSpec("market1501", Path("data/market1501")))


def cuhk03() -> ReidRecipe:
    """The paper's recipe on CUHK03 with the new protocol."""
    return ReidRecipe(data=DataSpec("cuhk03-labeled", Path("data/cuhk03")))


def msmt17() -> ReidRecipe:
    """The paper's recipe on MSMT17."""
    return ReidRecipe(data=DataSpec("msmt17", Path("data/msmt17")))


def folder() -> ReidRecipe:
    """The paper's recipe on your own images, one folder per identity, with 120 epochs and gates that start almost open."""
    return ReidRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=ReidModelRecipe(initial_gate=0.95),
        optimization=OptimizationRecipe(epochs=120, warmup_epochs=10, milestones=(40, 70, 90, 105)),
        loop=LoopRecipe(evaluate_every=20),
    )


def generated() -> ReidRecipe:
    """Generated people: a ResNet-18 from scratch at 128x64 with RGA-SC, for a CPU."""
    return ReidRecipe(
        data=DataSpec("market1501", Path("data/people")),
        model=ReidModelRecipe(backbone="resnet18", weights="none", initial_gate=0.8, image_size=(128, 64)),
        optimization=OptimizationRecipe(epochs=30, lr=1e-3, warmup_epochs=3, schedule="cosine", lr_update="step"),
        loop=LoopRecipe(evaluate_every=10),
        loader=LoaderRecipe(num_workers=1),
    )


def small() -> ReidRecipe:
    """A few hundred people and no GPU: an EfficientNet-Lite0 with ImageNet weights at 128x64 with RGA-SC; about 80 minutes on two cores."""
    return ReidRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=ReidModelRecipe(backbone="tf_efficientnet_lite0.in1k", initial_gate=0.95, image_size=(128, 64), feature="pooled"),
        optimization=OptimizationRecipe(
            epochs=40,
            optimizer="adamw",
            lr=3e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=2,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.01,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8, passes_per_epoch=2),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=1),
        machine=MachineRecipe(channels_last=True),
    )


def tiny() -> ReidRecipe:
    """A few dozen images of people, no network and no GPU: a ResNet-10-T from scratch at 96x48 with RGA-SC."""
    return ReidRecipe(
        data=DataSpec("folder", Path("data/images")),
        model=ReidModelRecipe(backbone="resnet10t", weights="none", initial_gate=0.8, image_size=(96, 48), feature="pooled"),
        optimization=OptimizationRecipe(
            epochs=30,
            optimizer="adamw",
            lr=2e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=2,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.02,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8, passes_per_epoch=3),
        augmentation=ReidAugmentationRecipe(random_erasing=0.0, color_jitter=0.2),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=0),
    )


def mars() -> ReidRecipe:
    """Tracklets of MARS: the recipe for your own images with 8 frames of a tracklet at once, 120 epochs of four passes over identities."""
    return ReidRecipe(
        data=DataSpec("mars", Path("data/mars")),
        model=ReidModelRecipe(initial_gate=0.95),
        optimization=OptimizationRecipe(epochs=120, warmup_epochs=10, milestones=(40, 70, 90, 105)),
        batches=ReidBatchRecipe(ids_per_batch=8, passes_per_epoch=4),
        video=VideoRecipe(frames=8),
        loop=LoopRecipe(evaluate_every=20),
    )


def video_small() -> ReidRecipe:
    """Tracklets of generated people who walk, no network and no GPU: a ResNet-10-T from scratch at 96x48 with RGA-SC, 4 frames at once."""
    return ReidRecipe(
        data=DataSpec("walks", Path("data/walks")),
        model=ReidModelRecipe(backbone="resnet10t", weights="none", initial_gate=0.8, image_size=(96, 48), feature="pooled"),
        optimization=OptimizationRecipe(
            epochs=30,
            optimizer="adamw",
            lr=2e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=2,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.02,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8, images_per_id=2, passes_per_epoch=3),
        augmentation=ReidAugmentationRecipe(random_erasing=0.0, color_jitter=0.2),
        video=VideoRecipe(frames=4),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=0),
    )


def demo(attention: str = "rga-sc") -> ReidRecipe:
    """The demo: a ResNet-10-T from scratch at 64x32 on 150 generated people.

    Small batches, a high learning rate and little augmentation: in so short a training, more steps help more than more variety.

    Args:
        attention: the attention after the stages; ``"none"`` for the plain backbone.
    """
    return ReidRecipe(
        data=DataSpec("market1501", Path("demo-output/people")),
        model=ReidModelRecipe(
            backbone="resnet10t", weights="none", attention=attention, initial_gate=0.8, image_size=(64, 32), feature="pooled"
        ),
        optimization=OptimizationRecipe(
            epochs=9,
            optimizer="adamw",
            lr=4e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=1,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.02,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8, passes_per_epoch=2),
        augmentation=ReidAugmentationRecipe(random_erasing=0.0, color_jitter=0.2),
        loop=LoopRecipe(evaluate_every=5),
        loader=LoaderRecipe(num_workers=1),
    )


RECIPES: dict[str, Callable[[], ReidRecipe]] = {
    "market1501": market1501,
    "cuhk03": cuhk03,
    "msmt17": msmt17,
    "folder": folder,
    "small": small,
    "generated": generated,
    "tiny": tiny,
    **STRONG,
    "mars": mars,
    "video-small": video_small,
}
"""Name -> recipe; the command line calls them reid/NAME."""
