"""The models of all tasks take one image or many, in any form, and answer each alike."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rga.classification.model import ClassificationModel
from rga.images.inputs import NotAnImageError
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel

COLOUR = np.random.default_rng(0).integers(0, 256, (60, 24, 3), dtype=np.uint8)

Use = Callable[[Any], list[NDArray[Any]]]


@cache
def uses() -> dict[str, Use]:
    """What can be done with images -> a row for each."""
    torch.manual_seed(0)
    two = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()
    people = ReidModel("resnet18", image_size=(32, 16), attention="none").eval()
    streets = SegmentationModel("resnet18", classes=two, image_size=(64, 64), attention="none").eval()
    things = ClassificationModel("cifar-resnet20", ["cat", "dog"], size=32, attention="none").eval()
    return {
        "embed": lambda images: list(people.embed(images)),
        "embed by processes": lambda images: list(people.embed(images, num_workers=1)),
        "probabilities": lambda images: list(things.probabilities(images)),
        "classify": lambda images: [np.array([answer.probability for answer in row]) for row in things.classify(images)],
        "segment": lambda images: [found.confidence for found in streets.segment(images)],
    }


USES = ["embed", "probabilities", "classify", "segment"]


@pytest.mark.parametrize("use", [*USES, pytest.param("embed by processes", marks=pytest.mark.slow)])
def test_one_image_is_a_list_of_one(tmp_path: Path, use: str) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (expected,) = uses()[use]([Image.fromarray(COLOUR)])
    tensor = torch.from_numpy(COLOUR).permute(2, 0, 1)
    for one in (
        COLOUR,
        tensor,
        COLOUR / 255,
        Image.fromarray(COLOUR),
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        COLOUR[None],
        tensor[None],
    ):
        (row,) = uses()[use](one)
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("use", USES)
def test_many_images_in_any_form(use: str) -> None:
    (expected,) = uses()[use]([COLOUR])
    for many in (np.stack([COLOUR] * 2), torch.from_numpy(np.stack([COLOUR] * 2)), (each for each in (COLOUR, COLOUR / 255))):
        rows = uses()[use](many)
        assert len(rows) == 2
        np.testing.assert_allclose(np.stack(rows), np.stack([expected] * 2), atol=1e-4)
    nothing: list[Any] = [[], (), iter(()), np.zeros((0, 60, 24, 3), np.uint8)]
    for none in nothing:
        assert uses()[use](none) == []


@pytest.mark.parametrize("use", [*USES, pytest.param("embed by processes", marks=pytest.mark.slow)])
def test_what_is_no_image_is_named(use: str) -> None:
    with pytest.raises(NotAnImageError, match="image 1 is of the type int: an image is a PIL image, a path or an array"):
        uses()[use]([COLOUR, 3])
    with pytest.raises(NotAnImageError, match="many grey images are"):
        uses()[use](np.zeros((10, 60, 24), np.uint8))
    with pytest.raises(ValueError, match="image 0 cannot be shown: its values run from"):
        uses()[use](torch.full((3, 60, 24), -2.0))


@pytest.mark.parametrize(
    "image", [COLOUR, torch.zeros(1, 3, 60, 24), torch.zeros(60, 24, 3), torch.zeros(3, 60, 24, dtype=torch.uint8), "a.jpg"]
)
def test_what_is_no_normalised_tensor_is_no_input_of_the_network(image: Any) -> None:
    two = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()
    model = SegmentationModel("resnet10t", classes=two, image_size=(32, 32), attention="none", auxiliary=False)
    with pytest.raises(NotAnImageError, match=r"takes one normalised tensor \(3, H, W\), got .*: segment takes images"):
        model.probabilities(image)
