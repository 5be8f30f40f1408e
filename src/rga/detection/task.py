"""Detection as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.detection.datasets.catalog import CATALOG
from rga.detection.datasets.samples import DetectionData
from rga.detection.evaluation import DetectionOptions, evaluate_split
from rga.detection.model import DetectionModel
from rga.detection.recipe import DetectionRecipe
from rga.detection.training import DetectionTraining, learnable
from rga.training.input.plan import batch_that_fits
from rga.training.task import Task


def read(recipe: DetectionRecipe) -> DetectionData:
    """The data of a recipe."""
    return CATALOG.read(recipe.data)


def fit(recipe: DetectionRecipe, data: DetectionData, shares: int) -> DetectionRecipe:
    """The recipe with a batch that has no more images than are trained on."""
    images = len(learnable(data, empty_images=recipe.batches.empty_images))
    return recipe.override(batch_size=batch_that_fits(recipe.batches.batch_size, images, shares))


TASK = Task(
    name="detection",
    recipe=DetectionRecipe,
    model=DetectionModel,
    datasets=CATALOG,
    read=read,
    fit=fit,
    build=DetectionTraining,
    options=DetectionOptions,
    evaluate=evaluate_split,
    main_metric=("mask AP", lambda result: result.main),
    predict=DetectionModel.detect,
    verb="detect",
    next_steps={
        "rga detect RUN IMAGES -o detected": "objects as JSON, and images with boxes and masks",
        "rga evaluate RUN": "box AP and mask AP of each category, by the best model",
        "rga report RUN": "one page with all of it: figures, curves, gates",
    },
)
"""The detection of objects, with masks."""
