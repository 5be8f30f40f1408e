"""The weights that a training starts from: said, kept with the run, and not needed again when it goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

from rga.cli.train import train
from rga.reid.recipes import reid_market1501
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.run.log import read_log


def test_weights_are_said_kept_and_not_needed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = make_people(
        tmp_path / "people", PeopleOptions(identities=8, cameras=2, images_per_camera=2, distractors=1, junk=1, height=64, width=32)
    )
    weights, run = tmp_path / "mine.safetensors", tmp_path / "run"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    recipe = replace(
        reid_market1501(),
        root=people,
        backbone="test_resnet",
        weights=str(weights),
        height=64,
        width=32,
        ids_per_batch=2,
        images_per_id=2,
        num_workers=0,
        device="cpu",
        max_steps=1,
    )
    train(recipe, run)
    said = capsys.readouterr().out.replace("\n", " ")
    assert "weights: the file mine.safetensors, SHA-256" in said
    assert "mean: 0.5 0.5 0.5" in said
    (start,) = read_log(run, "start")
    weights.unlink()
    train(replace(recipe, max_steps=2), run, resume=True)
    assert read_log(run, "start") == [start]
    config = json.loads((run / "last" / "config.json").read_text())
    assert config["trained_on"]["weights"] == start["weights"]
    assert config["mean"] == [0.5, 0.5, 0.5]
    assert json.loads((run / "recipe.json").read_text())["weights"] == str(weights)
