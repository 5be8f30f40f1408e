"""A model whose attention was moved, converted or taken off sees images of its size and is saved as what it is, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rga
from rga.classification.model import ClassificationModel
from rga.errors import InputError
from rga.explanation import without_attention
from rga.reid.model import ReidModel

IMAGE = Image.fromarray((np.random.default_rng(0).random((150, 60, 3)) * 255).astype("uint8"))
FITS = ["exact", "pool", "spectral"]


def built(**options: Any) -> ReidModel:
    torch.manual_seed(0)
    return ReidModel("test_resnet", image_size=(64, 32), **options).eval()


def loaded_again(model: ReidModel, folder: Path) -> ReidModel:
    model.save_pretrained(folder)
    again = rga.load(folder)
    assert isinstance(again, ReidModel)
    np.testing.assert_allclose(again.embed([IMAGE]), model.embed([IMAGE]), rtol=0, atol=1e-6)
    return again


@pytest.mark.parametrize("fit", FITS)
def test_a_resampled_model_sees_images_of_the_new_size_and_is_saved_so(fit: str, tmp_path: Path) -> None:
    model = built(attention_options={"fit": fit})
    rga.resample(model, image_size=(128, 64))
    assert model.preprocessing.size == model.backbone_size == (128, 64)
    assert model.input_of(IMAGE).shape == (1, 3, 128, 64)
    again = loaded_again(model, tmp_path)
    assert again.preprocessing == model.preprocessing
    rga.resample(again, image_size=(96, 32))
    loaded_again(again, tmp_path)


def test_a_resampled_model_with_stripes(tmp_path: Path) -> None:
    model = built(head="rpp", parts=(4,))
    rga.resample(model, image_size=(128, 32))
    loaded_again(model, tmp_path)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({}, rga.make_spectral),
        ({}, lambda model: rga.make_spectral(model, frequencies=(2, 2))),
        ({"attention_options": {"fit": "spectral", "frequencies": (2, 2)}}, rga.make_exact),
        ({}, rga.detach),
        ({"attention_after": "blocks", "attention": "se"}, rga.detach),
        ({"frames": 2, "attention_options": {"frames": 2}}, rga.detach),
    ],
    ids=["spectral", "few frequencies", "exact", "detached", "detached from blocks", "detached over time"],
)
def test_a_converted_model_is_saved_as_what_it_is(options: dict[str, Any], change: Callable[[nn.Module], object], tmp_path: Path) -> None:
    model = built(**options)
    change(model)
    again = loaded_again(model, tmp_path)
    assert again.attention_name == model.attention_name
    assert len(rga.attached(again.backbone)) == len(rga.attached(model.backbone))


def test_a_model_without_its_attention_is_saved(tmp_path: Path) -> None:
    plain = without_attention(built())
    assert plain.attention_name == "none"
    loaded_again(plain, tmp_path)


@pytest.mark.parametrize(
    "change",
    [rga.detach, rga.make_spectral, lambda backbone: rga.resample(backbone, image_size=(32, 64))],
    ids=["detached", "spectral", "turned"],
)
def test_a_model_that_was_not_told_is_not_saved(change: Callable[[nn.Module], object], tmp_path: Path) -> None:
    model = built()
    change(model.backbone)
    state = torch.get_rng_state()
    with pytest.raises(InputError, match=r"would not load again, and is not saved.*rga\.resample.*on the model itself"):
        model.save_pretrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert not list(tmp_path.iterdir())


def test_a_classifier_takes_square_images(tmp_path: Path) -> None:
    model = ClassificationModel("cifar-resnet20", classes=["cat", "dog"], size=32).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(InputError, match=r"takes square images, and image_size is \(64, 32\)"):
        rga.resample(model, image_size=(64, 32))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    rga.resample(model, image_size=(64, 64))
    model.save_pretrained(tmp_path)
    np.testing.assert_allclose(rga.load(tmp_path).probabilities([IMAGE]), model.probabilities([IMAGE]), rtol=0, atol=1e-6)
