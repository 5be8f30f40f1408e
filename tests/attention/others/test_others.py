"""The other attentions against the equations of their papers, written here a second time and plainly."""

import math

import torch
from torch import Tensor, nn

import rga
from rga.attention.others.dual import ChannelAttention, DualAttention, PositionAttention
from rga.attention.others.fully_connected import FullyConnectedChannelAttention, FullyConnectedSpatialAttention
from rga.attention.others.harmonious import HarmoniousAttention
from rga.attention.others.non_local import SimplifiedNonLocal
from rga.attention.others.spatial_channel import ChannelAttention as ScaChannel
from rga.attention.others.spatial_channel import SpatialAttention as ScaSpatial

X = torch.randn(2, 8, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def pixels(x: Tensor) -> list[Tensor]:
    """The positions of one image (C, H, W), each (C,)."""
    return list(x.flatten(1).T)


def conv(layer: nn.Module, x: Tensor) -> Tensor:
    """A 1x1 convolution of one position."""
    assert isinstance(layer, nn.Conv2d)
    y = layer.weight[:, :, 0, 0] @ x
    return y if layer.bias is None else y + layer.bias


def softmax(values: list[Tensor]) -> list[Tensor]:
    exponents = [torch.exp(value) for value in values]
    return [e / sum(exponents) for e in exponents]


def test_simplified_non_local() -> None:
    module = SimplifiedNonLocal(8).double()
    nn.init.normal_(module.value.weight)
    for image, out in zip(X, module(X), strict=True):
        weights = softmax([conv(module.key, p)[0] for p in pixels(image)])
        context = sum(w * conv(module.value, p) for w, p in zip(weights, pixels(image), strict=True))
        torch.testing.assert_close(out, image + context[:, None, None])  # type: ignore[index]


def test_position_attention() -> None:
    module = PositionAttention(8, reduction=2).double()
    nn.init.constant_(module.residual_weight, 0.7)
    for image, out in zip(X, module(X), strict=True):
        places = pixels(image)
        for i, place in enumerate(places):
            weights = softmax([conv(module.query, place) @ conv(module.key, other) for other in places])
            expected = place + 0.7 * sum(w * conv(module.value, other) for w, other in zip(weights, places, strict=True))
            torch.testing.assert_close(pixels(out)[i], expected)


def test_dual_attention_is_the_sum_of_both() -> None:
    module = DualAttention(8).double()
    nn.init.constant_(module.position.residual_weight, 0.7)
    nn.init.constant_(module.channel.residual_weight, -0.4)
    torch.testing.assert_close(module(X), module.position(X) + module.channel(X) - X)


def test_channel_attention_turns_the_affinity_around() -> None:
    module = ChannelAttention(8).double()
    nn.init.constant_(module.residual_weight, 0.7)
    for image, out in zip(X, module(X), strict=True):
        channels = list(image.flatten(1))
        for i, channel in enumerate(channels):
            weights = softmax([-(channel @ other) for other in channels])  # a softmax does not see the subtracted maximum
            expected = channel + 0.7 * sum(w * other for w, other in zip(weights, channels, strict=True))
            torch.testing.assert_close(out[i].flatten(), expected)


def test_dual_attentions_and_non_locals_start_as_the_identity() -> None:
    for name in ("position", "channel", "dual", "simple-non-local", "non-local", "gc", "criss-cross"):
        torch.testing.assert_close(rga.create_attention(name, 8).double()(X), X)


def test_spatial_attention_of_sca_cnn() -> None:
    module = ScaSpatial(8, reduction=2).double()
    for image, out in zip(X, module(X), strict=True):
        gates = softmax([conv(module.score[2], torch.tanh(conv(module.score[0], p)))[0] for p in pixels(image)])
        expected = torch.stack([12 * g * p for g, p in zip(gates, pixels(image), strict=True)], 1)
        torch.testing.assert_close(out.flatten(1), expected)


def test_channel_attention_of_sca_cnn() -> None:
    module = ScaChannel(8, width=5).double()
    first, last = module.score[0], module.score[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    for image, out in zip(X, module(X), strict=True):
        means = [channel.mean() for channel in image]
        gates = softmax([last.weight[0] @ torch.tanh(first.weight[:, 0] * mean + first.bias) + last.bias[0] for mean in means])
        torch.testing.assert_close(out, torch.stack([8 * g * channel for g, channel in zip(gates, image, strict=True)]))


def test_fully_connected_attentions() -> None:
    """In evaluation with fresh statistics a BN divides by sqrt(1 + eps)."""
    eps = math.sqrt(1 + 1e-5)
    spatial = FullyConnectedSpatialAttention(8, (3, 4), reduction=2).double().eval()
    channel = FullyConnectedChannelAttention(8, reduction=2).double().eval()
    for image, by_place, by_channel in zip(X, spatial(X), channel(X), strict=True):
        summary = torch.stack([(conv(spatial.summary[0], p) / eps).relu().mean() for p in pixels(image)])
        gates = torch.sigmoid(linear(spatial.layers[3], (linear(spatial.layers[0], summary) / eps).relu()))
        torch.testing.assert_close(by_place, image * gates.view(3, 4))
        summary = image.mean((1, 2))
        gates = torch.sigmoid(linear(channel.layers[3], (linear(channel.layers[0], summary) / eps).relu()))
        torch.testing.assert_close(by_channel, image * gates[:, None, None])


def linear(layer: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, nn.Linear)
    y = layer.weight @ x
    return y if layer.bias is None else y + layer.bias


def test_harmonious_gates_join_a_spatial_and_a_channel_branch() -> None:
    module = HarmoniousAttention(8, reduction=2).double().eval()
    spatial = nn.functional.interpolate(module.spatial_down(X.mean(1, keepdim=True)), size=(3, 4), mode="bilinear")
    joint = module.spatial_out(spatial) * module.channel(X.mean((2, 3), keepdim=True))
    torch.testing.assert_close(module(X), X * torch.sigmoid(module.join(joint)))
    assert module.spatial_down[0].stride == (2, 2)


def test_se_is_the_published_one() -> None:
    module = rga.create_attention("se", 8, reduction=2).double()
    layer = module.get_submodule("layer")
    for image, out in zip(X, module(X), strict=True):
        hidden = conv(layer.get_submodule("fc1"), image.mean((1, 2))).relu()
        torch.testing.assert_close(out, image * torch.sigmoid(conv(layer.get_submodule("fc2"), hidden))[:, None, None])


def test_non_local_is_the_embedded_gaussian() -> None:
    module = rga.create_attention("non-local", 8).double().eval()
    layer = module.get_submodule("layer")
    norm = layer.get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.constant_(norm.weight, 1.0)
    for image, out in zip(X, module(X), strict=True):
        places = pixels(image)
        for i, place in enumerate(places):
            weights = softmax([conv(layer.get_submodule("t"), place) @ conv(layer.get_submodule("p"), other) for other in places])
            gathered = sum(w * conv(layer.get_submodule("g"), other) for w, other in zip(weights, places, strict=True))
            expected = place + conv(layer.get_submodule("z"), gathered) / math.sqrt(1 + norm.eps)  # type: ignore[arg-type]
            torch.testing.assert_close(pixels(out)[i], expected)


def test_gc_block() -> None:
    module = rga.create_attention("gc", 8, reduction=2).double()
    layer = module.get_submodule("layer")
    mlp = layer.get_submodule("mlp_add")
    nn.init.normal_(mlp.get_submodule("fc2").weight)  # type: ignore[arg-type]
    for image, out in zip(X, module(X), strict=True):
        weights = softmax([conv(layer.get_submodule("conv_attn"), p)[0] for p in pixels(image)])
        context = sum(w * p for w, p in zip(weights, pixels(image), strict=True))
        hidden = conv(mlp.get_submodule("fc1"), context)  # type: ignore[arg-type]
        hidden = nn.functional.layer_norm(hidden, hidden.shape, eps=1e-6).relu()
        torch.testing.assert_close(out, image + conv(mlp.get_submodule("fc2"), hidden)[:, None, None])


def test_cbam_halves() -> None:
    spatial = rga.create_attention("cbam-s", 8).double().eval()
    channel = rga.create_attention("cbam-c", 8, reduction=2).double().eval()
    pooled = torch.stack([X.mean(1), X.amax(1)], 1)
    convolution = spatial.get_submodule("layer.conv.conv")
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.kernel_size == (7, 7)
    torch.testing.assert_close(spatial(X), X * torch.sigmoid(convolution(pooled) / math.sqrt(1 + 1e-5)))
    layer = channel.get_submodule("layer")
    for image, out in zip(X, channel(X), strict=True):
        logits = sum(
            conv(layer.get_submodule("fc2"), conv(layer.get_submodule("fc1"), p).relu()) for p in (image.mean((1, 2)), image.amax((1, 2)))
        )
        torch.testing.assert_close(out, image * torch.sigmoid(logits)[:, None, None])  # type: ignore[arg-type]
