"""A training that starts from a model of one's own: of the same task and of another."""

import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file

from cli.terminal import TINY_REID, rga
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.errors import InputError
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import save_model
from rga.training.run.log import read_log

REID = ("--max-steps", 1, "--lr", 0, "--warmup-start-lr", 0)
"""Flags of a training that changes no weight but the statistics of normalisations."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(mine: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], part: str) -> bool:
    """Whether the learnt weights of a part are equal in two models."""
    names = [key for key in mine if part in key and "running" not in key and "num_batches" not in key]
    assert names
    return all(key in theirs and torch.equal(mine[key], theirs[key]) for key in names)


@pytest.mark.parametrize("inside", ["", "last/model.safetensors", "last.pt"])
def test_a_run_of_the_same_task(inside: str, reid_run: Path, people: Path, tmp_path: Path) -> None:
    start = ("train", "reid/generated", "--data", f"market1501:{people}", *TINY_REID[:-2], *REID, "--weights", reid_run / inside)
    done = rga(*start, "-o", tmp_path / "run")
    assert done.code == 0, done.said
    own, theirs = weights(tmp_path / "run" / "last"), weights(reid_run / ("best" if inside == "" else "last"))
    assert same(own, theirs, "backbone.conv1")
    assert same(own, theirs, "attention.")
    assert not same(own, theirs, "classifier")
    (noted,) = read_log(tmp_path / "run", "start")
    assert "with the " in noted["weights"]
    assert "tensors of its attention; left out: neck, classifier" in noted["weights"].replace("classifier, neck", "neck, classifier")
    assert noted["weights"] in done.said
    assert json.loads((tmp_path / "run" / "last" / "config.json").read_text())["trained_on"]["weights"] == noted["weights"]


def test_a_model_of_another_task_gives_its_backbone(reid_run: Path, tmp_path: Path) -> None:
    words = ("train", "cls/digits", "--backbone", "test_resnet", "--image-size", 32, "--batch-size", 64, "--max-steps", 1, "--lr", 0)
    done = rga(*words, "--mean", 0.1, 0.1, 0.1, "--weights", reid_run, "-o", tmp_path / "run")
    assert done.code == 0, done.said
    own, theirs = weights(tmp_path / "run" / "last"), weights(reid_run / "best")
    assert same(own, theirs, "backbone.layer4.0.conv")
    assert not same(own, theirs, "backbone.layer1.attention.spatial.gate.varphi")  # of another grid
    assert "left out: layer1.attention, layer2.attention, layer3.attention, layer4.attention" in done.said
    assert "trained on pixels with mean 0.5 0.5 0.5 std 0.5 0.5 0.5, which are not this training's" in done.said


def test_layers_that_segmentation_takes_off_are_random_and_said_to_be(tmp_path: Path) -> None:
    """Behind the last stage of an EfficientNet or MobileNet comes a convolution, which no map of a stage has seen."""
    name, classes = "mobilenetv3_small_050", Classes(("road", "sky"), ((128, 64, 128), (70, 130, 180)), {0: 0, 1: 1}).to_dict()
    model = SegmentationModel(name, classes=classes, image_size=(64, 64), output_stride=32, attention="none", auxiliary=False)
    save_model(model, tmp_path / "mine", {})
    backbone = timm.create_model(name, num_classes=0)
    said = load_backbone_weights(backbone, name, str(tmp_path / "mine"))
    assert "; random from the start: conv_head" in said
    assert same({f"backbone.{key}": value for key, value in backbone.state_dict().items()}, model.state_dict(), "backbone.blocks")
    shutil.copy(tmp_path / "mine" / "model.safetensors", tmp_path / "alone.safetensors")
    with pytest.raises(InputError, match=r"2 of \d+ are missing \(conv_head"):  # a file alone does not say whose backbone it is
        load_backbone_weights(backbone, name, str(tmp_path / "alone.safetensors"))


@pytest.mark.parametrize("inside", ["", "last.pt"])
def test_an_attention_of_the_same_names_and_shapes_that_is_another_is_left_out(
    inside: str, reid_run: Path, people: Path, tmp_path: Path
) -> None:
    """RGA-CS has the weights of RGA-SC, for maps that come in another order."""
    words = ("train", "reid/generated", "--data", f"market1501:{people}", *TINY_REID[:-2], *REID, "--attention", "rga-cs")
    done = rga(*words, "--weights", reid_run / inside, "-o", tmp_path / "run")
    assert done.code == 0, done.said
    assert "its attention; left out" not in done.said
    assert "left out: layer1.attention" in done.said


def test_another_backbone_is_named(reid_run: Path, people: Path, tmp_path: Path) -> None:
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", tmp_path / "run", *TINY_REID, "--weights", reid_run)
    done = rga(*words, "--backbone", "resnet10t")
    assert done.code == 2
    assert "are not those of 'resnet10t'" in done.said
    assert "they are of a model with --backbone test_resnet" in done.said
    assert not (tmp_path / "run").exists()


def test_runs_that_have_no_model_and_damaged_ones(reid_run: Path, people: Path, tmp_path: Path) -> None:
    run = shutil.copytree(reid_run, tmp_path / "mine")
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", tmp_path / "run", *TINY_REID, "--weights")
    (run / "best" / "config.json").write_text('{"backbone": "tes')
    assert "config.json is damaged" in rga(*words, run).said
    shutil.rmtree(run / "best")
    shutil.rmtree(run / "last")
    done = rga(*words, run)
    assert done.code == 2
    assert "has no model.safetensors: it holds last.pt, log.jsonl" in done.said
    assert "name a file in it, such as" in done.said
    done = rga(*words, tmp_path / "min")
    assert "did you mean" in done.said
