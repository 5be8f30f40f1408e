"""Options of strong recipes in whole trainings: resumed to the bit, and the same in two processes as in one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import generated
from rga.runs import resume, train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import read_log

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]

LOSSES: dict[str, dict[str, Any]] = {
    "arcface and centres": {"identity_loss": "arcface", "identity_margin": 0.3, "center_weight": 5e-4, "triplet_weight": 0.0},
    "cosface and weighted triplets": {"identity_loss": "cosface", "triplet_mining": "weighted", "margin": None},
    "circle of classes and of pairs": {"identity_loss": "circle", "triplet_weight": 0.0, "circle_weight": 1.0, "circle_scale": 16.0},
}
OPTIONS: dict[str, dict[str, Any]] = {
    **LOSSES,
    "frozen": {"freeze_epochs": 2},
    "frozen, averaged, in parts": {"freeze_epochs": 1, "ema_decay": 0.9, "gradient_accumulation": 2, "decay_norms": False},
    "by depth": {"layer_lr_decay": 0.7, "decay_norms": False, "weight_decay": 0.1},
    "randaugment": {"auto_augment": "randaugment", "auto_augment_prob": 0.7},
    "autoaugment": {"auto_augment": "autoaugment", "auto_augment_prob": 1.0},
}


def some(*names: str) -> list[Any]:
    """All options; those that are not named are left to make test-all."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in OPTIONS]


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people to train on."""
    options = PeopleOptions(identities=16, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
    return make_people(tmp_path_factory.mktemp("eight") / "people", options)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six others."""
    options = PeopleOptions(identities=12, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32, seed=5)
    return make_people(tmp_path_factory.mktemp("six") / "people", options)


def recipe(people: Path, **changes: Any) -> ReidRecipe:
    """Two steps an epoch, three epochs."""
    values: dict[str, Any] = {
        "data": DataSpec("market1501", people),
        "backbone": "test_resnet",
        "image_size": (64, 32),
        "ids_per_batch": 4,
        "images_per_id": 2,
        "epochs": 3,
        "evaluate_every": 0,
        "num_workers": 0,
        "threads": 1,
        "log_every": 1,
        "optimizer": "adamw",
        "lr": 1e-3,
        "warmup_epochs": 0,
        "initial_gate": 0.95,
    }
    return generated().override(**{**values, **changes})


def curve(out: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name not in ("time", "kind")} for event in read_log(out, "step")]


@pytest.mark.slow
@pytest.mark.parametrize("name", some("arcface and centres", "frozen, averaged, in parts"))
def test_a_training_that_was_stopped_goes_on_to_the_bit(name: str, eight: Path, tmp_path: Path) -> None:
    chosen = recipe(eight, **OPTIONS[name])
    train(chosen, output=tmp_path / "whole")
    train(chosen.override(max_steps=3), output=tmp_path / "parts")  # in the middle of the second epoch
    resume(tmp_path / "parts", changes={"max_steps": 0})
    assert len(curve(tmp_path / "whole")) == 6
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")
    whole, parts = (load_checkpoint(tmp_path / run / LAST, torch.device("cpu")) for run in ("whole", "parts"))
    for kept in ("model", "ema", "criterion"):
        ours, theirs = getattr(parts, kept), getattr(whole, kept)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert parts.optimizer["param_groups"] == whole.optimizer["param_groups"]
    assert parts.optimizer["state"].keys() == whole.optimizer["state"].keys()


def test_frozen_weights_have_no_state_in_the_optimizer_until_they_learn(eight: Path, tmp_path: Path) -> None:
    chosen = recipe(eight, freeze_epochs=2, weight_decay=0.1)
    train(chosen.override(max_steps=4), output=tmp_path / "frozen")
    train(chosen.override(max_steps=1), output=tmp_path / "once")
    frozen, once = (load_checkpoint(tmp_path / run / LAST, torch.device("cpu")) for run in ("frozen", "once"))
    own = {name for name in frozen.model if name.startswith("backbone.") and ".attention." not in name}
    assert all(torch.equal(frozen.model[name], once.model[name]) for name in own)
    assert not torch.equal(frozen.model["classifier.weight"], once.model["classifier.weight"])
    groups = frozen.optimizer["param_groups"]
    backbone, others = (set(group["params"]) for group in groups)
    assert set(frozen.optimizer["state"]) == others
    resume(tmp_path / "frozen", changes={"max_steps": 0})
    whole = load_checkpoint(tmp_path / "frozen" / LAST, torch.device("cpu"))
    assert set(whole.optimizer["state"]) == backbone | others
    assert any(not torch.equal(whole.model[name], once.model[name]) for name in own)


def trained(chosen: ReidRecipe, out: Path) -> int:
    return train(chosen, output=out).step


SMALL_STEPS: dict[str, Any] = {"optimizer": "sgd", "lr": 5e-5}
"""With large steps from random weights the least rounding grows tenfold at every step, also in one process."""


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_two_processes_have_the_loss_curve_of_one(name: str, eight: Path, tmp_path: Path, in_processes: InProcesses) -> None:
    chosen = recipe(eight, **{**OPTIONS[name], **SMALL_STEPS})
    train(chosen, output=tmp_path / "one")
    assert in_processes(2, partial(trained, chosen.override(sync_bn=True), tmp_path / "two")) == [6, 6]
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert len(one) == len(two) == 6
    if chosen.optimization.gradient_accumulation > 1:
        return  # what is computed over a whole batch is computed over the parts of a process's share: other images
    for ours, theirs in zip(two, one, strict=True):
        assert ours.keys() == theirs.keys()
        assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=1e-5)
    checkpoints = (load_checkpoint(tmp_path / run / LAST, torch.device("cpu")) for run in ("one", "two"))
    first, second = (checkpoint.criterion for checkpoint in checkpoints)
    assert first.keys() == second.keys()
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_batches_of_several_datasets_are_balanced_the_same_way_in_any_number_of_processes(
    eight: Path, six: Path, tmp_path: Path, in_processes: InProcesses
) -> None:
    chosen = recipe(eight, also_train=(DataSpec("market1501", six),), domain_balanced=True, **SMALL_STEPS)
    train(chosen, output=tmp_path / "one")
    assert in_processes(2, partial(trained, chosen.override(sync_bn=True), tmp_path / "two")) == [9, 9]
    for ours, theirs in zip(curve(tmp_path / "two"), curve(tmp_path / "one"), strict=True):
        assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=1e-5)
