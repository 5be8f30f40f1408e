"""Re-identification as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData, join, validation_split
from rga.reid.evaluation import ReidOptions, evaluate
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining
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


TASK = Task(
    name="reid",
    recipe=ReidRecipe,
    model=ReidModel,
    datasets=CATALOG,
    read=read,
    build=ReidTraining,
    options=ReidOptions,
    evaluate=evaluate,
    predict=ReidModel.embed,
    verb="embed",
)
