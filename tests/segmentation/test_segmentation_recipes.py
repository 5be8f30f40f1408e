"""Every recipe is the field's where it says so, and runs a step."""

from pathlib import Path

import pytest

from rga.datasets.spec import DataSpec
from rga.loading import load
from rga.runs import train
from rga.segmentation.datasets.cityscapes import read_generated
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipes import RECIPES
from rga.synthetic.streets.streets import StreetOptions, make_streets


def test_the_fields_settings_on_cityscapes() -> None:
    """DANet's: crops of 768, batches of 8, SGD at .01 with a poly schedule, weight decay 1e-4, random scale .5-2."""
    recipe = RECIPES["cityscapes"]()
    found = recipe.fields()
    expected = {
        "backbone": "resnet50.tv_in1k",
        "output_stride": 8,
        "crop_size": (768, 768),
        "batch_size": 8,
        "epochs": 240,
        "optimizer": "sgd",
        "lr": 0.01,
        "schedule": "poly",
        "weight_decay": 1e-4,
        "warmup_epochs": 0,
        "scale": (0.5, 2.0),
        "random_flip": 0.5,
        "auxiliary_weight": 0.4,
        "attention": "rga-sc",
        "fit": "pool",
        "largest_grid": 32,
    }
    assert {field: found[field] for field in expected} == expected


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_streets(tmp_path_factory.mktemp("data") / "streets", StreetOptions(train=2, val=1, test=0, height=48, width=96))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_a_step(name: str, scenes: Path, tmp_path: Path) -> None:
    recipe = RECIPES[name]().override(
        data=DataSpec("streets", scenes), crop_size=(48, 64), batch_size=2, num_workers=0, weights="none", max_steps=1, largest_grid=4
    )
    if recipe.model.backbone.startswith("resnet"):
        recipe = recipe.override(backbone="resnet10t")
    outcome = train(recipe, output=tmp_path / "run")
    assert outcome.step == 1
    data = read_generated(scenes)
    expected = evaluate_model(load(tmp_path / "run", SegmentationModel), data.val, data.classes)
    assert outcome.metrics == {
        "mIoU": expected.mIoU,
        "pixel_accuracy": expected.pixel_accuracy,
        "mean_accuracy": expected.mean_accuracy,
    }
    assert expected.matrix.sum() > 4000  # of 48 x 96 pixels
