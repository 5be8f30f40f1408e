"""Segmentation as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.segmentation.datasets.catalog import CATALOG
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.evaluation import SegmentationOptions, evaluate_split
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.training import SegmentationTraining
from rga.training.input.plan import batch_that_fits
from rga.training.task import Task


def read(recipe: SegmentationRecipe) -> SegmentationData:
    """The data of a recipe."""
    return CATALOG.read(recipe.data)


def fit(recipe: SegmentationRecipe, data: SegmentationData, shares: int) -> SegmentationRecipe:
    """The recipe with a batch that has no more crops than there are images."""
    return recipe.override(batch_size=batch_that_fits(recipe.batches.batch_size, len(data.train), shares))


TASK = Task(
    name="segmentation",
    recipe=SegmentationRecipe,
    model=SegmentationModel,
    datasets=CATALOG,
    read=read,
    fit=fit,
    build=SegmentationTraining,
    options=SegmentationOptions,
    evaluate=evaluate_split,
    main_metric=("mIoU", lambda result: result.mIoU),
    predict=SegmentationModel.segment,
    verb="segment",
    next_steps={
        "rga segment RUN IMAGES -o segmented": "label maps, overlays and confidence of images",
        "rga evaluate RUN": "the IoU of each class, by the best model",
        "rga report RUN": "one page with all of it: masks, curves, gates",
    },
)
