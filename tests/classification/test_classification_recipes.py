"""Every classification recipe says what it should, and runs a step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rga.classification.recipes import RECIPES
from rga.cli.train import train


def test_the_cifar_recipes_are_the_standard_ones() -> None:
    """Padded by 4, cropped, flipped; SGD with momentum and a cosine from .1."""
    for name, backbone in (("cls-cifar10", "cifar-resnet20"), ("cls-cifar100", "cifar-resnet56")):
        recipe = RECIPES[name]()
        assert (recipe.data, recipe.backbone, recipe.attention, recipe.weights) == (name.removeprefix("cls-"), backbone, "rga-sc", "none")
        assert (recipe.size, recipe.crop, recipe.padding, recipe.random_flip, recipe.batch_size) == (32, "padded", 4, 0.5, 128)
        assert (recipe.optimizer, recipe.lr, recipe.schedule, recipe.weight_decay, recipe.epochs) == ("sgd", 0.1, "cosine", 5e-4, 200)


def test_the_imagenet_recipe_is_the_standard_one() -> None:
    recipe = RECIPES["cls-imagenet"]()
    assert (recipe.backbone, recipe.size, recipe.crop_pct, recipe.crop, recipe.scale) == ("resnet50", 224, 0.875, "resized", (0.08, 1.0))
    assert (recipe.optimizer, recipe.lr, recipe.batch_size, recipe.weight_decay, recipe.label_smoothing) == ("sgd", 0.1, 256, 1e-4, 0.1)
    assert (recipe.warmup_epochs, recipe.epochs, recipe.schedule) == (5, 100, "cosine")


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


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_a_step(name: str, folders: Path, tmp_path: Path) -> None:
    tiny: dict[str, Any] = {"num_workers": 0, "weights": "none", "max_steps": 1, "batch_size": 4, "lr": 1e-3}
    recipe = replace(RECIPES[name](), **tiny)
    if name != "cls-digits":
        recipe = replace(recipe, data="folder", root=folders, size=min(recipe.size, 64))
    outcome = train(recipe, tmp_path / "run")
    assert outcome.step == 1
    assert 0 <= outcome.metrics["top1"] <= 1
