"""Values that would do nothing are refused where a person gives them, and not where a recipe has them."""

from pathlib import Path
from typing import Any

import pytest
from cli.terminal import rga as command

import rga
from rga.errors import InputError
from rga.tasks import TASKS, get_recipe, recipe_functions, recipe_type
from rga.training.needed import OF_ALL

IDLE: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("reid/generated", {"schedule": "cosine", "milestones": (1, 2)}, {"schedule": "steps"}, "milestones does nothing, since schedule is"),
    (
        "cls/digits",
        {"lr_decay": 0.3},
        {"schedule": "steps"},
        "lr_decay does nothing, since schedule is cosine: choose steps there, or",
    ),
    ("reid/market1501", {"nesterov": False}, {"optimizer": "sgd"}, "nesterov does nothing, since optimizer is adam: choose sgd there"),
    ("cls/imagenet", {"warmup_epochs": 0, "warmup_start_lr": 0.1}, {"warmup_epochs": 5}, "warmup_start_lr does nothing"),
    ("reid/market1501", {"largest_grid": 8}, {"fit": "pool"}, "largest_grid does nothing, since fit is exact: choose pool"),
    (
        "reid/market1501",
        {"identity_margin": 0.5, "identity_scale": 30.0},
        {"identity_loss": "arcface"},
        "identity_margin and identity_scale do",
    ),
    ("reid/market1501", {"identity_weight": 0.0, "label_smoothing": 0.2}, {"identity_weight": 1.0}, "label_smoothing does nothing"),
    ("reid/market1501", {"identity_weight": 0.0, "identity_loss": "circle"}, {"identity_weight": 1.0}, "identity_loss does nothing"),
    ("reid/pcb", {"margin": 0.5}, {"head": "global", "triplet_weight": 1.0}, "margin does nothing, since triplet_weight is 0.0"),
    (
        "reid/market1501",
        {"triplet_weight": 0.0, "triplet_mining": "weighted", "margin": None},
        {"triplet_weight": 1.0},
        "margin and triplet",
    ),
    ("reid/market1501", {"circle_scale": 9.0}, {"circle_weight": 1.0}, "circle_scale does nothing, since circle_weight is 0.0: choose a"),
    ("reid/market1501", {"circle_margin": 0.5}, {"circle_weight": 1.0}, "circle_margin does nothing"),
    ("reid/market1501", {"center_lr": 0.1}, {"center_weight": 1e-3}, "center_lr does nothing, since center_weight is 0.0"),
    (
        "reid/pcb",
        {"refine_after": 9, "refine_alone": 1},
        {"head": "rpp"},
        "refine_after and refine_alone do nothing, since head is pcb: choose rpp",
    ),
    ("reid/market1501", {"auto_augment_prob": 0.5}, {"auto_augment": "autoaugment"}, "auto_augment_prob does nothing"),
    ("reid/market1501", {"rand_augment_ops": 3, "auto_augment": "autoaugment"}, {"auto_augment": "randaugment"}, "rand_augment_ops does"),
    ("reid/market1501", {"rand_augment_magnitude": 3}, {"auto_augment": "randaugment"}, "rand_augment_magnitude does nothing"),
    ("seg/folder", {"pixel_weight": 0.0, "dice_weight": 1.0, "focal_gamma": 2.0}, {"pixel_weight": 1.0}, "focal_gamma does nothing"),
    (
        "seg/folder",
        {"pixel_weight": 0.0, "dice_weight": 1.0, "class_weights": (1.0, 2.0)},
        {"pixel_weight": 1.0},
        "class_weights does nothing",
    ),
    ("seg/folder", {"pixel_weight": 0.0, "dice_weight": 1.0, "ohem_threshold": 0.7}, {"pixel_weight": 1.0}, "ohem_threshold does nothing"),
    ("seg/folder", {"ohem_min_kept": 5}, {"ohem_threshold": 0.7}, "ohem_min_kept does nothing, since ohem_threshold is 0.0"),
    ("cls/cifar10", {"crop": "none", "padding": 2}, {"crop": "padded"}, "padding does nothing, since crop is none: choose padded"),
    ("cls/cifar10", {"scale": (0.5, 1.0)}, {"crop": "resized"}, "scale does nothing, since crop is padded: choose resized"),
]


@pytest.mark.parametrize(("name", "idle", "used", "message"), IDLE, ids=[f"{name} {' '.join(idle)}" for name, idle, *_ in IDLE])
def test_a_value_that_does_nothing_is_refused(name: str, idle: dict[str, Any], used: dict[str, Any], message: str) -> None:
    recipe = get_recipe(name)
    with pytest.raises(InputError, match=message):
        recipe.override(**idle).check_idle(recipe)
    recipe.override(**{**idle, **used}).check_idle(recipe)


def test_every_field_of_the_tables_is_tried() -> None:
    tables = [*OF_ALL, *(need for task in TASKS for need in recipe_type(task).NEEDS)]
    assert {field for need in tables for field in need.fields} <= {field for _, idle, *_ in IDLE for field in idle}
    for task in TASKS:
        known = recipe_type(task)().fields()
        assert all({*need.fields, need.other} <= known.keys() for need in (*OF_ALL, *recipe_type(task).NEEDS))


@pytest.mark.parametrize(
    ("name", "switched"),
    [
        ("reid/sbs", {"identity_loss": "softmax", "auto_augment": "none", "schedule": "steps", "hold_epochs": 0.0}),
        ("reid/mgn", {"triplet_weight": 0.0}),
        ("reid/bot", {"center_weight": 0.0}),
        ("reid/market1501", {"schedule": "cosine", "identity_weight": 0.0}),
        ("cls/imagenet", {"crop": "none", "warmup_epochs": 0}),
    ],
)
def test_what_a_recipe_has_is_no_mistake_where_another_field_is_switched(name: str, switched: dict[str, Any]) -> None:
    recipe = get_recipe(name)
    recipe.override(**switched).check_idle(recipe)


@pytest.mark.parametrize("name", recipe_functions())
def test_recipes_are_what_they_are(name: str) -> None:
    get_recipe(name).check_idle(get_recipe(name))


def test_it_is_asked_of_flags_and_of_arguments(tmp_path: Path) -> None:
    message = "center_lr does nothing, since center_weight is 0.0: choose a number above 0 there, or leave it out"
    done = command("train", "reid/market1501", "--data", f"market1501:{tmp_path}", "--center-lr", 0.1, "-o", tmp_path / "run")
    assert (done.code, done.err) == (2, f"rga: {message}\n")
    with pytest.raises(InputError, match=message):
        rga.train("reid/market1501", f"market1501:{tmp_path}", output=tmp_path / "run", center_lr=0.1)
    assert not (tmp_path / "run").exists()
