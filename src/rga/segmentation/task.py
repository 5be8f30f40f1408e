"""Segmentation as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.segmentation.datasets.catalog import CATALOG
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.evaluation import SegmentationOptions, evaluate_split
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.training import SegmentationTraining
from rga.training.task import Task


def read(recipe: SegmentationRecipe) -> SegmentationData:
    """The data of a recipe."""
    return CATALOG.read(recipe.data)


TASK = Task(
    name="segmentation",
    recipe=SegmentationRecipe,
    model=SegmentationModel,
    datasets=CATALOG,
    read=read,
    build=SegmentationTraining,
    options=SegmentationOptions,
    evaluate=evaluate_split,
    predict=SegmentationModel.segment,
    verb="segment",
)
