"""Every classification recipe says what it should, and runs a step."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.classification.evaluation import evaluate_model
from rga.classification.model import ClassificationModel
from rga.classification.recipe import ClassificationRecipe
from rga.classification.recipes import RECIPES
from rga.classification.task import read
from rga.datasets.spec import DataSpec
from rga.loading import load
from rga.runs import train


def test_the_cifar_recipes_are_the_standard_ones() -> None:
    """Padded by 4, cropped, flipped; SGD with momentum and a cosine from .1."""
    for name, backbone in (("cifar10", "cifar-resnet20"), ("cifar100", "cifar-resnet56")):
        recipe = RECIPES[name]()
        found = recipe.fields()
        expected = {
            "backbone": backbone,
            "attention": "rga-sc",
            "weights": "none",
            "image_size": 32,
            "crop": "padded",
            "padding": 4,
            "random_flip": 0.5,
            "batch_size": 128,
            "optimizer": "sgd",
            "lr": 0.1,
            "schedule": "cosine",
            "weight_decay": 5e-4,
            "epochs": 200,
        }
        assert recipe.data.name == name
        assert {field: found[field] for field in expected} == expected


def test_the_imagenet_recipe_is_the_standard_one() -> None:
    found = RECIPES["imagenet"]().fields()
    expected = {
        "backbone": "resnet50",
        "image_size": 224,
        "crop_pct": 0.875,
        "crop": "resized",
        "scale": (0.08, 1.0),
        "optimizer": "sgd",
        "lr": 0.1,
        "batch_size": 256,
        "weight_decay": 1e-4,
        "label_smoothing": 0.1,
        "warmup_epochs": 5,
        "epochs": 100,
        "schedule": "cosine",
    }
    assert {field: found[field] for field in expected} == expected


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in two classes, in folders to train and to test on."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(2):
                Image.fromarray(generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(root / split / name / f"{number}.png")
    return root


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ("folder", "imagenet") else name for name in RECIPES]
)
def test_every_recipe_runs_a_step(name: str, folders: Path, tmp_path: Path) -> None:
    recipe = RECIPES[name]().override(num_workers=0, weights="none", max_steps=1, batch_size=4, lr=1e-3)
    if name != "digits":
        recipe = recipe.override(data=DataSpec("folder", folders), image_size=min(recipe.model.image_size, 64))
    outcome = train(recipe, output=tmp_path / "run")
    assert outcome.step == 1
    assert isinstance(recipe, ClassificationRecipe)
    data = read(recipe)
    expected = evaluate_model(load(tmp_path / "run", ClassificationModel), data)
    assert outcome.metrics["top1"] == expected.top1
    split = "test" if name == "digits" else "val"
    assert outcome.metrics[f"{split}_cross_entropy"] == pytest.approx(expected.cross_entropy, rel=1e-4)
    assert expected.confusion.sum() == len(data.split(split)) > 0
