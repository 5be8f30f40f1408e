"""Mean and deviation of the pixels follow the backbone: in all tasks, in saved models, and in those that were saved before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch

import rga
from rga.backbones.model import BackboneModel
from rga.backbones.normalisation import backbone_normalisation
from rga.classification.model import ClassificationModel
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from rga.reid.model import ReidModel
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.inference import Inference
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import save_model

HALF = (0.5, 0.5, 0.5)
IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
CLASSES = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()

MODELS: dict[str, Callable[..., BackboneModel]] = {
    "re-identification": lambda backbone, **more: ReidModel(backbone, image_size=(64, 32), attention="none", **more),
    "classification": lambda backbone, **more: ClassificationModel(backbone, ["cat", "dog"], size=32, attention="none", **more),
    "segmentation": lambda backbone, **more: SegmentationModel(backbone, classes=CLASSES, image_size=(64, 64), attention="none", **more),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_resnet", (HALF, HALF)),
        ("tf_efficientnet_lite0", (HALF, HALF)),
        ("tf_efficientnetv2_s.in21k", (HALF, HALF)),
        ("resnetv2_50x1_bit", (HALF, HALF)),
        ("inception_v3.tf_in1k", (HALF, HALF)),
        ("inception_v3.tv_in1k", (HALF, HALF)),
        ("resnet50.tv_in1k", IMAGENET),
        ("efficientnet_lite0", IMAGENET),
    ],
)
def test_the_numbers_are_those_of_the_pretrained_weights(name: str, expected: object) -> None:
    assert backbone_normalisation(name) == expected
    with torch.device("meta"):
        network: Any = timm.create_model(name)
    assert (network.pretrained_cfg["mean"], network.pretrained_cfg["std"]) == expected


def test_what_is_chosen_wins_and_what_nobody_knows_is_imagenets() -> None:
    assert backbone_normalisation("cifar-resnet20") == IMAGENET
    assert backbone_normalisation("test_resnet", mean=(0.1, 0.2, 0.3)) == ((0.1, 0.2, 0.3), HALF)
    assert backbone_normalisation("test_resnet", std=[0.1, 0.2, 0.3]) == (HALF, (0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match="mean is one number for each of red, green and blue"):
        backbone_normalisation("test_resnet", mean=(0.5,))


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((123.7, 116.3, 103.5), HALF, "mean holds numbers between 0 and 1, got .*divide"),
        (HALF, (0.0, 0.2, 0.2), "std holds numbers above 0"),
        (HALF, (58.4, 57.1, 57.4), "std holds numbers above 0 and at most 1, got .*divide"),
        ((float("nan"), 0.5, 0.5), HALF, "mean holds numbers"),
    ],
)
def test_numbers_that_cannot_be_are_refused(mean: tuple[float, float, float], std: tuple[float, float, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Preprocessing(8, 8, mean, std)


@pytest.mark.parametrize("task", MODELS)
def test_a_model_takes_its_backbones_numbers_and_remembers_them(task: str, tmp_path: Path) -> None:
    model = MODELS[task]("test_resnet")
    assert (model.preprocessing.mean, model.preprocessing.std) == (HALF, HALF)
    model.set_weights_source("a file")
    save_model(model, tmp_path, {})
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["mean"], config["std"]) == ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    assert config["trained_on"]["weights"] == "a file"
    loaded = rga.load(tmp_path)
    assert loaded.preprocessing == model.preprocessing
    loaded.save_pretrained(tmp_path / "again")
    assert rga.load(tmp_path / "again").trained_on["weights"] == "a file"


@pytest.mark.parametrize("task", MODELS)
def test_what_was_chosen_is_kept_whatever_timm_says_later(task: str, tmp_path: Path) -> None:
    save_model(MODELS[task]("test_resnet", mean=IMAGENET_MEAN, std=IMAGENET_STD), tmp_path, {})
    loaded = rga.load(tmp_path)
    assert (loaded.preprocessing.mean, loaded.preprocessing.std) == IMAGENET


@pytest.mark.parametrize("task", MODELS)
def test_a_model_that_was_saved_without_them_is_loaded_with_imagenets_and_says_so(task: str, tmp_path: Path) -> None:
    save_model(MODELS[task]("test_resnet", mean=IMAGENET_MEAN, std=IMAGENET_STD), tmp_path, {})
    config = json.loads((tmp_path / "config.json").read_text())
    del config["mean"], config["std"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match="does not say its mean and std: ImageNet's are taken"):
        loaded = rga.load(tmp_path)
    assert (loaded.preprocessing.mean, loaded.preprocessing.std) == IMAGENET


def test_predictions_normalise_by_them() -> None:
    model = MODELS["re-identification"]("test_resnet").eval()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    shown = ((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = model(shown)[1].numpy()
    assert isinstance(model, ReidModel)
    np.testing.assert_allclose(model.embed([pixels]), expected, atol=1e-5)


@pytest.mark.parametrize("task", MODELS)
@pytest.mark.parametrize(
    "dtype",
    [pytest.param(torch.float16, marks=pytest.mark.slow), torch.bfloat16, pytest.param(torch.float64, marks=pytest.mark.slow)],
    ids=["float16", "bfloat16", "float64"],
)
def test_a_model_of_another_type_answers_alike(task: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = MODELS[task]("resnet10t").eval()
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)

    def answer() -> Any:
        if isinstance(model, ReidModel):
            return model.embed([image], flip=True)[0]
        if isinstance(model, ClassificationModel):
            return model.probabilities([image])[0]
        assert isinstance(model, SegmentationModel)
        return model.segment([image], inference=Inference(scales=(0.5, 1.3), flip=True))[0].confidence

    expected = answer()
    model.to(dtype)
    found = answer()
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.03 * np.abs(expected).max())


@pytest.mark.parametrize("task", MODELS)
@pytest.mark.parametrize("name", ["num_classes", "maps", "name", "pretrained"])
def test_options_that_something_else_decides_are_refused(task: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"the backbone's options cannot have {name}: "):
        MODELS[task]("resnet10t", backbone_options={name: 3})
