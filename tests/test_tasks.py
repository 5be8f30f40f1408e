"""The registry: every task has the same shape, and recipes are found without PyTorch."""

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import pytest
import timm

from rga.backbones.model import BackboneModel
from rga.datasets.catalog import Catalog
from rga.errors import InputError
from rga.tasks import SHORT, TASKS, get_recipe, get_task, recipe_functions, recipe_type
from rga.training.image_training import ImageTraining
from rga.training.recipe import Recipe
from rga.training.task import Task


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_one_shape(name: str) -> None:
    task = get_task(name)
    assert isinstance(task, Task)
    assert task.name == task.recipe.task == name
    assert task.recipe is recipe_type(name)
    assert issubclass(task.recipe, Recipe)
    assert issubclass(task.model, BackboneModel)
    assert isinstance(task.datasets, Catalog)
    assert inspect.isclass(task.build)
    assert issubclass(task.build, ImageTraining)
    assert list(inspect.signature(task.read).parameters) == ["recipe"]
    assert list(inspect.signature(task.build).parameters) == ["recipe", "data", "load_weights"]
    assert list(inspect.signature(task.evaluate).parameters) == ["model", "data", "options", "batch_size", "num_workers", "progress"]
    assert isinstance(task.options().label, str)
    assert dataclasses.is_dataclass(task.options)
    predict: Any = getattr(task.model, task.verb)
    assert task.predict is predict
    assert list(inspect.signature(predict).parameters)[:2] == ["self", "images"]


def test_the_package_of_a_task_holds_nothing_but_names() -> None:
    assert TASKS.keys() == SHORT.keys()
    assert len(set(SHORT.values())) == len(SHORT)


@pytest.mark.parametrize("name", recipe_functions())
def test_every_recipe_is_of_its_task_and_says_what_it_is(name: str) -> None:
    function = recipe_functions()[name]
    recipe = get_recipe(name)
    assert recipe == function()
    assert SHORT[recipe.task] == name.split("/", maxsplit=1)[0]
    assert type(recipe) is recipe_type(recipe.task)
    assert recipe.data.name in get_task(recipe.task).datasets.readers
    assert (function.__doc__ or "").splitlines()[0].endswith(".")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown task 'segmentaton': did you mean segmentation\?"):
        get_task("segmentaton")
    with pytest.raises(InputError, match="unknown task 'xyz': choose one of reid, segmentation, classification"):
        recipe_type("xyz")
    with pytest.raises(InputError, match=r"unknown recipe 'reid/market': did you mean reid/market1501\?"):
        get_recipe("reid/market")


def test_every_recipe_with_pretrained_weights_says_which() -> None:
    recipes = {name: make().fields() for name, make in recipe_functions().items()}
    known = set(timm.list_pretrained())
    trained = {name: fields["backbone"] for name, fields in recipes.items() if fields["weights"] == "pretrained"}
    assert {backbone for backbone in trained.values() if backbone not in known} == set()
    assert trained["seg/cityscapes"] == "resnet50.tv_in1k"  # DANet's code reads resnet50-19c8e357, too


def test_smooth_schedules_move_at_every_step() -> None:
    for name, make in recipe_functions().items():
        chosen = make().optimization
        if chosen.schedule != "steps":
            assert chosen.lr_update == "step", name


def test_recipes_are_made_written_and_read_without_pytorch() -> None:
    code = (
        "import sys\n"
        "import rga, rga.tasks, rga.first_edition\n"
        "from rga.recipes import read_recipe, to_json\n"
        "made = [read_recipe(name) for name in rga.tasks.recipe_functions()]\n"
        "assert all(to_json(recipe) for recipe in made)\n"
        "assert all(rga.tasks.recipe_type(task) for task in rga.tasks.TASKS)\n"
        "heavy = ('torch', 'torchvision', 'numpy', 'timm', 'PIL', 'scipy', 'matplotlib')\n"
        "print(len(made), [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(recipe_functions())} []\n"
