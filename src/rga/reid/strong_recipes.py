"""The strongest public recipes of ResNets for re-identification, plain as published; with RGA by one flag.

    rga train reid/bot --data market1501:DIR                        Bag of Tricks: BN neck, triplets, centres
    rga train reid/agw --data market1501:DIR                        AGW: non-local blocks, GeM, weighted triplets
    rga train reid/sbs --data market1501:DIR                        fast-reid's stronger baseline: IBN-a, circle loss, 384x128
    rga train reid/mgn --data market1501:DIR                        MGN: three branches, parts of two and three
    rga train reid/pcb --data market1501:DIR                        PCB: six parts
    rga train reid/bot --attention rga-sc --data market1501:DIR     any of them with RGA-SC after every stage
    rga train reid/pcb --head rpp --epochs 70 --data market1501:DIR   PCB with refined parts

Other data: ``msmt17:DIR``, ``cuhk03-labeled:DIR``, ``cuhk03-detected:DIR``, ``dukemtmc:DIR``, ``veri:DIR`` (with ``--image-size 256
256``), ``folder:DIR``. An epoch of the publications sees about every image once, and here it passes the identities several times:
``--passes-per-epoch`` is 4 for Market-1501; take 8 for MSMT17, 2 for CUHK03, 6 for DukeMTMC-reID, 16 for VeRi-776 (of ``sbs``, whose
batches have 16 images a person: 1, 2, 1, 1 and 4).

Hardware, estimated: a GPU with 16 GB for ``bot`` and ``agw`` (64 images at 256x128), 24 GB for the others (at 384x128).

Results to expect on Market-1501, R1 / mAP, plain as published: BoT 94.5 / 85.9 (arXiv 1903.07071), AGW 95.1 / 87.8 (arXiv 2001.04193), SBS
95.7 / 89.3 (fast-reid's model zoo, R50-ibn), MGN 95.7 / 86.9 (arXiv 1804.01438), PCB 92.3 / 77.4 and with refined parts 93.8 / 81.6 (arXiv
1711.09349). Other datasets are in ``docs/reid.md``. None publishes results with RGA. We have run none of them in full.

Weights: torchvision's first ones for ResNet-50, as the publications have them; of ``sbs`` those of IBN-Net's authors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidAugmentationRecipe, ReidBatchRecipe, ReidLossRecipe, ReidModelRecipe, ReidRecipe
from rga.training.recipe import LoopRecipe, OptimizationRecipe

MARKET = DataSpec("market1501", Path("data/market1501"))

FLIPS = ReidAugmentationRecipe(random_crop=0.0, random_erasing=0.0)
"""Flips alone, as PCB and MGN augment their images."""


def bot() -> ReidRecipe:
    """Bag of Tricks (Luo et al., arXiv 1903.07071): all of its tricks, with the centre loss, by the values of its code."""
    return ReidRecipe(
        data=MARKET,
        model=ReidModelRecipe(attention="none"),
        optimization=OptimizationRecipe(
            epochs=120, lr=3.5e-4, warmup_start_lr=3.5e-6, warmup_epochs=10, milestones=(40, 70), lr_decay=0.1, weight_decay=5e-4
        ),
        batches=ReidBatchRecipe(passes_per_epoch=4),
        augmentation=ReidAugmentationRecipe(random_crop=0.0, padding=10),
        loss=ReidLossRecipe(center_weight=5e-4),
        loop=LoopRecipe(evaluate_every=40),
    )


def agw() -> ReidRecipe:
    """AGW (Ye et al., arXiv 2001.04193): Bag of Tricks with non-local blocks, GeM and the weighted triplet loss."""
    base = bot()
    return replace(
        base,
        model=replace(base.model, non_local=True, pooling="gem"),
        loss=replace(base.loss, triplet_mining="weighted", margin=None),
    )


def sbs() -> ReidRecipe:
    """The stronger baseline of fast-reid (He et al., arXiv 2006.02631), its R50-ibn: values of its Base-SBS.yml, 200 steps an epoch.

    The backbone is frozen for 10 epochs, as in its configurations that count epochs; later ones have 1,000 steps. The cosine ends at 0, and
    there at 1/500 of the start.
    """
    return ReidRecipe(
        data=MARKET,
        model=ReidModelRecipe(
            attention="none",
            backbone="resnet50.tv_in1k",
            backbone_options={"ibn": "a"},
            non_local=True,
            pooling="gem",
            image_size=(384, 128),
        ),
        optimization=OptimizationRecipe(
            epochs=60,
            lr=3.5e-4,
            warmup_start_lr=3.5e-5,
            warmup_epochs=10,
            hold_epochs=20,
            schedule="cosine",
            lr_update="step",
            freeze_epochs=10,
            weight_decay=5e-4,
        ),
        batches=ReidBatchRecipe(ids_per_batch=4, images_per_id=16),
        augmentation=ReidAugmentationRecipe(random_crop=0.0, padding=10, auto_augment="autoaugment", auto_augment_prob=0.1),
        loss=ReidLossRecipe(identity_loss="circle", identity_scale=64.0, identity_margin=0.35, margin=None),
        loop=LoopRecipe(evaluate_every=10),
    )


def mgn() -> ReidRecipe:
    """MGN (Wang et al., arXiv 1804.01438) by its paper: SGD at 0.01, flips, a margin of 1.2; losses are means over their parts."""
    return ReidRecipe(
        data=MARKET,
        model=ReidModelRecipe(attention="none", head="mgn", image_size=(384, 128), last_stride=2),
        optimization=OptimizationRecipe(
            epochs=80, optimizer="sgd", nesterov=False, lr=0.01, warmup_epochs=0, milestones=(40, 60), lr_decay=0.1, weight_decay=5e-4
        ),
        batches=ReidBatchRecipe(passes_per_epoch=4),
        augmentation=FLIPS,
        loss=ReidLossRecipe(identity_weight=1 / 8, label_smoothing=0.0, triplet_weight=1 / 3, margin=1.2),
        loop=LoopRecipe(evaluate_every=20),
    )


def pcb() -> ReidRecipe:
    """PCB (Sun et al., arXiv 1711.09349): SGD at 0.1, a tenth of it for pretrained weights, flips; the feature is the paper's G.

    Their batches are 64 images at random, and here 16 people with 4 images each.
    """
    return ReidRecipe(
        data=MARKET,
        model=ReidModelRecipe(attention="none", head="pcb", image_size=(384, 128), feature="pooled"),
        optimization=OptimizationRecipe(
            epochs=60,
            optimizer="sgd",
            lr=0.1,
            backbone_lr_scale=0.1,
            warmup_epochs=0,
            milestones=(40,),
            lr_decay=0.1,
            weight_decay=5e-4,
        ),
        batches=ReidBatchRecipe(passes_per_epoch=4),
        augmentation=FLIPS,
        loss=ReidLossRecipe(label_smoothing=0.0, triplet_weight=0.0),
        loop=LoopRecipe(evaluate_every=20),
    )


STRONG: dict[str, Callable[[], ReidRecipe]] = {"bot": bot, "agw": agw, "sbs": sbs, "mgn": mgn, "pcb": pcb}
"""Name -> recipe; the command line calls them reid/NAME."""
