"""Every recipe is the field's where it says so, and runs a step."""

from dataclasses import replace
from pathlib import Path

import pytest

from rga.cli.train import train
from rga.segmentation.recipes import RECIPES
from rga.synthetic.streets.streets import StreetOptions, make_streets


def test_the_fields_settings_on_cityscapes() -> None:
    """DANet's: crops of 768, batches of 8, SGD at .01 with a poly schedule, weight decay 1e-4, random scale .5-2."""
    recipe = RECIPES["seg-cityscapes"]()
    assert (recipe.backbone, recipe.output_stride, recipe.height, recipe.width, recipe.batch_size) == ("resnet50.tv_in1k", 8, 768, 768, 8)
    assert (recipe.optimizer, recipe.lr, recipe.schedule, recipe.weight_decay, recipe.warmup_epochs) == ("sgd", 0.01, "poly", 1e-4, 0)
    assert (recipe.scale, recipe.random_flip, recipe.auxiliary_weight) == ((0.5, 2.0), 0.5, 0.4)
    assert (recipe.attention, recipe.fit, recipe.largest_grid) == ("rga-sc", "pool", (32, 32))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_streets(tmp_path_factory.mktemp("data") / "streets", StreetOptions(train=2, val=1, test=0, height=48, width=96))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_a_step(name: str, scenes: Path, tmp_path: Path) -> None:
    recipe = replace(
        RECIPES[name](),
        data="streets",
        root=scenes,
        height=48,
        width=64,
        batch_size=2,
        num_workers=0,
        weights="none",
        max_steps=1,
        attention_grid=4,
    )
    outcome = train(replace(recipe, backbone="resnet10t") if recipe.backbone.startswith("resnet") else recipe, tmp_path / "run")
    assert outcome.step == 1
    assert 0 <= outcome.metrics["mIoU"] <= 1
