"""Where variants are compared: a dataset, one recipe for all of them, and the metrics that count.

Each setting was fixed before its comparison, on held-out training identities or a validation split, and is the same for all variants. A
change of a setting makes its recorded runs another setting's: they would no longer be counted.

Three scales: ``minutes`` runs on generated data that need no download, in 5 to 10 minutes a run on one core; ``laptop`` on small real
datasets in up to 80 minutes a run; ``full`` is the paper's recipe, for a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from rga.classification import recipes as classification
from rga.datasets.spec import DataSpec
from rga.reid import recipes as reid
from rga.reid.recipe import ReidAugmentationRecipe, ReidBatchRecipe, ReidLossRecipe, ReidModelRecipe, ReidRecipe
from rga.reid.strong_recipes import STRONG
from rga.segmentation import recipes as segmentation
from rga.study import paper
from rga.study.generated import GeneratedData
from rga.synthetic.people.people import GENERATOR as PEOPLE_GENERATOR
from rga.synthetic.people.people import PeopleOptions
from rga.synthetic.streets.streets import GENERATOR as STREETS_GENERATOR
from rga.synthetic.streets.streets import StreetOptions
from rga.training.recipe import LoaderRecipe, LoopRecipe, OptimizationRecipe, Recipe

Scale = Literal["minutes", "laptop", "full"]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: in results, where it is a fraction.
        label: in tables.
    """

    name: str
    label: str


@dataclass(frozen=True)
class Setting:
    """A setting.

    Attributes:
        name: in file names.
        title: in tables and figures.
        scale: how large it is.
        base: makes the recipe that all variants share; its data are named when it runs.
        metrics: what is reported; the first decides.
        readers: names of datasets that it takes.
        generated: its data, where they are generated.
        paper: the dataset in the paper whose figures stand beside; None where data or protocol differ.
        changes: fields in which the recipe differs from the base.
    """

    name: str
    title: str
    scale: Scale
    base: Callable[[], Recipe]
    metrics: tuple[Metric, ...]
    readers: tuple[str, ...]
    generated: GeneratedData | None = None
    paper: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def recipe(self, data: DataSpec, **changes: Any) -> Recipe:
        """The recipe for some data, with the fields of a variant."""
        return self.base().override(**{**self.changes, **changes, "data": data})


POOLED = (Metric("mAP_pooled", "mAP"), Metric("R1_pooled", "R1"))
NECK = (Metric("mAP_neck", "mAP"), Metric("R1_neck", "R1"))
MIOU = (Metric("mIoU", "mIoU"), Metric("pixel_accuracy", "pixel accuracy"))
TOP_1 = (Metric("top1", "top-1"),)


def people() -> ReidRecipe:
    """Generated people: a ResNet-10-T from scratch at 96x48, 432 steps of 8 identities x 4 images.

    The learning rate is not the best of the trials on held-out identities, which was four times as large: with that one, the features of
    the plain network and of RGA-S collapsed at the first seed of the comparison, as their training losses told.
    """
    return ReidRecipe(
        data=DataSpec("market1501", Path("data/people")),
        model=ReidModelRecipe(backbone="resnet10t", weights="none", initial_gate=0.95, image_size=(96, 48), feature="pooled"),
        optimization=OptimizationRecipe(
            epochs=12,
            optimizer="adamw",
            lr=4e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=2,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.02,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8, passes_per_epoch=2),
        augmentation=ReidAugmentationRecipe(random_erasing=0.0, color_jitter=0.2),
        loop=LoopRecipe(evaluate_every=4),
        loader=LoaderRecipe(num_workers=0),
    )


PEOPLE = GeneratedData(
    "people",
    "people",
    "market1501",
    PEOPLE_GENERATOR,
    PeopleOptions(identities=300, images_per_camera=4, distractors=200),
    fingerprints=(("ded4dd21f67f8fa8", "e124414dd8ff03c1"), ("0d3b8a13a9cb53a7", "41d8218c6e3bab1b")),
)
"""The fingerprints are those of the test split, and of the training identities that seed 100 holds out. The second of each is that of CPUs
with AVX-512: of 5,076 images 21 differ, in 3,341 of their numbers, by 14 of 255 at most."""
COUNTS = {50: {"passes_per_epoch": 6}, 150: {}, 500: {"passes_per_epoch": 1, "epochs": 7}, 1500: {"passes_per_epoch": 1, "epochs": 2}}
"""Training identities -> what keeps the training at some 400 steps."""
STREETS = GeneratedData("streets", "street scenes", "streets", STREETS_GENERATOR, StreetOptions(train=160, val=40))

CAMVID = {"epochs": 8, "lr": 4e-3, "evaluate_every": 0}
"""The learning rate is the best of the trials on the validation split, by the mean of the plain network and RGA-SC."""
CIFAR = {"epochs": 4, "batch_size": 64, "lr": 0.2, "warmup_epochs": 0.5, "evaluate_every": 0, "initial_gate": 0.95}
"""The learning rate is the best of the trials on held-out training images, by the mean of the plain network and RGA-SC."""


def of_people(name: str, title: str, data: GeneratedData = PEOPLE, **changes: Any) -> Setting:
    """A setting on generated people."""
    return Setting(name, title, "minutes", people, POOLED, ("market1501",), data, changes=changes)


def worse_people(name: str, **options: Any) -> GeneratedData:
    """People of other conditions than usual, in training and test alike."""
    return GeneratedData(name, "people", "market1501", PEOPLE_GENERATOR, replace(PEOPLE.options, **options))


def of_pair(name: str, title: str, **changes: Any) -> Setting:
    """A short training on a part of CUHK03."""
    shorter = {"epochs": 8, "evaluate_every": 0, "warmup_epochs": 1}
    return Setting(name, title, "laptop", reid.small, POOLED, ("cuhk03-labeled",), changes={**shorter, **changes})


FROM_RECIPE = (
    *("head", "pooling", "non_local", "backbone_options", "last_stride", "feature", "auto_augment", "auto_augment_prob"),
    *(each.name for each in fields(ReidLossRecipe)),
)
"""Fields that the settings of published recipes have from these: head, losses, and what goes with them; all others are those of people."""


def of_recipe(name: str, title: str, setting: str = "", metrics: tuple[Metric, ...] = NECK, **changes: Any) -> Setting:
    """A published recipe's head and losses on generated people, with the network, the images and the steps of the setting of people."""
    published = STRONG[name]().fields()
    chosen = {each: published[each] for each in FROM_RECIPE}
    return Setting(
        f"people-{setting or name}",
        f"generated people, {title}",
        "minutes",
        people,
        metrics,
        ("market1501",),
        PEOPLE,
        changes={**chosen, **changes},
    )


def so_many_people(count: int) -> GeneratedData:
    """Training on so many people, of whom the first are always the same, and testing on 150 others, who are always the same."""
    options = PeopleOptions(identities=count, test_identities=150, images_per_camera=4, distractors=200)
    return GeneratedData(f"people-of-{count}", "people", "market1501", PEOPLE_GENERATOR, options)


ALL = (
    of_people("people", "generated people"),
    of_people("people-held-out", "generated people, 50 training identities held out", hold_out=50, passes_per_epoch=3, lr=2e-3),
    of_people("people-x2", "generated people, 2x the epochs", epochs=24, evaluate_every=8),
    of_people("people-x4", "generated people, 4x the epochs", epochs=48, evaluate_every=16),
    *(
        of_people(
            f"people-of-{count}",
            f"{count:,} generated people",
            so_many_people(count),
            **{"warmup_epochs": 2 * changes.get("epochs", 12) / 12, "evaluate_every": 0, **changes},
        )
        for count, changes in COUNTS.items()
    ),
    of_people("people-occluded", "generated people, more occlusion", worse_people("people-occluded", occlusion=0.5, obstacles=3)),
    of_people("people-cluttered", "generated people, more clutter", worse_people("people-cluttered", clutter=0.5, company=0.4)),
    of_people("people-misaligned", "generated people, worse boxes", worse_people("people-misaligned", misalignment=0.12, cut=0.2)),
    of_recipe("bot", "BoT"),
    of_recipe("agw", "AGW"),
    of_recipe("sbs", "SBS"),
    of_recipe("mgn", "MGN", last_stride=1),
    of_recipe("pcb", "PCB", metrics=POOLED),
    of_recipe("pcb", "PCB with refined parts", "rpp", POOLED, head="rpp", refine_after=8, refine_alone=1),
    of_recipe("pcb", "HPM", "hpm", head="hpm", parts=(1, 2, 4), feature="neck"),
    Setting("streets", "generated street scenes", "minutes", segmentation.demo, MIOU, ("streets",), STREETS),
    Setting("digits", "handwritten digits", "minutes", classification.digits, TOP_1, ("digits",)),
    Setting("cuhk03-part", "CUHK03, a part of it", "laptop", reid.small, POOLED, ("cuhk03-labeled",)),
    of_pair("cuhk03-short", "CUHK03, a part of it, 8 epochs"),
    of_pair("cuhk03-short-scratch", "CUHK03, a part of it, 8 epochs from scratch", weights="none"),
    of_pair("cuhk03-short-lr-3", "CUHK03, a part of it, 8 epochs, backbone's lr 1/3", backbone_lr_scale=1 / 3),
    of_pair("cuhk03-short-lr-10", "CUHK03, a part of it, 8 epochs, backbone's lr 1/10", backbone_lr_scale=0.1),
    Setting("camvid", "CamVid", "laptop", segmentation.camvid, MIOU, ("camvid",), changes=CAMVID),
    Setting(
        "camvid-validation",
        "CamVid, by its validation split",
        "laptop",
        segmentation.camvid,
        (Metric("val_mIoU", "mIoU, validation"),),
        ("camvid",),
        changes={**CAMVID, "lr": 2e-3},
    ),
    Setting("cifar10-small", "CIFAR-10", "laptop", classification.cifar10, TOP_1, ("zips", "cifar10"), changes=CIFAR),
    Setting(
        "cifar10-held-out",
        "CIFAR-10, a tenth of the training images held out",
        "laptop",
        classification.cifar10,
        TOP_1,
        ("zips", "cifar10"),
        changes={**CIFAR, "lr": 0.05, "hold_out": 0.1},
    ),
    Setting("cuhk03-labeled", paper.CUHK03, "full", reid.cuhk03, NECK, ("cuhk03-labeled",), paper=paper.CUHK03),
    Setting("cuhk03-detected", paper.CUHK03_DETECTED, "full", reid.cuhk03, NECK, ("cuhk03-detected",), paper=paper.CUHK03_DETECTED),
    Setting("market1501", paper.MARKET, "full", reid.market1501, NECK, ("market1501",), paper=paper.MARKET),
    Setting("msmt17", paper.MSMT17, "full", reid.msmt17, NECK, ("msmt17",), paper=paper.MSMT17),
    Setting("cityscapes", "Cityscapes", "full", segmentation.cityscapes, MIOU, ("cityscapes",)),
    Setting("cifar10", "CIFAR-10", "full", classification.cifar10, TOP_1, ("cifar10", "zips")),
    Setting("cifar100", "CIFAR-100", "full", classification.cifar100, TOP_1, ("cifar100",)),
    Setting("imagenet", "ImageNet-1k", "full", classification.imagenet, TOP_1, ("imagenet",)),
)

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in ALL}
"""Name -> setting."""
