"""The classifier, and what it says images show."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.classification.model import ClassificationModel
from rga.images.images import DamagedImageError
from rga.images.inputs import ImageLike
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model

GREEN = Image.new("RGBA", (31, 64), (9, 200, 9, 255))
IMAGES: list[ImageLike] = [Image.new("L", (50, 40), 90), GREEN, np.full((8, 8, 3), 250, dtype=np.uint8)]


def small(**options: object) -> ClassificationModel:
    return ClassificationModel("cifar-resnet20", ["cat", "dog", "owl"], size=16, **options).eval()  # type: ignore[arg-type]


def test_answers_are_the_likeliest_first(tmp_path: Path) -> None:
    model = small()
    probabilities = model.probabilities(IMAGES, batch_size=2)
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    answers = model.classify(IMAGES, top=2)
    for row, best in zip(probabilities, answers, strict=True):
        assert [answer.probability for answer in best] == pytest.approx(sorted(row.tolist(), reverse=True)[:2], rel=1e-4)
        assert best[0].label == ("cat", "dog", "owl")[int(row.argmax())]
    assert len(model.classify(IMAGES[:1], top=9)[0]) == 3
    assert model.classify([]) == []


def test_images_of_any_kind_and_in_any_batch_are_answered_alike(tmp_path: Path) -> None:
    model = small().train()
    GREEN.save(tmp_path / "green.png")
    alone = model.probabilities([tmp_path / "green.png"])
    np.testing.assert_allclose(alone[0], model.probabilities(IMAGES, batch_size=3)[1], rtol=1e-4)
    assert model.training


def test_scores_are_the_backbones_on_normalised_images() -> None:
    model = small(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    with torch.no_grad():
        scores = model(torch.full((1, 3, 16, 16), (250 / 255 - 0.5) / 0.25))
    np.testing.assert_allclose(model.probabilities(IMAGES[2:]), scores.softmax(1).numpy(), rtol=1e-4)


def test_wrong_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tells two classes or more apart, got 1"):
        ClassificationModel("cifar-resnet20", ["cat"])
    with pytest.raises(ValueError, match="top must be at least 1, got 0"):
        small().classify(IMAGES, top=0)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DamagedImageError, match=r"text\.png cannot be read as an image"):
        small().classify([tmp_path / "text.png"])


def test_save_and_load(tmp_path: Path) -> None:
    model = small(attention_options={"initial_gate": 0.9}, crop_pct=0.875, trained_on={"name": "pets", "fingerprint": "abc"})
    save_model(model, tmp_path / "run" / "best", {"top1": 0.5})
    for folder in (tmp_path / "run", tmp_path / "run" / "best"):
        loaded = rga.load(folder, ClassificationModel)
        assert not loaded.training
        assert (loaded.classes, loaded.crop_pct, loaded.trained_on, loaded.metrics) == (
            model.classes,
            0.875,
            model.trained_on,
            {"top1": 0.5},
        )
        np.testing.assert_array_equal(loaded.probabilities(IMAGES), model.probabilities(IMAGES))


def test_models_of_another_task_are_named(tmp_path: Path) -> None:
    save_model(small(), tmp_path / "classifier", {})
    with pytest.raises(ValueError, match=r"is for classification: use rga classify or rga evaluate with it"):
        rga.load(tmp_path / "classifier", ReidModel)
    config = json.loads((tmp_path / "classifier" / "config.json").read_text())
    (tmp_path / "classifier" / "config.json").write_text(json.dumps({**config, "task": "reid"}))
    with pytest.raises(ValueError, match=r"is for reid: use rga embed or rga evaluate with it"):
        rga.load(tmp_path / "classifier", ClassificationModel)
    with pytest.raises(ValueError, match="a model for reid, not for classification"):
        ClassificationModel.from_pretrained(tmp_path / "classifier")
