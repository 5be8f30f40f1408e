"""Batches of one image, whatever makes them that small, are refused before the training where the network cannot train on them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from cli.terminal import rga
from rga.training.one_image import OneValueError, check_one_image

DIGITS = ("train", "cls/digits", "--image-size", 8, "--attention", "none", "--max-steps", 1, "--threads", 1)
"""A network whose last map has 2x2 positions: it trains on one image."""


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--batch-size", 1), "a batch of 1 comes as one image at a time"),
        (("--batch-size", 4, "--gradient-accumulation", 4), "a batch of 4 in 4 parts (gradient_accumulation) comes as one image at a time"),
    ],
)
def test_classification(words: tuple[object, ...], because: str, tmp_path: Path) -> None:
    done = rga(*DIGITS, "--backbone", "resnet10t", *words, "-o", tmp_path / "run")  # its last map has one position
    assert done.code == 2
    assert "Expected more than 1 value" not in done.said
    assert done.err.count("\n") == 1
    assert because in done.said
    assert "the batch normalisation backbone.layer2.0.bn1 has one value a channel" in done.said
    assert "2 images or more" in done.said
    assert not (tmp_path / "run").exists()


def test_one_image_is_enough_where_maps_have_positions(tmp_path: Path) -> None:
    done = rga(*DIGITS, "--batch-size", 1, "-o", tmp_path / "run")
    assert done.code == 0, done.said


def test_reid(people: Path, tmp_path: Path) -> None:
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "--backbone", "test_resnet", "--image-size", 64, 32)
    alone = ("--ids-per-batch", 1, "--images-per-id", 1, "--triplet-weight", 0, "--attention", "none")
    done = rga(*words, *alone, "-o", tmp_path / "run")
    assert done.code == 2
    assert "a batch of 1 comes as one image at a time, and the batch normalisation neck has one value a channel" in done.said
    done = rga(*words, "--ids-per-batch", 4, "--images-per-id", 2, "--gradient-accumulation", 4, "-o", tmp_path / "run")
    assert done.code == 2
    assert "triplets need 2 identities at a time: 4 (ids_per_batch) in 4 parts (gradient_accumulation) leave 1" in done.said
    assert not (tmp_path / "run").exists()


def test_segmentation(streets: Path, tmp_path: Path) -> None:
    words = (
        "train",
        "seg/generated",
        "--data",
        f"streets:{streets}",
        "--backbone",
        "resnet10t",
        "--crop-size",
        48,
        64,
        "--attention",
        "none",
    )
    done = rga(*words, "--batch-size", 2, "--gradient-accumulation", 2, "--head", "aspp", "-o", tmp_path / "run")
    assert done.code == 2
    assert "a batch of 2 in 2 parts (gradient_accumulation) comes as one image at a time, and the batch normalisation head" in done.said


class Net(nn.Module):
    """Normalises maps, and, where it is asked to, one value a channel without a layer."""

    def __init__(self, raw: bool) -> None:
        super().__init__()
        self.norm, self.drop, self.raw = nn.BatchNorm2d(3), nn.Dropout(0.5), raw

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.drop(self.norm(images))
        return nn.functional.batch_norm(found.mean((2, 3)), None, None, training=True) if self.raw else found


def test_the_model_is_left_as_it_was() -> None:
    model, state = Net(raw=False).eval(), torch.get_rng_state()
    check_one_image(model, (4, 4), "why")
    assert not model.norm.training
    assert int(model.norm.num_batches_tracked or 0) == 0
    assert torch.equal(model.norm.running_var, torch.ones(3))  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(OneValueError, match="why, and a batch normalisation has one value a channel"):
        check_one_image(Net(raw=True), (4, 4), "why")
    with pytest.raises(OneValueError, match="why, and the batch normalisation norm has one value a channel"):
        check_one_image(model, (1, 1), "why")
