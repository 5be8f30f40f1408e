"""Runs whose attention has a form, a learning rate or a weight decay of its own, and runs of before there was such a thing, continue."""

import json
from pathlib import Path

import torch

from cli.terminal import TINY_REID, rga
from rga.training.run.log import read_log

FIELDS = {"model": ("gate_norm", "gate_norm_momentum"), "optimization": ("attention_lr_scale", "attention_weight_decay")}
"""Fields that the records of earlier versions lack, by their groups."""


def begin(people: Path, folder: Path, *words: object) -> Path:
    """A run of six steps, unless ``words`` stop it before."""
    tiny = (*TINY_REID, "--data", f"market1501:{people}", "--epochs", 2, "--evaluate-every", 0)
    done = rga("train", "reid/generated", *tiny, *words, "-o", folder)
    assert done.code == 0, done.said
    return folder


def test_a_run_of_a_version_without_these_fields_continues_at_their_defaults(people: Path, tmp_path: Path) -> None:
    run = begin(people, tmp_path / "run", "--max-steps", 2)
    record = json.loads((run / "recipe.json").read_text())
    for group, names in FIELDS.items():
        for name in names:
            del record["fields"][group][name]
    (run / "recipe.json").write_text(json.dumps(record))
    assert len(torch.load(run / "last.pt", weights_only=True)["optimizer"]["param_groups"]) == 2  # as they had
    done = rga("resume", run, "--set", "max_steps=0")
    assert done.code == 0, done.err
    assert len(read_log(run, "step")) == 6
    taken = "gate_norm batch, gate_norm_momentum 0.1, attention_lr_scale 1.0, attention_weight_decay None"
    assert f"lacks fields, whose defaults are taken: {taken}" in done.said


def test_a_run_with_these_fields_continues_to_the_bit(people: Path, tmp_path: Path) -> None:
    own = ("--gate-norm", "none", "--attention-lr-scale", 3, "--attention-weight-decay", 0.1, "--reduction", 16)
    stages = ("--after", "layer1", "layer3")
    whole = begin(people, tmp_path / "whole", *own, *stages)
    stopped = begin(people, tmp_path / "stopped", *own, *stages, "--max-steps", 2)
    done = rga("resume", stopped, "--set", "max_steps=0")
    assert done.code == 0, done.err
    left, right = (torch.load(folder / "last.pt", weights_only=True) for folder in (whole, stopped))
    assert left["model"].keys() == right["model"].keys()
    assert all(torch.equal(value, right["model"][key]) for key, value in left["model"].items())
    assert [(group["scale"], group["weight_decay"]) for group in right["optimizer"]["param_groups"]] == [(1, 5e-4), (1, 5e-4), (3, 0.1)]
    assert {key.split(".")[1] for key in left["model"] if ".attention." in key} == {"layer1", "layer3"}
    for change in ("gate_norm=batch", "attention_lr_scale=1", "attention_weight_decay=none"):
        done = rga("resume", stopped, "--set", change)
        assert done.code == 2
        assert "would make it another training" in done.err
