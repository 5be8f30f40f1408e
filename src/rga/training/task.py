"""The task object: everything that the rest of the toolkit needs to know of a task, as one value.

Each task defines its ``TASK`` in its ``task`` module, and ``rga.tasks`` finds it by name. Commands, reports and functions such as
``rga.train`` know tasks through it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from rga.backbones.model import BackboneModel
from rga.datasets.catalog import Catalog
from rga.training.image_training import ImageTraining
from rga.training.recipe import Recipe

R = TypeVar("R", bound=Recipe)
D = TypeVar("D")
M = TypeVar("M", bound=BackboneModel)
O = TypeVar("O")  # noqa: E741  options


class Evaluation(Protocol):
    """The result of an evaluation; as text it is for people."""

    def to_dict(self) -> dict[str, Any]:
        """The same for programs, as JSON can hold it."""
        ...


@dataclass(frozen=True)
class Task(Generic[R, D, M, O]):
    """A task.

    Attributes:
        name: reid, segmentation, classification, detection.
        recipe: the class of its recipes.
        model: the class of its models.
        datasets: its catalogue.
        read: the data of a recipe: its dataset, with what is joined and held out.
        fit: (recipe, data, shares) -> the recipe with batches that the data can fill, in as many equal shares.
        build: (recipe, data, load_weights=) -> the training, with its model, batches, losses and evaluation.
        options: the class of the options of an evaluation, a dataclass whose fields have defaults.
        evaluate: (model, data, options, batch_size=, num_workers=, progress=) -> the result on the data's test split.
        main_metric: what its models are compared by: its name, and the result of an evaluation -> its value as a fraction.
        predict: (model, images, ...) -> what the model is for: features, label maps, classes, objects.
        verb: the command that predicts, in words.
        next_steps: commands to type after a training, each with what it does; RUN stands for the run's folder.
    """

    name: str
    recipe: type[R]
    model: type[M]
    datasets: Catalog[D]
    read: Callable[[R], D]
    fit: Callable[[R, D, int], R]
    build: Callable[..., ImageTraining[Any, Any, Any, Any]]
    options: type[O]
    evaluate: Callable[..., Evaluation]
    main_metric: tuple[str, Callable[[Any], float]]
    predict: Callable[..., Any]
    verb: str
    next_steps: Mapping[str, str]
