"""Re-identification as a task; see ``rga.training.task.Task``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from filecmp import cmp
from itertools import combinations

from rga.datasets.layout import DataError, relative
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.joining import join
from rga.reid.datasets.samples import ReidData, Sample, by_identity, validation_split
from rga.reid.evaluation import ReidOptions, evaluate
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.training import ReidTraining
from rga.training.input.plan import batch_that_fits
from rga.training.task import Task


def read(recipe: ReidRecipe) -> ReidData:
    """The data of a recipe: one dataset or several joined, tested on its own query and gallery, another dataset's, or held-out identities.

    Raises:
        InputError: a dataset is unknown, or what is chosen cannot be joined or held out, such as a dataset with itself.
        MissingFileError: a dataset is not there.
    """
    chosen = recipe.evaluation
    specs = recipe.datasets()
    once = {spec: CATALOG.read(spec) for spec in dict.fromkeys(specs)}
    test, *trained = [once[spec] for spec in (specs if chosen.test_data is not None else (specs[0], *specs))]
    data, *others = trained
    if others or chosen.test_data is not None:
        check_copies(trained)
        name = "+".join(each.name for each in (data, *others))
        data = join(name if test is data else f"{name} on {test.name}", *trained, test=test)
    return validation_split(data, chosen.hold_out, recipe.seed) if chosen.hold_out else data


def check_copies(sets: Sequence[ReidData]) -> None:
    """Refuses to train on a dataset twice, or on a copy of it in another folder: each person would become two.

    Raises:
        DataError: two datasets have the same fingerprint and the same training images.
    """
    for other, data in combinations(sets, 2):
        if data is other or (data.fingerprint == other.fingerprint and same_images(other, data)):
            what = "is named twice" if other.root == data.root else f"is a copy of that at {other.root}"
            raise DataError(f"{data.name!r} at {data.root} {what} among the datasets to train on: name it once")


def same_images(first: ReidData, second: ReidData) -> bool:
    """Whether the training images of two datasets with the same fingerprint have the same content; it only knows their sizes."""
    paths = (
        [sample.path for sample in sorted(data.train, key=lambda sample: relative(sample.path, data.root))] for data in (first, second)
    )
    return all(cmp(own, other, shallow=False) for own, other in zip(*paths, strict=True))


def fit(recipe: ReidRecipe, data: ReidData, shares: int) -> ReidRecipe:
    """The recipe with no more identities in a batch than there are; of each dataset, where they are to be balanced."""
    there = [len(by_identity(samples)) for samples in by_domain(data.train)]
    if not recipe.batches.domain_balanced:
        return recipe.override(ids_per_batch=batch_that_fits(recipe.batches.ids_per_batch, sum(there), shares))
    shares = math.lcm(shares, len(there))
    return recipe.override(ids_per_batch=batch_that_fits(recipe.batches.ids_per_batch, min(there) * len(there), shares))


def by_domain(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The samples of each dataset of several that were joined; of one alone, all of them."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.domain, []).append(sample)
    return list(groups.values())


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
    main_metric=("mAP", lambda result: result.results[result.shown].mAP),
    predict=ReidModel.embed,
    verb="embed",
    next_steps={
        "rga search RUN IMAGES --gallery DIR": "the images of DIR that show the same person",
        "rga embed RUN IMAGES -o features.npz": "the features, to compare by yourself",
        "rga evaluate RUN": "mAP and ranks of the best model",
        "rga report RUN": "one page with all of it: rank lists, curves, gates",
    },
)
