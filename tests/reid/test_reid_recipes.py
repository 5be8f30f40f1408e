"""Every recipe is the paper's where it says so, and runs a step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
from timm.models import get_pretrained_cfg

from rga.backbones.normalisation import backbone_normalisation
from rga.classification.recipes import RECIPES as CLASSIFICATION
from rga.cli.train import train
from rga.loading import load
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import RECIPES
from rga.segmentation.recipes import RECIPES as SEGMENTATION
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.log import read_log


def test_the_papers_recipe_is_the_papers() -> None:
    """paper.md's facts, read off the authors' code."""
    for name in ("reid-market1501", "reid-cuhk03", "reid-msmt17"):
        recipe = RECIPES[name]()
        assert (recipe.backbone, recipe.attention, recipe.last_stride, recipe.height, recipe.width) == (
            "resnet50.tv_in1k",
            "rga-sc",
            1,
            256,
            128,
        )
        assert (recipe.weights, recipe.backbone_options, recipe.mean, recipe.std) == ("pretrained", {}, None, None)
        assert (recipe.ids_per_batch, recipe.images_per_id, recipe.passes, recipe.epochs) == (16, 4, 1, 600)
        assert (recipe.random_crop, recipe.random_flip, recipe.random_erasing, recipe.color_jitter) == (0.5, 0.5, 0.5, 0.0)
        assert (recipe.label_smoothing, recipe.margin, recipe.identity_weight, recipe.triplet_weight) == (0.1, 0.3, 1.0, 1.0)
        assert (recipe.optimizer, recipe.weight_decay, recipe.warmup_start_lr, recipe.lr, recipe.warmup_epochs) == (
            "adam",
            5e-4,
            8e-6,
            8e-4,
            20,
        )
        assert (recipe.milestones, recipe.lr_decay, recipe.schedule) == ((80, 120, 160, 200, 240, 280, 320, 360), 0.5, "steps")
        assert recipe.initial_gate is None
        assert recipe.lr_update == "epoch"


def test_the_papers_weights_are_torchvisions_first_ones() -> None:
    """The authors' code reads resnet50-19c8e357.pth; timm's choice for the name without a tag is another training."""
    weights = get_pretrained_cfg(RECIPES["reid-market1501"]().backbone)
    assert weights is not None
    assert (weights.architecture, weights.origin_url, weights.tag) == ("resnet50", "https://github.com/pytorch/vision", "tv_in1k")
    assert (weights.mean, weights.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("name", ["reid-market1501", "reid-cuhk03", "reid-msmt17", "reid-folder"])
def test_the_learning_rate_is_set_once_an_epoch_as_the_authors_code_does(name: str) -> None:
    recipe = RECIPES[name]()
    schedule = recipe.build_schedule()
    for epoch in range(recipe.epochs):
        if epoch < recipe.warmup_epochs:
            expected = 8e-6 + (8e-4 - 8e-6) * epoch / recipe.warmup_epochs
        else:
            expected = 8e-4 * 0.5 ** sum(milestone <= epoch for milestone in recipe.milestones)
        assert [schedule(epoch + step / 47) for step in (0, 1, 23, 46)] == pytest.approx([expected] * 4)


def test_every_recipe_with_pretrained_weights_says_which() -> None:
    recipes = {**RECIPES, **CLASSIFICATION, **SEGMENTATION}
    known = set(timm.list_pretrained())
    trained = {name: make().backbone for name, make in recipes.items() if make().weights == "pretrained"}
    assert {backbone for backbone in trained.values() if backbone not in known} == set()
    assert trained["seg-cityscapes"] == "resnet50.tv_in1k"  # DANet's code reads resnet50-19c8e357.pth, too


def test_smooth_schedules_move_at_every_step() -> None:
    for name, make in {**RECIPES, **CLASSIFICATION, **SEGMENTATION}.items():
        recipe = make()
        if recipe.schedule != "steps":
            assert recipe.lr_update == "step", name


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "people"
    return make_people(folder, PeopleOptions(identities=10, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_a_step(name: str, people: Path, tmp_path: Path) -> None:
    tiny: dict[str, Any] = {
        "height": 64,
        "width": 32,
        "ids_per_batch": 2,
        "images_per_id": 2,
        "num_workers": 0,
        "weights": "none",
        "max_steps": 1,
    }
    recipe: ReidRecipe = replace(RECIPES[name](), root=people, **tiny)
    if recipe.data == "folder":
        recipe = replace(recipe, root=by_identity(people, tmp_path / "folders"), camera_pattern=r"c(\d)")
    else:
        recipe = replace(recipe, data="market1501")  # the layout of what is generated
    outcome = train(recipe, tmp_path / "run")
    assert outcome.step == 1
    model = load(tmp_path / "run", ReidModel)
    shown = backbone_normalisation(recipe.backbone)
    assert (model.preprocessing.mean, model.preprocessing.std) == shown
    assert model.trained_on["weights"] == "none: random from the start"
    (start,) = read_log(tmp_path / "run", "start")
    assert (start["weights"], start["mean"]) == ("none: random from the start", " ".join(map(str, shown[0])))
    assert "mAP_neck" in outcome.metrics


def by_identity(people: Path, target: Path) -> Path:
    """The generated training images as a folder for each identity."""
    for path in (people / "bounding_box_train").iterdir():
        folder = target / path.name.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return target
