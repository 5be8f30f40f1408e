"""Files of the first edition, with its names, load as if they were written today."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rga.cli.run_record import RunRecord, read_record
from safetensors.torch import load_file, save_file
from torch import nn

import rga
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.segmentation.recipe import SegmentationRecipe
from rga.storage.digest import digest
from rga.storage.first_edition import converted_checkpoint, converted_recipe
from rga.storage.saved_model import save_model
from rga.training.recipe import TrainingRecipe
from rga.training.run.checkpoint import LAST, Checkpoint, load_checkpoint


def age(folder: Path, names: dict[str, str]) -> None:
    """Gives a saved model the first edition's names."""
    weights = load_file(folder / "model.safetensors")
    save_file({key.replace("backbone.", "trunk.", 1): value for key, value in weights.items()}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({names.get(name, name): value for name, value in config.items()}))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (
            lambda: ReidModel("test_resnet", image_size=(64, 32), attention="se", backbone_options={"act_layer": "silu"}),
            {"backbone": "trunk", "backbone_options": "trunk_options"},
        ),
        (
            lambda: ClassificationModel("cifar-resnet20", classes=("a", "b"), size=16, crop_pct=0.5, attention="none"),
            {"backbone": "trunk", "backbone_options": "trunk_options", "crop_pct": "middle"},
        ),
    ],
    ids=["reid", "classification"],
)
def test_a_saved_model_is_loaded(model: Any, names: dict[str, str], tmp_path: Path) -> None:
    built = model().eval()
    save_model(built, tmp_path / "model", {"mAP": 0.5})
    age(tmp_path / "model", names)
    loaded = rga.load(tmp_path / "model", type(built))
    assert digest(loaded.state_dict()) == digest(built.state_dict())
    assert loaded.metrics == {"mAP": 0.5}
    images = torch.rand(2, 3, *built.preprocessing.size)
    for ours, theirs in zip(built(images), loaded(images), strict=True):
        assert torch.equal(ours, theirs)
    assert getattr(loaded, "crop_pct", None) == getattr(built, "crop_pct", None)
    save_model(loaded, tmp_path / "again", {})
    assert "backbone" in json.loads((tmp_path / "again" / "config.json").read_text())
    assert all(not key.startswith("trunk.") for key in load_file(tmp_path / "again" / "model.safetensors"))


@pytest.mark.parametrize(
    ("recipe", "old"),
    [
        (
            ReidRecipe(lr=0.3, ids_per_batch=5, images_per_id=3, random_crop=0.1, random_flip=0.2, random_erasing=0.3, label_smoothing=0.4),
            {"rate": 0.3, "identities": 5, "images": 3, "crop": 0.1, "flip": 0.2, "erase": 0.3, "smoothing": 0.4},
        ),
        (
            SegmentationRecipe(data="folder", scale=(0.6, 1.7), ohem_threshold=0.5, ohem_min_kept=9, batch_size=3, num_workers=0),
            {
                "data": "mask-folder",
                "smallest_scale": 0.6,
                "largest_scale": 1.7,
                "hard_threshold": 0.5,
                "hard_keep": 9,
                "batch": 3,
                "workers": 0,
            },
        ),
        (
            ClassificationRecipe(data="zips", crop="resized", scale=(0.2, 1.0), crop_pct=0.9, eval_batch_size=7, amp_dtype="bfloat16"),
            {"data": "class-zips", "crop": "resized", "smallest_crop": 0.2, "middle": 0.9, "test_batch": 7, "precision": "bfloat16"},
        ),
        (
            ClassificationRecipe(
                warmup_start_lr=0.1,
                warmup_epochs=2,
                lr_decay=0.3,
                ema_decay=0.9,
                activation_checkpointing=True,
                gradient_accumulation=2,
                gradient_clip_norm=1.0,
                sync_bn=True,
                prefetch_factor=3,
                backbone_lr_scale=0.1,
                backbone_options={"act_layer": "silu"},
            ),
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
                "trunk_rate_scale": 0.1,
                "trunk_options": {"act_layer": "silu"},
            },
        ),
    ],
    ids=["reid", "segmentation", "classification", "training"],
)
def test_a_recipe_is_read(recipe: TrainingRecipe, old: dict[str, Any], tmp_path: Path) -> None:
    fields = {"trunk": recipe.to_dict()["backbone"], **old}
    (tmp_path / "recipe.json").write_text(json.dumps({**fields, "data_fingerprint": "0123", "run": {"version": "0.1.0"}}))
    assert read_record(tmp_path).recipe(type(recipe), tmp_path) == recipe


@pytest.mark.parametrize("recipe", [ReidRecipe(), SegmentationRecipe(), ClassificationRecipe()], ids=lambda recipe: type(recipe).__name__)
def test_a_recipe_of_today_stays_as_it_is(recipe: TrainingRecipe, tmp_path: Path) -> None:
    RunRecord(recipe.to_dict(), "0123").write(tmp_path)
    assert read_record(tmp_path).recipe(type(recipe), tmp_path) == recipe
    assert converted_recipe(recipe.to_dict()) == recipe.to_dict()


def test_a_checkpoint_is_converted(tmp_path: Path) -> None:
    model = nn.ModuleDict({"backbone": nn.Linear(2, 2), "neck": nn.Linear(2, 1)})
    today = Checkpoint(
        epoch=1,
        step=4,
        best={"raw": 0.1, "ema": 0.2},
        metrics={"raw": {"mAP": 0.1}, "ema": {"mAP": 0.2}},
        model=model.state_dict(),
        ema=model.state_dict(),
        optimizer={},
        scaler={},
        random={},
        skipped={},
        log=10,
        steps_per_epoch=3,
    )
    state = {key.replace("backbone.", "trunk."): value for key, value in model.state_dict().items()}
    old = {name: value for name, value in vars(today).items() if name != "ema"}
    old |= {"model": state, "averaged": state, "best": {"raw": 0.1, "averaged": 0.2}}
    old["metrics"] = {"raw": {"mAP": 0.1}, "averaged": {"mAP": 0.2}}
    assert digest(vars(Checkpoint(**converted_checkpoint(old)))) == digest(vars(replace(today)))
    torch.save({"format": 4, "rga": "0.1.0", "digest": digest(old), **old}, tmp_path / LAST)
    assert digest(vars(load_checkpoint(tmp_path / LAST, torch.device("cpu")))) == digest(vars(today))
