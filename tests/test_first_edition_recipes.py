"""Recipes of the first edition, as its runs wrote them, become the recipes that they were."""

import json
from pathlib import Path
from typing import Any

import pytest

from rga.classification.recipe import ClassificationRecipe
from rga.classification.recipes import folder as classification_folder
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.first_edition import convert_recipe
from rga.recipes import recipe_from_file
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import small
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.recipes import camvid
from rga.training.recipe import Recipe

COMMON: dict[str, Any] = {
    "trunk_options": {},
    "weights": "pretrained",
    "trunk_rate_scale": 1.0,
    "mean": None,
    "std": None,
    "attention": "rga-sc",
    "after": [],
    "inside_blocks": False,
    "reduction": 8,
    "hidden_reduction": 8,
    "embedding": "asymmetric",
    "relation": True,
    "original": True,
    "initial_gate": 0.95,
    "milestones": [80, 120, 160, 200, 240, 280, 320, 360],
    "factor": 0.5,
    "lr_update": "step",
    "evaluate_every": 5,
    "checkpoint_minutes": 5.0,
    "checkpoint_every": 0,
    "log_every": 0,
    "device": "auto",
    "precision": "float32",
    "channels_last": True,
    "clip_gradients": 0.0,
    "accumulate": 1,
    "averaging": 0.0,
    "recompute": False,
    "compile": False,
    "synchronise_norms": False,
    "threads": 0,
    "workers": 1,
    "prefetch": 2,
    "skip_damaged": False,
    "seed": 0,
    "max_steps": 0,
    "tensorboard": False,
}
"""What the recipes of all tasks had."""

REID: dict[str, Any] = {
    **COMMON,
    "trunk": "tf_efficientnet_lite0.in1k",
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "start_rate": 1e-05,
    "rate": 0.003,
    "warmup": 2,
    "schedule": "cosine",
    "epochs": 40,
    "data": "folder",
    "root": "data/pictures",
    "subset": False,
    "camera_pattern": "",
    "also_train": [],
    "test": "",
    "hold_out": 0,
    "last_stride": 1,
    "height": 128,
    "width": 64,
    "crop": 0.5,
    "flip": 0.5,
    "erase": 0.5,
    "color_jitter": 0.0,
    "identities": 8,
    "images": 4,
    "passes": 2,
    "smoothing": 0.1,
    "identity_weight": 1.0,
    "triplet_weight": 1.0,
    "margin": 0.3,
    "feature": "pooled",
    "test_batch": 128,
    "data_fingerprint": "0123456789abcdef",
    "run": {"name": "reid-small", "kind": "reid", "samples": 120, "version": "0.1.0", "changes": []},
}
SEGMENTATION: dict[str, Any] = {
    **COMMON,
    "trunk": "tf_efficientnet_lite0.in1k",
    "optimizer": "adamw",
    "weight_decay": 0.02,
    "start_rate": 0.0,
    "rate": 0.001,
    "warmup": 1,
    "schedule": "poly",
    "epochs": 10,
    "data": "camvid",
    "root": "data/camvid",
    "evaluate_on": "val",
    "output_stride": 16,
    "head": "fcn",
    "auxiliary_weight": 0.4,
    "fit": "exact",
    "attention_grid": 32,
    "height": 180,
    "width": 240,
    "resolution": 0.5,
    "smallest_scale": 0.75,
    "largest_scale": 2.0,
    "flip": 0.5,
    "color_jitter": 0.25,
    "batch": 8,
    "hard_threshold": 0.0,
    "hard_keep": 100000,
    "test_windows": False,
    "data_fingerprint": "0123456789abcdef",
    "run": {"name": "seg-camvid", "kind": "segmentation", "samples": 367, "version": "0.1.0", "changes": []},
}
CLASSIFICATION: dict[str, Any] = {
    **COMMON,
    "trunk": "resnet50.a1_in1k",
    "trunk_rate_scale": 0.1,
    "channels_last": False,
    "optimizer": "sgd",
    "weight_decay": 0.0001,
    "start_rate": 0.0,
    "rate": 0.02,
    "warmup": 1,
    "schedule": "cosine",
    "epochs": 30,
    "workers": 2,
    "data": "class-folders",
    "root": "data/pictures",
    "test_folder": "",
    "hold_out": 0.0,
    "size": 224,
    "middle": 0.875,
    "crop": "resized",
    "padding": 4,
    "smallest_crop": 0.35,
    "flip": 0.5,
    "erase": 0.0,
    "color_jitter": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
    "smoothing": 0.1,
    "batch": 32,
    "test_batch": 256,
    "data_fingerprint": "0123456789abcdef",
    "run": {"name": "cls-folder", "kind": "classification", "samples": 40, "version": "0.1.0", "changes": []},
}
PICTURES = DataSpec("folder", Path("data/pictures"))


@pytest.mark.parametrize(
    ("old", "recipe"),
    [
        (REID, small().override(data=PICTURES)),
        (SEGMENTATION, camvid()),
        (CLASSIFICATION, classification_folder().override(data=PICTURES)),
    ],
    ids=["reid", "segmentation", "classification"],
)
def test_a_whole_recipe_is_the_one_that_it_was(old: dict[str, Any], recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(old))
    assert recipe_from_file(tmp_path / "recipe.json") == recipe
    earlier = {name: value for name, value in old.items() if name != "run"}  # before runs noted their task
    assert convert_recipe(earlier) == recipe


@pytest.mark.parametrize(
    ("base", "old", "new"),
    [
        (
            REID,
            {"rate": 0.3, "identities": 5, "images": 3, "passes": 7, "crop": 0.1, "flip": 0.2, "erase": 0.3, "smoothing": 0.4},
            {
                "lr": 0.3,
                "ids_per_batch": 5,
                "images_per_id": 3,
                "passes_per_epoch": 7,
                "random_crop": 0.1,
                "random_flip": 0.2,
                "random_erasing": 0.3,
                "label_smoothing": 0.4,
            },
        ),
        (
            REID,
            {"camera_pattern": r"_c(\d)s", "also_train": ["market1501=data/a?b", "msmt17=m"], "test": "csv=t.csv"},
            {
                "data": DataSpec("folder", Path("data/pictures"), {"camera": r"_c(\d)s"}),
                "also_train": (DataSpec("market1501", Path("data/a?b")), DataSpec("msmt17", Path("m"))),
                "test_data": DataSpec("csv", Path("t.csv")),
            },
        ),
        (
            REID,
            {"data": "cuhk03-labeled", "root": "c", "subset": True},
            {"data": DataSpec("cuhk03-labeled", Path("c"), {"allow_subset": True})},
        ),
        (
            SEGMENTATION,
            {
                "data": "mask-folder",
                "smallest_scale": 0.6,
                "largest_scale": 1.7,
                "hard_threshold": 0.5,
                "hard_keep": 9,
                "batch": 3,
                "attention_grid": 16,
                "evaluate_on": "test",
                "test_windows": True,
                "workers": 0,
            },
            {
                "data": DataSpec("folder", Path("data/camvid")),
                "scale": (0.6, 1.7),
                "ohem_threshold": 0.5,
                "ohem_min_kept": 9,
                "batch_size": 3,
                "largest_grid": 16,
                "eval_split": "test",
                "eval_windows": True,
                "num_workers": 0,
            },
        ),
        (SEGMENTATION, {"data": "scenes"}, {"data": DataSpec("streets", Path("data/camvid"))}),
        (
            CLASSIFICATION,
            {"data": "class-zips", "smallest_crop": 0.2, "middle": 0.9, "test_batch": 7, "precision": "bfloat16", "size": 96},
            {
                "data": DataSpec("zips", Path("data/pictures")),
                "scale": (0.2, 1.0),
                "crop_pct": 0.9,
                "eval_batch_size": 7,
                "amp_dtype": "bfloat16",
                "image_size": 96,
            },
        ),
        (CLASSIFICATION, {"test_folder": "held"}, {"data": DataSpec("folder", Path("data/pictures"), {"test_folder": "held"})}),
        (CLASSIFICATION, {"data": "digits", "root": "data"}, {"data": DataSpec("digits")}),
        (
            CLASSIFICATION,
            {
                "start_rate": 0.1,
                "warmup": 2,
                "factor": 0.3,
                "averaging": 0.9,
                "recompute": True,
                "accumulate": 2,
                "clip_gradients": 1.0,
                "synchronise_norms": True,
                "prefetch": 3,
                "trunk_rate_scale": 0.3,
                "trunk_options": {"act_layer": "silu"},
            },
            {
                "warmup_start_lr": 0.1,
                "warmup_epochs": 2,
                "lr_decay": 0.3,
                "ema_decay": 0.9,
                "activation_checkpointing": True,
                "gradient_accumulation": 2,
                "gradient_clip_norm": 1.0,
                "sync_bn": True,
                "prefetch_factor": 3,
                "backbone_lr_scale": 0.3,
                "backbone_options": {"act_layer": "silu"},
            },
        ),
    ],
    ids=lambda value: None if len(value) > 40 else "-".join(value),
)
def test_each_field_has_its_new_name(base: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
    assert convert_recipe({**base, **old}) == convert_recipe(base).override(**new)


def test_what_neither_edition_knows_or_what_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**REID, "heights": 3}))
    with pytest.raises(InputError, match=r"recipe\.json does not hold a recipe: a recipe for reid has no field 'heights'"):
        recipe_from_file(path)
    path.write_text(json.dumps({name: value for name, value in CLASSIFICATION.items() if name != "size"}))
    with pytest.raises(InputError, match=r"recipe\.json does not hold a recipe: it is of the first edition and lacks the field 'size'"):
        recipe_from_file(path)
    path.write_text(json.dumps({**REID, "rate": "fast"}))
    with pytest.raises(InputError, match="lr is 'fast': "):
        recipe_from_file(path)


@pytest.mark.parametrize("kind", [ReidRecipe, SegmentationRecipe, ClassificationRecipe])
def test_a_recipe_of_today_is_read_as_it_is(kind: type[Recipe], tmp_path: Path) -> None:
    recipe = kind()
    (tmp_path / "recipe.json").write_text(json.dumps({"task": recipe.task, "fields": recipe.to_dict()}))
    assert recipe_from_file(tmp_path / "recipe.json") == recipe
