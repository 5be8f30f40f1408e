"""Trainings of several processes, as torchrun starts them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import rga
from rga.datasets.spec import DataSpec
from rga.recipes import to_json
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import generated
from rga.reid.task import TASK
from rga.runs import resume, train
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.log import read_log

OPTIONS: dict[str, Any] = {
    "backbone": "test_resnet",
    "image_size": (64, 32),
    "ids_per_batch": 4,
    "images_per_id": 2,
    "passes_per_epoch": 2,
    "epochs": 5,
    "num_workers": 0,
    "threads": 1,
    "color_jitter": 0.2,
    "log_every": 1,
    "initial_gate": 0.95,
    "optimizer": "sgd",
    "lr": 5e-5,  # small: with large steps from random weights the least rounding grows tenfold at every step, also in one process
    "warmup_epochs": 0,
    "ema_decay": 0.9,
}


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people to train on."""
    options = PeopleOptions(identities=16, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
    return make_people(tmp_path_factory.mktemp("eight") / "people", options)


def recipe(eight: Path, **changes: Any) -> ReidRecipe:
    """Four steps an epoch, twenty in all."""
    return generated().override(data=DataSpec("market1501", eight), **{**OPTIONS, **changes})


def torchrun(count: int, recipe: ReidRecipe, out: Path) -> subprocess.CompletedProcess[str]:
    """Trains as a user does on several processes."""
    file = out.with_suffix(".json")
    file.write_text(to_json(recipe))
    program = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m", "rga", "train", str(file)]
    words = [sys.executable, *program, "-o", str(out)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)


def curve(out: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "time"} for event in read_log(out, "step")]


@pytest.fixture(scope="module")
def one(eight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    out = tmp_path_factory.mktemp("one") / "run"
    assert train(recipe(eight), output=out).step == len(curve(out)) == 20
    assert curve(out)[0]["identity"] - curve(out)[-1]["identity"] > 1e-3  # it learns
    return out


def assert_near(two: Path, one: Path) -> None:
    """To 1e-5, in float32."""
    assert len(curve(two)) == len(curve(one))
    for ours, theirs in zip(curve(two), curve(one), strict=True):
        assert ours.keys() == theirs.keys() >= {"identity", "triplet"}
        assert [ours["identity"], ours["triplet"]] == pytest.approx([theirs["identity"], theirs["triplet"]], rel=1e-5)


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one_and_its_evaluation(eight: Path, one: Path, tmp_path: Path) -> None:
    two = tmp_path / "run"
    done = torchrun(2, recipe(eight, sync_bn=True), two)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the run is in") == 1
    assert_near(two, one)
    for kind in ("evaluate", "evaluate_ema"):
        for ours, theirs in zip(read_log(two, kind), read_log(one, kind), strict=True):
            assert ours.keys() == theirs.keys()
            assert ours["mAP_neck"] == pytest.approx(theirs["mAP_neck"], abs=0.02)  # near ties may be broken the other way
    weights, expected = (rga.load(out / "last").state_dict() for out in (two, one))
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_one_that_fails_stops_both_nothing_is_lost_and_one_process_goes_on(eight: Path, one: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    training = TASK.build(recipe(eight), TASK.read(recipe(eight)))
    first, second = (list(training.loader.plan.batches(epoch)) for epoch in (0, 1))
    drawn = {index for batch in first for index in batch}
    victim = next(training.data.train[index].path for batch in second for index in batch[4:] if index not in drawn)  # the second process's
    contents = victim.read_bytes()
    try:
        victim.write_bytes(contents[:100] + bytes(len(contents) - 100))
        done = torchrun(2, recipe(eight, sync_bn=True), out)
    finally:
        victim.write_bytes(contents)
    assert done.returncode == 1
    assert f"{victim} cannot be read as an image" in done.stderr
    assert "another process of this training failed" in done.stderr
    assert 4 <= len(curve(out)) < 20
    assert resume(out).step == 20
    (event,) = read_log(out, "changed")
    assert event["processes"] == "2 -> 1"
    assert_near(out, one)
