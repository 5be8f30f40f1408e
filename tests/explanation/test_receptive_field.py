"""Effective receptive fields of networks whose fields are known."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rga
from explanation.conftest import Build
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation import area_holding, effective_receptive_field, without_attention
from rga.explanation.receptive_field import influence


def test_the_field_is_the_gradient_of_one_position(build: Build, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("reid", attention="none")
    kernel = torch.tensor([[1.0, -2.0, 1.0], [0.0, 4.0, 0.0], [1.0, 0.0, 3.0]])
    convolution = nn.Conv2d(3, 2, 3, stride=4, bias=False)
    convolution.weight.data = kernel.expand(2, 3, 3, 3).clone()
    monkeypatch.setattr("rga.explanation.receptive_field.last_map", lambda _model, pixels: convolution(pixels))
    field = influence(model, model.input_of(photo), (0.5, 0.5))
    expected = np.zeros((64, 32))
    expected[32:35, 16:19] = kernel.abs().numpy()
    np.testing.assert_allclose(field, expected / expected.sum())
    corner = influence(model, model.input_of(photo), (1, 0))
    assert np.argwhere(corner).min(0).tolist() == [60, 0]


def test_attention_that_sees_all_positions_widens_the_field(build: Build, photo: Image.Image) -> None:
    """One block of 3x3 convolutions after the stem: without attention most pixels have no influence at all."""
    model = build("reid", attention_after=["layer1"], attention="rga-s")
    model.backbone.layer2, model.backbone.layer3, model.backbone.layer4 = nn.Identity(), nn.Identity(), nn.Identity()

    def reached(each: BackboneModel) -> float:
        layer = each.backbone.get_submodule("layer1")
        kept: list[torch.Tensor] = []
        handle = layer.register_forward_hook(lambda _module, _args, out: kept.append(out))
        leaf = model.input_of(photo).requires_grad_()
        each.backbone(leaf)
        handle.remove()
        (gradient,) = torch.autograd.grad(kept[0][0, :, 8, 4].sum(), leaf)
        return (gradient.abs().sum((0, 1)) > 0).float().mean().item()

    assert reached(without_attention(model)) < 0.5
    assert reached(model) > 0.99


def test_fields_are_averaged_and_sum_to_one(build: Build, photo: Image.Image) -> None:
    model = build("reid")
    other = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    fields = [effective_receptive_field(model, image) for image in (photo, other)]
    both = effective_receptive_field(model, [photo, other])
    assert both.shape == (64, 32)
    assert both.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(both, (fields[0] + fields[1]) / 2, rtol=1e-4, atol=1e-9)
    assert not np.allclose(fields[0], fields[1])


def test_area_holding() -> None:
    field = np.array([[4.0, 3.0], [2.0, 1.0]])
    assert [area_holding(field, share) for share in (0, 0.4, 0.41, 0.7, 0.95, 1)] == [0, 0.25, 0.5, 0.5, 1, 1]
    with pytest.raises(InputError, match=r"share lies between 0 and 1, got 1\.5"):
        area_holding(field, 1.5)


def test_without_attention_is_a_copy_with_the_same_weights(build: Build, photo: Image.Image) -> None:
    model = build("reid")
    plain = without_attention(model)
    assert rga.attached(model.backbone)
    assert not rga.attached(plain.backbone)
    own = model.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in plain.state_dict().items())
    assert not torch.equal(model(model.input_of(photo))[0], plain(plain.input_of(photo))[0])
    with pytest.raises(InputError, match="no attention to leave out"):
        without_attention(plain)


def test_bad_input_is_refused(build: Build, photo: Image.Image) -> None:
    model = build("reid")
    with pytest.raises(InputError, match="no images to compute a receptive field on"):
        effective_receptive_field(model, [])
    with pytest.raises(InputError, match=r"each from 0 to 1; got \(2, 0\)"):
        effective_receptive_field(model, photo, (2, 0))
    anything = build("segmentation", attention="none")
    with pytest.raises(InputError, match=r"different sizes \(112x64, then 64x112\)"):
        effective_receptive_field(anything, [photo, photo.rotate(90, expand=True)])
