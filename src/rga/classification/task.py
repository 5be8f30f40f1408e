"""Classification as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.classification.datasets.catalog import CATALOG
from rga.classification.datasets.samples import ClassificationData, hold_out
from rga.classification.evaluation import ClassificationOptions, evaluate_model
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.classification.training import ClassificationTraining
from rga.training.input.plan import batch_that_fits
from rga.training.task import Task


def read(recipe: ClassificationRecipe) -> ClassificationData:
    """The data of a recipe: its dataset, or a part of the training split to test on."""
    data = CATALOG.read(recipe.data)
    held_out = recipe.evaluation.hold_out
    return hold_out(data, held_out, recipe.seed) if held_out else data


def fit(recipe: ClassificationRecipe, data: ClassificationData, shares: int) -> ClassificationRecipe:
    """The recipe with a batch that is no larger than the training split."""
    return recipe.override(batch_size=batch_that_fits(recipe.batches.batch_size, len(data.train), shares))


TASK = Task(
    name="classification",
    recipe=ClassificationRecipe,
    model=ClassificationModel,
    datasets=CATALOG,
    read=read,
    fit=fit,
    build=ClassificationTraining,
    options=ClassificationOptions,
    evaluate=evaluate_model,
    main_metric=("top-1 accuracy", lambda result: result.top1),
    predict=ClassificationModel.classify,
    verb="classify",
    next_steps={
        "rga classify RUN IMAGES -o answers.json": "the class of each image",
        "rga evaluate RUN": "the accuracy of the best model, and which classes it confuses",
        "rga report RUN": "one page with all of it: confusions, curves",
    },
)
