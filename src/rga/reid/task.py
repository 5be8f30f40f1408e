"""Re-identification as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData, by_identity, join, validation_split
from rga.reid.evaluation import ReidOptions, evaluate
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining
from rga.training.input.plan import batch_that_fits
from rga.training.task import Task


def read(recipe: ReidRecipe) -> ReidData:
    """The data of a recipe: one dataset or several joined, tested on its own query and gallery, another dataset's, or held-out identities.

    Raises:
        InputError: a dataset is unknown, or what is chosen cannot be joined or held out.
        MissingFileError: a dataset is not there.
    """
    data = CATALOG.read(recipe.data)
    others = [CATALOG.read(spec) for spec in recipe.also_train]
    chosen = recipe.evaluation
    test = None if chosen.test_data is None else CATALOG.read(chosen.test_data)
    if others or test is not None:
        name = "+".join(each.name for each in (data, *others))
        data = join(name if test is None else f"{name} on {test.name}", data, *others, test=test or data)
    return validation_split(data, chosen.hold_out, recipe.seed) if chosen.hold_out else data


def fit(recipe: ReidRecipe, data: ReidData, shares: int) -> ReidRecipe:
    """The recipe with no more identities in a batch than there are."""
    return recipe.override(ids_per_batch=batch_that_fits(recipe.batches.ids_per_batch, len(by_identity(data.train)), shares))


TASK = Task(
    name="reid",
    recipe=ReidRecipe,
    model=ReidModel,
    datasets=CATALOG,
    read=read,
    fit=fit,
    build=ReidTraining,
    options=ReidOptions,
    evaluate=evaluate,
    predict=ReidModel.embed,
    verb="embed",
    next_steps={
        "rga search RUN IMAGES --gallery DIR": "the images of DIR that show the same person",
        "rga embed RUN IMAGES -o features.npz": "the features, to compare by yourself",
        "rga evaluate RUN": "mAP and ranks of the best model",
    },
)
