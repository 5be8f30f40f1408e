"""Every recipe is the paper's where it says so, and runs a step."""

from pathlib import Path

import pytest
from timm.models import get_pretrained_cfg

from rga.backbones.normalisation import backbone_normalisation
from rga.datasets.spec import DataSpec
from rga.loading import load
from rga.reid.model import ReidModel
from rga.reid.recipes import RECIPES
from rga.reid.strong_recipes import STRONG
from rga.runs import train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.optimization import build_schedule
from rga.training.run.log import read_log


@pytest.mark.parametrize("name", ["market1501", "cuhk03", "msmt17"])
def test_the_papers_recipe_is_the_papers(name: str) -> None:
    """paper.md's facts, read off the authors' code."""
    found = RECIPES[name]().fields()
    expected = {
        "backbone": "resnet50.tv_in1k",
        "attention": "rga-sc",
        "last_stride": 1,
        "pooling": "average",
        "image_size": (256, 128),
        "weights": "pretrained",
        "backbone_options": {},
        "mean": None,
        "std": None,
        "initial_gate": None,
        "ids_per_batch": 16,
        "images_per_id": 4,
        "passes_per_epoch": 1,
        "epochs": 600,
        "random_crop": 0.5,
        "random_flip": 0.5,
        "random_erasing": 0.5,
        "color_jitter": 0.0,
        "label_smoothing": 0.1,
        "margin": 0.3,
        "identity_weight": 1.0,
        "triplet_weight": 1.0,
        "optimizer": "adam",
        "weight_decay": 5e-4,
        "warmup_start_lr": 8e-6,
        "lr": 8e-4,
        "warmup_epochs": 20,
        "milestones": (80, 120, 160, 200, 240, 280, 320, 360),
        "lr_decay": 0.5,
        "schedule": "steps",
        "lr_update": "epoch",
    }
    assert {field: found[field] for field in expected} == expected


def test_the_papers_weights_are_torchvisions_first_ones() -> None:
    """The authors' code reads resnet50-19c8e357.pth; timm's choice for the name without a tag is another training."""
    weights = get_pretrained_cfg(RECIPES["market1501"]().model.backbone)
    assert weights is not None
    assert (weights.architecture, weights.origin_url, weights.tag) == ("resnet50", "https://github.com/pytorch/vision", "tv_in1k")
    assert (weights.mean, weights.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("name", ["market1501", "cuhk03", "msmt17", "folder"])
def test_the_learning_rate_is_set_once_an_epoch_as_the_authors_code_does(name: str) -> None:
    recipe = RECIPES[name]().optimization
    schedule = build_schedule(recipe)
    for epoch in range(recipe.epochs):
        if epoch < recipe.warmup_epochs:
            expected = 8e-6 + (8e-4 - 8e-6) * epoch / recipe.warmup_epochs
        else:
            expected = 8e-4 * 0.5 ** sum(milestone <= epoch for milestone in recipe.milestones)
        assert [schedule(epoch + step / 47) for step in (0, 1, 23, 46)] == pytest.approx([expected] * 4)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "people"
    return make_people(folder, PeopleOptions(identities=10, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in ("cuhk03", "market1501", "msmt17", "mars", "folder", "small") else name
        for name in RECIPES
        if name not in STRONG  # test_published_recipes.py
    ],
)
def test_every_recipe_runs_a_step(name: str, people: Path, tmp_path: Path) -> None:
    data = DataSpec("market1501", people)  # the layout of what is generated
    if name in ("folder", "small"):
        data = DataSpec("folder", by_identity(people, tmp_path / "folders"), {"camera": r"c(\d)"})
    if name in ("mars", "video-small"):
        data = DataSpec("walks", tmp_path / "walks", {"identities": 8, "cameras": 2, "tracklets_per_camera": 2, "frames": 3})
    recipe = RECIPES[name]().override(
        data=data, image_size=(64, 32), ids_per_batch=2, images_per_id=2, num_workers=0, weights="none", max_steps=1
    )
    outcome = train(recipe, output=tmp_path / "run")
    assert outcome.step == 1
    model = load(tmp_path / "run", ReidModel)
    shown = backbone_normalisation(recipe.model.backbone)
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
