"""Every recipe is the paper's where it says so, and runs a step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rga.commands.train import train
from rga.data.people import PeopleOptions, make_people
from rga.recipes.reid import RECIPES
from rga.reid.recipe import ReidRecipe


def test_the_papers_recipe_is_the_papers() -> None:
    """paper.md's facts, read off the authors' code."""
    for name in ("reid-market1501", "reid-cuhk03", "reid-msmt17"):
        recipe = RECIPES[name]()
        assert (recipe.trunk, recipe.attention, recipe.last_stride, recipe.height, recipe.width) == ("resnet50", "rga-sc", 1, 256, 128)
        assert (recipe.identities, recipe.images, recipe.passes, recipe.epochs) == (16, 4, 1, 600)
        assert (recipe.crop, recipe.flip, recipe.erase, recipe.color_jitter) == (0.5, 0.5, 0.5, 0.0)
        assert (recipe.smoothing, recipe.margin, recipe.identity_weight, recipe.triplet_weight) == (0.1, 0.3, 1.0, 1.0)
        assert (recipe.optimizer, recipe.weight_decay, recipe.start_rate, recipe.rate, recipe.warmup) == ("adam", 5e-4, 8e-6, 8e-4, 20)
        assert (recipe.milestones, recipe.factor, recipe.schedule) == ((80, 120, 160, 200, 240, 280, 320, 360), 0.5, "steps")
        assert recipe.initial_gate is None


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "people"
    return make_people(folder, PeopleOptions(identities=10, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_runs_a_step(name: str, people: Path, tmp_path: Path) -> None:
    tiny: dict[str, Any] = {"height": 64, "width": 32, "identities": 2, "images": 2, "workers": 0, "weights": "none", "max_steps": 1}
    recipe: ReidRecipe = replace(RECIPES[name](), root=people, **tiny)
    if recipe.data == "folder":
        recipe = replace(recipe, root=by_identity(people, tmp_path / "folders"), camera_pattern=r"c(\d)")
    else:
        recipe = replace(recipe, data="market1501")  # the layout of what is generated
    outcome = train(recipe, tmp_path / "run")
    assert outcome.step == 1
    assert "mAP_neck" in outcome.metrics


def by_identity(people: Path, target: Path) -> Path:
    """The generated training pictures as a folder for each identity."""
    for path in (people / "bounding_box_train").iterdir():
        folder = target / path.name.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return target
