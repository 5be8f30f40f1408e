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
from rga.tasks import get_task
from rga.training.schedules import set_learning_rate


def test_the_fields_settings_on_cityscapes() -> None:
    """DANet's, as its train.py, option.py, lr_scheduler.py and datasets/base.py have them."""
    recipe = RECIPES["cityscapes"]()
    found = recipe.fields()
    expected = {
        "backbone": "resnet50.tv_in1k",
        "output_stride": 8,
        "crop_size": (768, 768),
        "batch_size": 8,
        "epochs": 240,
        "optimizer": "sgd",
        "lr": 0.1,  # of new layers
        "backbone_lr_scale": 0.1,
        "nesterov": False,
        "schedule": "poly",
        "lr_update": "step",
        "weight_decay": 1e-4,
        "warmup_epochs": 0,
        "scale": (0.75, 2.0),
        "random_flip": 0.5,
        "color_jitter": 0.0,
        "auxiliary_weight": 0.0,
        "ohem_threshold": 0.0,
        "sync_bn": True,
        "attention": "rga-sc",
        "fit": "pool",
        "largest_grid": 32,
    }
    assert {field: found[field] for field in expected} == expected


def test_new_layers_learn_ten_times_as_fast_on_cityscapes(scenes: Path) -> None:
    tiny = {"crop_size": (48, 64), "batch_size": 2, "num_workers": 0, "weights": "none", "backbone": "resnet10t", "largest_grid": 4}
    recipe = RECIPES["cityscapes"]().override(data=DataSpec("streets", scenes), **tiny)
    task = get_task("segmentation")
    training = task.build(recipe, task.read(recipe))
    optimizer, schedule = training.optimizer(), training.schedule()
    names = {id(parameter): name for name, parameter in training.model.named_parameters()}
    for epoch, share in ((0, 1.0), (120, 0.5**0.9), (240, 0.0)):
        set_learning_rate(optimizer, schedule(epoch))
        for group in optimizer.param_groups:
            own = [names[id(each)] for each in group["params"]]
            old = ["attention" not in name and name.startswith("backbone") for name in own]
            assert all(old) or not any(old)
            assert group["lr"] == pytest.approx((0.01 if all(old) else 0.1) * share)
            assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, False, 1e-4)
    assert not any("auxiliary" in name for name in names.values())


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_streets(tmp_path_factory.mktemp("data") / "streets", StreetOptions(train=2, val=1, test=0, height=48, width=96))


@pytest.mark.parametrize("name", [name if name == "tiny" else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES])
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
