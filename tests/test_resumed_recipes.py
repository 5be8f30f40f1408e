"""Every shipped recipe goes on where it was stopped, with its own weights and freezing: only its size is another one here."""

from pathlib import Path
from typing import Any

import pytest
from torch import nn

import rga
from rga.datasets.spec import DataSpec
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.people.walks import WalkOptions, make_walks
from rga.synthetic.streets.streets import StreetOptions, make_streets
from rga.tasks import get_recipe, recipe_functions
from rga.training.run.log import read_log

ALIKE: dict[str, Any] = {"num_workers": 0, "threads": 1, "evaluate_every": 0, "log_every": 1}
SMALL: dict[str, dict[str, Any]] = {
    "reid": {"backbone": "test_resnet", "image_size": (64, 32), "ids_per_batch": 2, "images_per_id": 2},
    "segmentation": {"backbone": "test_resnet", "crop_size": (48, 64), "batch_size": 2, "largest_grid": 4},
    "classification": {"data": DataSpec("digits"), "backbone": "test_resnet", "image_size": 32, "batch_size": 8},
    "detection": {
        "backbone": "test_resnet",
        "image_size": (32, 64),
        "largest_grid": 4,
        "pyramid_channels": 8,
        "head_width": 8,
        "rois_per_image": 16,
        "batch_size": 2,
    },
}
OWN: dict[str, dict[str, Any]] = {  # non-local blocks and IBN are of larger ResNets, six parts want six rows, one head is HRNet's
    "reid/pcb": {"image_size": (96, 32)},
    "reid/agw": {"backbone": "resnet50"},
    "reid/sbs": {"backbone": "resnet50"},
    "seg/hrnet": {"backbone": "hrnet_w18_small"},
}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DataSpec]:
    """Task, or recipe of it with data of another kind -> something small to train on."""
    root = tmp_path_factory.mktemp("data")
    people = PeopleOptions(identities=8, cameras=2, images_per_camera=2, distractors=1, junk=1, height=64, width=32)
    streets = StreetOptions(train=4, val=1, test=0, height=64, width=128)
    objects = StreetOptions(train=4, val=1, test=0, height=64, width=128, layout="coco")
    walks = DataSpec("tracklets", make_walks(root / "walks", WalkOptions(identities=8, cameras=2, frames=4)))
    return {
        "reid": DataSpec("market1501", make_people(root / "people", people)),
        "segmentation": DataSpec("streets", make_streets(root / "streets", streets)),
        "detection": DataSpec("coco", make_streets(root / "objects", objects)),
        "reid/video-small": walks,
        "reid/mars": walks,
    }


EVERY_DAY = ("detection/coco", "detection/folder", "detection/generated", "reid/market1501", "seg/cityscapes", "cls/folder")
"""Those of the others are left to make test-all."""


def loaded(_backbone: nn.Module, _name: str, weights: str, *_: object, **__: object) -> str:
    """Stands in for weights that are fetched."""
    return f"{weights}, as it were"


@pytest.mark.parametrize("name", [name if name in EVERY_DAY else pytest.param(name, marks=pytest.mark.slow) for name in recipe_functions()])
def test_a_run_by_every_recipe_goes_on(name: str, data: dict[str, DataSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = get_recipe(name)
    if recipe.task == "detection":
        pytest.importorskip("pycocotools")
    monkeypatch.setattr("rga.training.image_training.load_backbone_weights", loaded)
    small = {**ALIKE, **SMALL[recipe.task], **OWN.get(name, {})}
    if recipe.task in data:
        small["data"] = data.get(name, data[recipe.task])
    rga.train(recipe.override(**small, max_steps=1), output=tmp_path / "run", name=name)
    outcome = rga.resume(tmp_path / "run", changes={"max_steps": 2})
    assert (outcome.step, len(read_log(tmp_path / "run", "step"))) == (2, 2)
    model = rga.load(tmp_path / "run" / "last")
    assert model.trained_on["weights"] == f"{recipe.fields()['weights']}, as it were"
