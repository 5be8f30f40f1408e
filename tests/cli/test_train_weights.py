"""The weights that a training starts from: said, kept with the run, and not needed again when it goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
from safetensors.torch import save_file

from rga.runs import resume, train
from rga.training.run.log import read_log


def test_weights_are_said_kept_and_not_needed_again(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, run = tmp_path / "mine.safetensors", tmp_path / "run"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    chosen: dict[str, Any] = {
        "backbone": "test_resnet",
        "weights": str(weights),
        "image_size": (64, 32),
        "ids_per_batch": 2,
        "images_per_id": 2,
    }
    train("reid/market1501", f"market1501:{people}", output=run, **chosen, num_workers=0, device="cpu", max_steps=1)
    said = capsys.readouterr().out
    assert "weights: the file mine.safetensors, SHA-256" in said
    assert "mean: 0.5 0.5 0.5" in said
    (start,) = read_log(run, "start")
    weights.unlink()
    resume(run, changes={"max_steps": 2})
    assert read_log(run, "start") == [start]
    config = json.loads((run / "last" / "config.json").read_text())
    assert config["trained_on"]["weights"] == start["weights"]
    assert config["mean"] == [0.5, 0.5, 0.5]
    assert json.loads((run / "recipe.json").read_text())["fields"]["model"]["weights"] == str(weights)
