"""Grad-CAM equals its equation, for each kind of score."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from explanation.conftest import Build
from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.errors import InputError, MissingPackageError
from rga.explanation import ClassScore, Similarity, grad_cam
from rga.explanation.last_map import last_layer
from rga.reid.model import ReidModel
from rga.segmentation.model import SegmentationModel

pytest.importorskip("captum")


def by_equation(pixels: Tensor, score: Tensor, last: Tensor) -> Tensor:
    """The channels of the last map, weighted by the mean of their gradients (equations 1 and 2 of the paper, without its ReLU)."""
    (gradient,) = torch.autograd.grad(score, last, retain_graph=True)
    weights = gradient.mean((2, 3), keepdim=True)
    return F.interpolate((weights * last).sum(1, keepdim=True), size=pixels.shape[2:], mode="bilinear")[0, 0].detach()


def run(model: BackboneModel, pixels: Tensor) -> tuple[Tensor, Any]:
    """The last map, and what the model returns."""
    kept: list[Tensor] = []
    handle = last_layer(model).register_forward_hook(lambda _module, _args, out: kept.append(out))
    out = model(pixels)
    handle.remove()
    return kept[0], out


def scores_by_name(model: BackboneModel, out: Any) -> tuple[dict[str, Tensor], str]:
    """The score of each class, and the name of the likeliest class."""
    if isinstance(model, ReidModel):
        assert model.classifier is not None
        scores = model.classifier(out[1])[0]
        return {str(index): score for index, score in enumerate(scores)}, str(int(scores.argmax()))
    if isinstance(model, SegmentationModel):
        best, names = out[0][0].argmax(0), model.classes.names
        found = {name: out[0][0, index][best == index].sum() for index, name in enumerate(names) if (best == index).any()}
        return found, names[int(best.flatten().mode().values)]
    assert isinstance(model, ClassificationModel)
    return dict(zip(model.classes, out[0], strict=True)), model.classes[int(out[0].argmax())]


def check(found: NDArray[np.float32], expected: Tensor) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("attention", ["rga-sc", "none"])
@pytest.mark.parametrize("task", ["reid", "classification", "segmentation"])
def test_scores_of_classes(build: Build, photo: Image.Image, task: str, attention: str) -> None:
    model = build(task, attention=attention)
    pixels = model.input_of(photo)
    last, out = run(model, pixels)
    scores, likeliest = scores_by_name(model, out)
    for name, score in scores.items():
        found = grad_cam(model, photo, ClassScore(name))
        assert found.shape == pixels.shape[2:]
        check(found, by_equation(pixels, score, last))
    np.testing.assert_array_equal(grad_cam(model, photo, ClassScore()), grad_cam(model, photo, ClassScore(likeliest)))


@pytest.mark.parametrize("feature", ["pooled", "neck"])
def test_the_similarity_with_another_image(build: Build, photo: Image.Image, feature: str) -> None:
    model = build("reid", feature=feature)
    other = photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    pixels, which = model.input_of(photo), ("pooled", "neck").index(feature)
    last, out = run(model, pixels)
    reference = model(model.input_of(other))[which].detach()
    found = grad_cam(model, photo, Similarity(other))
    check(found, by_equation(pixels, F.cosine_similarity(out[which], reference), last))


def test_a_class_that_is_nowhere_is_scored_everywhere(build: Build, photo: Image.Image) -> None:
    model = build("segmentation")
    assert isinstance(model, SegmentationModel)
    with torch.no_grad():
        model.head[-1].bias.copy_(torch.tensor([100.0, -100.0]))  # type: ignore[index]
    pixels = model.input_of(photo)
    last, out = run(model, pixels)
    check(grad_cam(model, photo, ClassScore("sky")), by_equation(pixels, out[0][0, 1].sum(), last))


def test_bad_targets_are_refused(build: Build, photo: Image.Image) -> None:
    with pytest.raises(InputError, match="there is no class 'dgo': did you mean dog"):
        grad_cam(build("classification"), photo, ClassScore("dgo"))
    with pytest.raises(InputError, match="similarity of two images is that of re-identification"):
        grad_cam(build("classification"), photo, Similarity(photo))
    with pytest.raises(InputError, match="numbered from 0 to 2, got '3'"):
        grad_cam(build("reid"), photo, ClassScore("3"))
    with pytest.raises(InputError, match="numbered from 0 to 2, got 'cat'"):
        grad_cam(build("reid"), photo, ClassScore("cat"))
    with pytest.raises(InputError, match="saved without its classifier"):
        grad_cam(build("reid", classes=0), photo, ClassScore())


def test_a_backbone_of_tokens_needs_attention(photo: Image.Image) -> None:
    options: dict[str, Any] = {"backbone_options": {"depth": 2, "embed_dim": 32, "num_heads": 2}, "image_size": (64, 32), "last_stride": 2}
    with pytest.raises(InputError, match=r"returns tokens, and no map .*: attach attention after it"):
        grad_cam(ReidModel("vit_tiny_patch16_224", attention="none", classes=2, **options), photo, ClassScore())
    model = ReidModel("vit_tiny_patch16_224", attention="rga-sc", classes=2, **options).eval()
    assert grad_cam(model, photo, ClassScore()).shape == (64, 32)


def test_captum_is_named_where_it_is_missing(build: Build, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'rga\[explain\]'"):
        grad_cam(build("reid"), photo, ClassScore())
