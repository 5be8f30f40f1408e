"""What holds for the recipes of all tasks: their fields, what is written and read, and what is out of range."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.recipes import read_recipe, to_json
from rga.tasks import TASKS, recipe_functions, recipe_type
from rga.training.recipe import Recipe, leaves, read_fields, typed

KINDS = [recipe_type(task) for task in TASKS]

OUT_OF_RANGE: dict[str, dict[str, Any]] = {
    "all": {
        "epochs": 0,
        "lr": -1e-3,
        "warmup_start_lr": -1e-3,
        "warmup_epochs": -1,
        "lr_decay": -0.5,
        "backbone_lr_scale": -1.0,
        "attention_lr_scale": -1.0,
        "layer_lr_decay": 1.1,
        "freeze_epochs": -1,
        "weight_decay": -1e-4,
        "attention_weight_decay": -1e-4,
        "gradient_clip_norm": -1.0,
        "hold_epochs": -1.0,
        "gradient_accumulation": 0,
        "ema_decay": 1.0,
        "evaluate_every": -1,
        "checkpoint_minutes": -1.0,
        "checkpoint_every": -1,
        "log_every": -1,
        "max_steps": -1,
        "num_workers": -1,
        "prefetch_factor": 0,
        "threads": -1,
        "device": "gpu",
        "seed": -1,
        "reduction": 0,
        "hidden_reduction": 0,
        "largest_grid": 0,
        "frequencies": (0, 3),
        "initial_gate": 1.0,
        "gate_norm_momentum": 0.0,
        "mean": (0.5, math.nan, 0.5),
        "std": (0.2, 0.0, 0.2),
    },
    "reid": {
        "image_size": (256, 0),
        "parts": (0,),
        "refine_after": -1,
        "refine_alone": -1,
        "padding": -1,
        "ids_per_batch": 0,
        "images_per_id": 0,
        "passes_per_epoch": 0,
        "frames": 0,
        "sta_parts": 0,
        "random_crop": 1.1,
        "random_flip": -0.1,
        "random_erasing": 1.1,
        "white_balance": 1.1,
        "random_grayscale": -0.1,
        "random_blur": 1.1,
        "color_jitter": -1.0,
        "identity_weight": -1.0,
        "label_smoothing": 1.1,
        "identity_scale": 0.0,
        "identity_margin": 1.1,
        "triplet_weight": -1.0,
        "circle_weight": -1.0,
        "circle_scale": 0.0,
        "circle_margin": -0.1,
        "center_weight": -1.0,
        "center_lr": -0.5,
        "auto_augment_prob": 1.1,
        "rand_augment_ops": 0,
        "rand_augment_magnitude": 31,
        "hold_out": -1,
        "eval_batch_size": 0,
    },
    "segmentation": {
        "resolution": 0.0,
        "batch_size": 0,
        "crop_size": (0, 768),
        "scale": (2.0, 0.5),
        "random_flip": 1.1,
        "color_jitter": -1.0,
        "pixel_weight": -1.0,
        "class_weights": (1.0, -1.0),
        "focal_gamma": -1.0,
        "dice_weight": -1.0,
        "lovasz_weight": -1.0,
        "auxiliary_weight": -1.0,
        "ohem_threshold": 1.1,
        "ohem_min_kept": 0,
    },
    "classification": {
        "image_size": 0,
        "crop_pct": 1.1,
        "batch_size": 0,
        "padding": -1,
        "scale": (0.0, 1.0),
        "random_flip": 1.1,
        "random_erasing": -0.1,
        "color_jitter": -1.0,
        "mixup": -1.0,
        "cutmix": -1.0,
        "mixup_prob": 1.1,
        "mixup_off_epoch": -1,
        "label_smoothing": 1.1,
        "hold_out": 1.1,
        "eval_batch_size": 0,
    },
    "detection": {
        "image_size": (800, 16),
        "anchor_sizes": (32, 64, 128, 256, 0),
        "pyramid_channels": 0,
        "head_width": 0,
        "rois_per_image": 0,
        "frozen_stages": 6,
        "batch_size": 0,
        "scale": (0.0, 1.0),
        "random_flip": 1.1,
        "color_jitter": -1.0,
    },
}
"""Fields -> a value that they do not take."""

OPTIONAL = ("initial_gate", "attention_weight_decay", "margin")
"""Fields that are None or a number."""

ANY_NUMBER = {"milestones", "margin", "last_stride", "output_stride"}
"""Fields with numbers of any size, or a few that are listed by their types."""


def out_of_range() -> list[tuple[type[Recipe], str, Any]]:
    return [(kind, field, value) for kind in KINDS for task in ("all", kind.task) for field, value in OUT_OF_RANGE[task].items()]


@pytest.mark.parametrize(("kind", "field", "value"), out_of_range(), ids=lambda value: str(getattr(value, "task", value)))
def test_a_value_out_of_its_range_is_refused_by_the_name_of_its_field(kind: type[Recipe], field: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"\b{field}\b|unknown device 'gpu'"):
        kind().override(**{field: value})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_every_field_with_numbers_has_a_range(kind: type[Recipe]) -> None:
    """A new field comes with a range, or stands among those of any number."""
    numbers = {each.name for each, value, _ in leaves(kind()) if holds_numbers(each, value)}
    assert numbers <= {*OUT_OF_RANGE["all"], *OUT_OF_RANGE[kind.task], *ANY_NUMBER}


def holds_numbers(field: dataclasses.Field[Any], value: Any) -> bool:
    several = value if isinstance(value, tuple) else (value,)
    return re.search(r"\bfloat\b", str(field.type)) is not None or any(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in several
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_numbers_are_finite(kind: type[Recipe], wrong: float) -> None:
    floats = [each.name for each, value, _ in leaves(kind()) if isinstance(value, float) or each.name in OPTIONAL]
    assert len(floats) > 10
    for name in floats:
        with pytest.raises(InputError, match=rf"\b{name}\b.* got {wrong}"):
            kind().override(**{name: wrong})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_names_of_fields_are_unique_over_all_groups(kind: type[Recipe]) -> None:
    fields = [each.name for each, _, _ in leaves(kind())]
    groups = {group for _, _, group in leaves(kind()) if group}
    assert len(set(fields)) == len(fields)
    assert not groups & set(fields)
    assert kind().fields().keys() == set(fields)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_every_default_is_of_its_fields_type(kind: type[Recipe]) -> None:
    for name, value in kind().fields().items():
        assert read_fields(kind, {name: value}) == kind(), name


@pytest.mark.parametrize("name", recipe_functions())
def test_every_recipe_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    assert type(recipe).from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    (tmp_path / "mine.json").write_text(to_json(recipe))
    assert read_recipe(tmp_path / "mine.json") == recipe


def test_changed_fields_of_every_kind_are_read_as_they_were_written() -> None:
    changed: dict[str, dict[str, Any]] = {
        "reid": {"also_train": (DataSpec("csv", Path("a.csv")),), "test_data": DataSpec("folder", Path("b"), {"camera": r"c(\d)&?"})},
        "segmentation": {"scale": (0.25, 4.0), "crop_size": (3, 4), "head": "psp", "after": ("layer4",)},
        "classification": {"backbone_options": {"layers": (1, 2), "act_layer": "silu"}, "mean": (0.1, 0.2, 0.3), "initial_gate": 0.5},
        "detection": {"anchor_sizes": (1, 2, 3, 4, 5), "scale": (0.5, 2.0), "frozen_norms": False, "image_size": (40, 50)},
    }
    for kind in KINDS:
        recipe = kind().override(**changed[kind.task], lr=0.25, milestones=(1, 2), seed=9, sync_bn=True, device="cuda:3")
        assert recipe != kind()
        assert kind.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_fields_that_are_missing_have_their_defaults() -> None:
    for kind in KINDS:
        assert kind.from_dict({}) == kind()
        assert kind.from_dict({"optimization": {"lr": 0.5}}).optimization == dataclasses.replace(type(kind().optimization)(), lr=0.5)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.task)
def test_override_changes_what_is_named_and_nothing_else(kind: type[Recipe]) -> None:
    before = kind()
    after = before.override(lr=0.125, backbone="resnet18", seed=3, num_workers=5)
    assert (after.optimization.lr, after.seed, after.loader.num_workers) == (0.125, 3, 5)
    assert before == kind()
    rest = {name: value for name, value in after.fields().items() if name not in ("lr", "backbone", "seed", "num_workers")}
    assert rest == {name: before.fields()[name] for name in rest}
    assert before.override() == before


def test_unknown_fields_are_answered_with_the_nearest_one() -> None:
    for kind in KINDS:
        with pytest.raises(InputError, match=rf"a recipe for {kind.task} has no field 'epoch': did you mean epochs\?"):
            kind().override(epoch=3)
        with pytest.raises(InputError, match=r"unknown field optimization\.lrr: did you mean lr\?"):
            kind.from_dict({"optimization": {"lrr": 3}})
        with pytest.raises(InputError, match=r"unknown field optimisation: did you mean optimization\?"):
            kind.from_dict({"optimisation": {}})
        with pytest.raises(InputError, match="optimization must be a group of fields, got 3"):
            kind.from_dict({"optimization": 3})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": "many"}, "epochs is 'many': .*integer"),
        ({"milestones": 3}, "milestones is 3: "),
        ({"optimizer": "lamb"}, "optimizer is 'lamb': .*'adam', 'adamw' or 'sgd'"),
        ({"data": "Not a dataset"}, "'Not a dataset' does not name a dataset"),
        ({"data": 3}, "3 does not name a dataset"),
        ({"channels_last": "perhaps"}, "channels_last is 'perhaps': .*boolean"),
    ],
)
def test_values_of_another_type_are_named(values: dict[str, Any], message: str) -> None:
    for kind in KINDS:
        with pytest.raises(InputError, match=message):
            typed(kind(), values)


def test_a_number_in_quotes_is_no_number_in_python() -> None:
    for kind in KINDS:
        with pytest.raises(InputError, match="epochs must be a number, got '5'"):
            kind().override(epochs="5")


def test_typed_values_are_those_that_a_person_types() -> None:
    for kind in KINDS:
        recipe = typed(kind(), {"epochs": "7", "lr": "1e-3", "channels_last": "true", "milestones": [1, 2], "data": "folder:a?seed=2"})
        expected = kind().override(
            epochs=7, lr=1e-3, channels_last=True, milestones=(1, 2), data=DataSpec("folder", Path("a"), {"seed": "2"})
        )
        assert recipe == expected


def test_compiling_and_checkpointing_exclude_each_other() -> None:
    for kind in KINDS:
        with pytest.raises(InputError, match="compile and activation_checkpointing exclude each other"):
            kind().override(compile=True, activation_checkpointing=True)
