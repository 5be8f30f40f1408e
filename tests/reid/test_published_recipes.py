"""The recipes of others: their published values, and trainings by them, plain and with RGA, in one process and in two."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.attachment import attached
from rga.datasets.spec import DataSpec
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import RECIPES
from rga.reid.strong_recipes import STRONG
from rga.reid.training import ReidTraining
from rga.runs import train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.optimization import build_schedule
from rga.training.run.log import read_log

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]

BOT: dict[str, Any] = {
    "attention": "none",
    "backbone": "resnet50.tv_in1k",
    "head": "global",
    "feature": "neck",
    "pooling": "average",
    "non_local": False,
    "last_stride": 1,
    "image_size": (256, 128),
    "epochs": 120,
    "optimizer": "adam",
    "lr": 3.5e-4,
    "milestones": (40, 70),
    "lr_decay": 0.1,
    "weight_decay": 5e-4,
    "ids_per_batch": 16,
    "images_per_id": 4,
    "random_flip": 0.5,
    "random_crop": 0.0,
    "padding": 10,
    "random_erasing": 0.5,
    "label_smoothing": 0.1,
    "identity_weight": 1.0,
    "triplet_weight": 1.0,
    "margin": 0.3,
    "center_weight": 5e-4,
    "center_lr": 0.5,
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "bot": BOT,
    "agw": {**BOT, "pooling": "gem", "non_local": True, "triplet_mining": "weighted", "margin": None},
    "sbs": {
        "backbone_options": {"ibn": "a"},
        "pooling": "gem",
        "non_local": True,
        "image_size": (384, 128),
        "feature": "neck",
        "ids_per_batch": 4,
        "images_per_id": 16,
        "padding": 10,
        "random_erasing": 0.5,
        "auto_augment": "autoaugment",
        "auto_augment_prob": 0.1,
        "identity_loss": "circle",
        "identity_scale": 64.0,
        "identity_margin": 0.35,
        "label_smoothing": 0.1,
        "triplet_mining": "hard",
        "margin": None,
        "optimizer": "adam",
        "epochs": 60,
        "freeze_epochs": 10,
        "schedule": "cosine",
        "weight_decay": 5e-4,
    },
    "mgn": {
        "head": "mgn",
        "image_size": (384, 128),
        "last_stride": 2,
        "optimizer": "sgd",
        "lr": 0.01,
        "epochs": 80,
        "milestones": (40, 60),
        "lr_decay": 0.1,
        "weight_decay": 5e-4,
        "ids_per_batch": 16,
        "images_per_id": 4,
        "margin": 1.2,
        "label_smoothing": 0.0,
        "random_flip": 0.5,
        "random_erasing": 0.0,
    },
    "pcb": {
        "head": "pcb",
        "image_size": (384, 128),
        "last_stride": 1,
        "feature": "pooled",
        "optimizer": "sgd",
        "nesterov": True,
        "lr": 0.1,
        "backbone_lr_scale": 0.1,
        "epochs": 60,
        "milestones": (40,),
        "weight_decay": 5e-4,
        "triplet_weight": 0.0,
        "label_smoothing": 0.0,
        "random_flip": 0.5,
        "random_erasing": 0.0,
    },
}
"""The values of the papers and of the public configurations."""

SMALL: dict[str, Any] = {
    "backbone": "test_resnet",
    "weights": "none",
    "image_size": (64, 32),
    "ids_per_batch": 4,
    "images_per_id": 2,
    "num_workers": 0,
    "threads": 1,
    "evaluate_every": 0,
    "padding": 2,
}
"""What makes each of them small."""

OF_HEAD: dict[str, dict[str, Any]] = {"pcb": {"parts": (4,)}}
"""On a map of four rows."""

REFINED = {"head": "rpp", "epochs": 70}
"""The recipe of PCB with refined parts."""


@pytest.mark.parametrize("name", STRONG)
def test_values_are_the_published_ones(name: str) -> None:
    assert RECIPES[name] is STRONG[name]
    found = STRONG[name]().fields()
    assert {field: found[field] for field in PUBLISHED[name]} == PUBLISHED[name]
    assert found["attention"] == "none"


def test_learning_rates_are_the_published_ones() -> None:
    bot, sbs, pcb = (build_schedule(STRONG[name]().optimization) for name in ("bot", "sbs", "pcb"))
    for epoch in range(120):
        warm = 0.01 * (1 - epoch / 10) + epoch / 10 if epoch < 10 else 1.0
        assert bot(epoch + 0.5) == pytest.approx(3.5e-4 * warm * 0.1 ** ((epoch >= 40) + (epoch >= 70)))
    assert [sbs(epoch) for epoch in (0, 10, 30, 45, 60)] == pytest.approx([3.5e-5, 3.5e-4, 3.5e-4, 1.75e-4, 0.0])
    assert [pcb(epoch) for epoch in (0, 39.9, 40)] == pytest.approx([0.1, 0.1, 0.01])


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people, four of them to train on."""
    options = PeopleOptions(identities=8, cameras=2, images_per_camera=2, distractors=1, junk=1, height=64, width=32)
    return make_people(tmp_path_factory.mktemp("people") / "people", options)


def small(name: str, people: Path, **changes: Any) -> ReidRecipe:
    return STRONG[name]().override(**{**SMALL, **OF_HEAD.get(name, {}), "data": DataSpec("market1501", people), **changes})


DAILY = (("bot", "none"), ("bot", "rga-sc"), ("mgn", "rga-sc"))


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        pytest.param(name, attention, marks=() if (name, attention) in DAILY else pytest.mark.slow)
        for name in STRONG
        for attention in ("none", "rga-sc")
    ],
)
def test_each_trains_plain_and_with_rga_one_override_apart(name: str, attention: str, people: Path, tmp_path: Path) -> None:
    outcome = train(small(name, people, attention=attention, after=("layer4",), max_steps=1), output=tmp_path / "run")
    assert outcome.step == 1
    assert 0 < outcome.metrics["mAP_neck"] <= 1
    model = rga.load(tmp_path / "run")
    assert isinstance(model, ReidModel)
    assert model.attention_name == attention
    gates = [stage for stage in attached(model.backbone) if stage.endswith("layer4")]
    assert len(gates) == {"none": 0, "rga-sc": 3 if name == "mgn" else 1}[attention]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"attention": "rga-sc"}], ids=["plain", "rga-sc"])
@pytest.mark.parametrize("name", [*STRONG, "rpp"])
def test_each_runs_two_steps_at_full_size(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """The network, the images and the losses of the recipe, on two people with two images each."""
    generator = np.random.default_rng(0)
    samples = []
    for number in range(4):
        Image.fromarray(generator.integers(0, 256, (128, 64, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        samples.append(Sample(tmp_path / f"{number}.png", number // 2, 1))
    refined = REFINED if name == "rpp" else {}
    recipe = STRONG["pcb" if name == "rpp" else name]().override(
        **{"weights": "none", "ids_per_batch": 2, "images_per_id": 2, "num_workers": 0, **refined, **changes}
    )
    task = ReidTraining(recipe, ReidData("noise", tuple(samples), (), (), tmp_path))
    optimizer = task.optimizer()
    task.model.train()
    task.begin_epoch(recipe.optimization.epochs)
    before = {key: value.detach().clone() for key, value in task.model.named_parameters() if value.requires_grad}
    batch = next(task.batches(0))
    for _ in range(2):
        loss = sum(task.losses(batch, torch.device("cpu")).values(), torch.zeros(()))
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    still = [key for key, value in task.model.named_parameters() if key in before and torch.equal(before[key], value)]
    assert not still
    height, width = recipe.model.image_size
    found = task.model.eval()(torch.rand(1, 3, height, width))
    expected = {"pcb": (12_288, 1_536), "rpp": (12_288, 1_536), "mgn": (16_384, 2_048)}.get(name, (2_048, 2_048))
    assert (found[0].shape[1], found[1].shape[1]) == expected


def trained(recipe: ReidRecipe, out: Path) -> int:
    return train(recipe, output=out).step


def curve(out: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name not in ("time", "kind")} for event in read_log(out, "step")]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STRONG, "rpp"])
def test_two_processes_have_the_loss_curve_of_one(name: str, people: Path, tmp_path: Path, in_processes: InProcesses) -> None:
    changes: dict[str, Any] = {"refine_after": 1, "refine_alone": 1, "head": "rpp"} if name == "rpp" else {}
    steps = {"optimizer": "sgd", "lr": 5e-5, "warmup_epochs": 0, "epochs": 4, "passes_per_epoch": 2, "log_every": 1}
    if STRONG.get(name, STRONG["pcb"])().optimization.freeze_epochs:
        changes |= {"freeze_epochs": 1, "hold_epochs": 1}
    recipe = small("pcb" if name == "rpp" else name, people, attention="rga-sc", initial_gate=0.95, **steps, **changes)
    train(recipe, output=tmp_path / "one")
    assert in_processes(2, partial(trained, recipe.override(sync_bn=True), tmp_path / "two")) == [8, 8]
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert len(one) == len(two) == 8
    for ours, theirs in zip(two, one, strict=True):
        assert ours.keys() == theirs.keys()
        assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=1e-5)
