"""Trainings of several processes, as torchrun starts them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import rga
from rga.commands.train import train
from rga.data.people import PeopleOptions, make_people
from rga.engine.run_log import read_log
from rga.recipes.reid import reid_generated
from rga.reid.recipe import ReidRecipe

OPTIONS: dict[str, Any] = {
    "trunk": "test_resnet",
    "height": 64,
    "width": 32,
    "identities": 4,
    "images": 2,
    "passes": 2,
    "epochs": 5,
    "workers": 0,
    "threads": 1,
    "color_jitter": 0.2,
    "log_every": 1,
    "optimizer": "sgd",  # Adam would blow up what rounding leaves of gradients that are 0
    "rate": 0.01,
    "averaging": 0.9,
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people to train on."""
    options = PeopleOptions(identities=16, cameras=2, images_per_camera=2, distractors=2, junk=1, height=64, width=32)
    return make_people(tmp_path_factory.mktemp("people") / "people", options)


def recipe(people: Path) -> ReidRecipe:
    """Four steps an epoch, twenty in all."""
    return replace(reid_generated(), root=people, **OPTIONS)


def torchrun(count: int, people: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Trains as a user does on several processes."""
    options = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    program = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m", "rga", "train", "reid-generated"]
    words = [sys.executable, *program, "--root", str(people), "--out", str(out), *options, *more]
    return subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=300)


def curve(out: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "time"} for event in read_log(out, "step")]


def test_two_processes_have_the_loss_curve_of_one_and_its_evaluation(people: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    done = torchrun(2, people, two, "--synchronise-norms")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the run is in") == 1
    outcome = train(recipe(people), one)
    assert len(curve(two)) == len(curve(one)) == outcome.step == 20
    for ours, theirs in zip(curve(two), curve(one), strict=True):
        assert ours.keys() == theirs.keys() >= {"identity", "triplet"}
        assert [ours["identity"], ours["triplet"]] == pytest.approx([theirs["identity"], theirs["triplet"]], rel=1e-5)
    for kind in ("evaluate", "evaluate_averaged"):
        (ours,), (theirs,) = read_log(two, kind), read_log(one, kind)
        assert ours.keys() == theirs.keys()
        assert ours["mAP_neck"] == pytest.approx(theirs["mAP_neck"], abs=0.02)  # near ties may be broken the other way
    same, other = (rga.load(out / "last").state_dict() for out in (one, two))
    for name, value in same.items():
        torch.testing.assert_close(other[name], value, rtol=1e-3, atol=1e-5)


def test_a_process_that_fails_stops_all_and_says_why(people: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = torchrun(3, people, out)
    assert done.returncode != 0
    assert "a batch of 4 x 2 samples cannot be shared by 3 processes" in done.stderr
    assert not (out / "last.pt").exists()
