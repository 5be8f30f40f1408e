"""The small re-ID model: a narrow ResNet-10-T with RGA-SC at 96x48, trained on generated people alone.

It is to find people under cameras that it was not trained on, so variety counts more than the number of images of one world: several
worlds with cameras, places and light of their own, and boxes that are occluded, cut and misaligned more often than by default. For the
same reason colours and sharpness of the images change at random. Nothing is erased: random erasing helps under the cameras of the training
and harms under others (Luo et al., "Bag of Tricks and A Strong Baseline for Deep Person Re-identification", CVPR Workshops 2019; quoted,
not measured here).
"""

from __future__ import annotations

from collections.abc import Sequence

from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidAugmentationRecipe, ReidBatchRecipe, ReidEvaluationRecipe, ReidModelRecipe, ReidRecipe
from rga.study.generated import GeneratedData
from rga.synthetic.people.people import GENERATOR, PeopleOptions
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, OptimizationRecipe

NAME = "small"
"""For ``rga.load``."""

WORLDS = 5
"""To train on."""

CHANNELS = (32, 64, 128, 256)
"""Of the stages; timm's ResNet-10-T has twice as many."""


def world(name: str, seed: int, *, identities: int, test_identities: int) -> GeneratedData:
    """A world with cameras of its own, whose images are worse than by default."""
    options = PeopleOptions(
        identities=identities,
        test_identities=test_identities,
        cameras=8,
        images_per_camera=3,
        distractors=0,
        junk=0,
        occlusion=0.2,
        clutter=0.15,
        company=0.2,
        company_in_front=0.1,
        cut=0.15,
        misalignment=0.04,
        seed=seed,
    )
    return GeneratedData(name, "people", "market1501", GENERATOR, options)


TRAINED = tuple(world(f"world-{number}", 1000 + number, identities=400, test_identities=1) for number in range(1, WORLDS + 1))
"""What the model is trained on."""

TESTED = world("other-world", 2000, identities=2, test_identities=150)
"""What it is tested on: other people under other cameras."""


def recipe(data: Sequence[DataSpec], test: DataSpec) -> ReidRecipe:
    """The recipe: 20,000 steps of 8 identities x 4 images.

    Args:
        data: the worlds to train on.
        test: the world to test on.
    """
    first, *others = data
    return ReidRecipe(
        data=first,
        also_train=tuple(others),
        model=ReidModelRecipe(
            backbone="resnet10t",
            backbone_options={"channels": CHANNELS},
            weights="none",
            initial_gate=0.95,
            image_size=(96, 48),
            feature="pooled",
        ),
        optimization=OptimizationRecipe(
            epochs=80,
            optimizer="adamw",
            lr=2e-3,
            warmup_start_lr=1e-5,
            warmup_epochs=2,
            schedule="cosine",
            lr_update="step",
            weight_decay=0.02,
        ),
        batches=ReidBatchRecipe(ids_per_batch=8),
        augmentation=ReidAugmentationRecipe(random_erasing=0.0, color_jitter=0.3, white_balance=0.15, random_blur=0.1),
        evaluation=ReidEvaluationRecipe(test_data=test),
        loop=LoopRecipe(evaluate_every=10),
        loader=LoaderRecipe(num_workers=0),
        machine=MachineRecipe(threads=1),
    )
