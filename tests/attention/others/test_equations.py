"""SimAM, triplet, EMA, FcaNet, criss-cross and coordinate attention against loops over their published equations, in float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.others.coordinate import CoordinateAttention
from rga.attention.others.criss_cross import CrissCrossAttention
from rga.attention.others.frequency_channel import FrequencyChannelAttention
from rga.attention.others.multi_scale import EfficientMultiScaleAttention
from rga.attention.others.simam import SimAM
from rga.attention.others.triplet import TripletAttention


def prepared(module: nn.Module) -> nn.Module:
    """The module in float64, with random weights and statistics, in evaluation mode."""
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        if tensor.is_floating_point():
            nn.init.normal_(tensor, std=0.5)
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            nn.init.uniform_(buffer, 0.5, 1.5)
    return module.double().eval()


def agree(module: nn.Module, equations: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    """The module and its equations for one image return the same maps, and the same gradients of the map and of all weights."""
    x = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
    found, expected = module(x), torch.stack([equations(image) for image in x])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    upstream = torch.randn_like(found)
    leaves = [x, *module.parameters()]
    gradients = [torch.autograd.grad(out, leaves, upstream, allow_unused=True, materialize_grads=True) for out in (found, expected)]
    assert all(bool(gradient.any()) for gradient in gradients[1])
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


def indices(*sizes: int) -> list[tuple[int, ...]]:
    """All indices of an array, in order."""
    return list(itertools.product(*map(range, sizes)))


def as_map(numbers: Mapping[Any, Tensor], shape: torch.Size | tuple[int, ...]) -> Tensor:
    return torch.stack([numbers[index] for index in indices(*shape)]).view(shape)


def mean(values: list[Tensor]) -> Tensor:
    return sum(values, torch.zeros(())) / len(values)


def sigmoid(value: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-value))


def batch_norm(layer: nn.Module, channel: int, value: Tensor) -> Tensor:
    """One number of a channel, by the statistics that were taken."""
    assert isinstance(layer, nn.BatchNorm2d)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    normal = (value - layer.running_mean[channel]) / torch.sqrt(layer.running_var[channel] + layer.eps)
    return normal * layer.weight[channel] + layer.bias[channel]


def convolution(layer: nn.Module, x: Tensor) -> Tensor:
    """A convolution of an image (C, H, W) that keeps its size: outside of the image all is zero."""
    assert isinstance(layer, nn.Conv2d)
    (_, height, width), (outputs, _, side, _) = x.shape, layer.weight.shape
    out = {}
    for o, i, j in indices(outputs, height, width):
        total = torch.zeros(()).double() if layer.bias is None else layer.bias[o]
        for k, m in indices(side, side):
            row, column = i + k - side // 2, j + m - side // 2
            if 0 <= row < height and 0 <= column < width:
                total = total + layer.weight[o, :, k, m] @ x[:, row, column]
        out[o, i, j] = total
    return as_map(out, (outputs, height, width))


def simam_of(x: Tensor, regularisation: float) -> Tensor:
    """Equations 5 and 6; the variance of their code."""
    out = {}
    for c, channel in enumerate(x):
        values = list(channel.flatten())
        mu = mean(values)
        variance = sum([(value - mu) ** 2 for value in values], torch.zeros(())) / (len(values) - 1)
        for i, j in indices(*channel.shape):
            energy = 4 * (variance + regularisation) / ((channel[i, j] - mu) ** 2 + 2 * variance + 2 * regularisation)
            out[c, i, j] = channel[i, j] * sigmoid(1 / energy)
    return as_map(out, x.shape)


@pytest.mark.parametrize("regularisation", [1e-4, 0.7])
def test_simam(regularisation: float) -> None:
    agree(SimAM(3, regularisation=regularisation), lambda x: simam_of(x, regularisation), (3, 4, 5))


def test_simam_of_one_position_and_of_a_constant_map_is_finite() -> None:
    for x in (torch.randn(2, 3, 1, 1), torch.ones(2, 3, 4, 4)):
        torch.testing.assert_close(SimAM(3)(x), x * torch.tensor(0.5).sigmoid())


@pytest.mark.parametrize("regularisation", [0.0, -1.0, math.inf, math.nan, True, "1e-4", None])
def test_wrong_regularisation_is_named(regularisation: object) -> None:
    with pytest.raises(ValueError, match=r"regularisation must be a finite number above 0, got"):
        rga.create_attention("simam", 8, regularisation=regularisation)


def triplet_of(module: TripletAttention, x: Tensor) -> Tensor:
    """Section 3.2: the map is turned, Z-pooled over its first axis, convolved, normalised and gated, and turned back."""
    branches = []
    for layers, turned in ((module.channel_width, (1, 0, 2)), (module.height_channel, (2, 1, 0)), (module.height_width, (0, 1, 2))):
        rotated = x.permute(turned)
        _, rows, columns = rotated.shape
        pooled = {}
        for i, j in indices(rows, columns):
            pooled[0, i, j] = max(rotated[:, i, j])
            pooled[1, i, j] = mean(list(rotated[:, i, j]))
        plane = convolution(layers[0], as_map(pooled, (2, rows, columns)))
        out = {(k, i, j): rotated[k, i, j] * sigmoid(batch_norm(layers[1], 0, plane[0, i, j])) for k, i, j in indices(*rotated.shape)}
        branches.append(as_map(out, rotated.shape).permute(turned))  # each of the turns is its own inverse
    return (branches[0] + branches[1] + branches[2]) / 3


@pytest.mark.parametrize("kernel_size", [7, 3])
def test_triplet(kernel_size: int) -> None:
    module = TripletAttention(3, kernel_size=kernel_size)
    prepared(module)
    agree(module, lambda x: triplet_of(module, x), (3, 4, 5))


def test_even_kernels_of_triplet_attention_are_refused() -> None:
    with pytest.raises(ValueError, match=r"kernel_size must be odd.*got 4"):
        rga.create_attention("triplet", 8, kernel_size=4)


def multi_scale_of(module: EfficientMultiScaleAttention, x: Tensor) -> Tensor:
    """Section 3 and the authors' code, for each group of channels."""
    layers, (_, height, width) = module.logits, x.shape
    size = len(x) // module.groups
    out = {}
    for number in range(module.groups):
        group = x[number * size : (number + 1) * size]
        weight, bias = layers.strips.weight[:, :, 0, 0], layers.strips.bias
        assert bias is not None
        rows = [weight @ torch.stack([mean(list(group[d, i])) for d in range(size)]) + bias for i in range(height)]
        columns = [weight @ torch.stack([mean(list(group[d, :, j])) for d in range(size)]) + bias for j in range(width)]
        gated = {(d, i, j): group[d, i, j] * sigmoid(rows[i][d]) * sigmoid(columns[j][d]) for d, i, j in indices(*group.shape)}
        first = {}
        for d in range(size):
            values = [gated[d, i, j] for i, j in indices(height, width)]
            mu = mean(values)
            deviation = torch.sqrt(mean([(value - mu) ** 2 for value in values]) + layers.norm.eps)
            for i, j in indices(height, width):
                first[d, i, j] = (gated[d, i, j] - mu) / deviation * layers.norm.weight[d] + layers.norm.bias[d]
        second = convolution(layers.local, group)
        scores = [[mean([branch[d, i, j] for i, j in indices(height, width)]) for d in range(size)] for branch in (first, second)]
        sums = [sum([torch.exp(score) for score in branch], torch.zeros(())) for branch in scores]
        for i, j in indices(height, width):
            logit = torch.zeros(()).double()
            for d in range(size):
                logit = logit + torch.exp(scores[0][d]) / sums[0] * second[d, i, j] + torch.exp(scores[1][d]) / sums[1] * first[d, i, j]
            for d in range(size):
                out[number * size + d, i, j] = group[d, i, j] * sigmoid(logit)
    return as_map(out, x.shape)


def test_efficient_multi_scale() -> None:
    module = EfficientMultiScaleAttention(6, groups=2)
    prepared(module)
    agree(module, lambda x: multi_scale_of(module, x), (6, 3, 4))


def test_a_single_position_of_a_single_image_passes_efficient_multi_scale_attention() -> None:
    module = EfficientMultiScaleAttention(3, groups=1)
    prepared(module)
    x = torch.randn(1, 3, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(module(x)[0], multi_scale_of(module, x[0]), rtol=1e-9, atol=1e-12)


def test_groups_are_those_of_the_paper_or_the_next_number_that_divides_the_channels() -> None:
    for channels, groups, expected in ((256, 32, 32), (48, 32, 24), (8, 32, 8), (37, 32, 1), (64, 8, 8)):
        module = rga.create_attention("ema", channels, groups=groups)
        assert module.groups == expected
        assert module.get_parameter("logits.local.weight").shape[:2] == (channels // expected, channels // expected)
    assert EfficientMultiScaleAttention(256).groups == 32
    with pytest.raises(ValueError, match="groups must be at least 1, got 0"):
        rga.create_attention("ema", 8, groups=0)


TOP_16 = [(0, 0), (0, 1), (6, 0), (0, 5), (0, 2), (1, 0), (1, 2), (4, 0), (5, 0), (1, 6), (3, 0), (0, 4), (0, 6), (0, 3), (3, 5), (2, 2)]


def frequency_channel_of(module: FrequencyChannelAttention, x: Tensor, used: int) -> Tensor:
    """The coefficient of each channel at its frequency by the sum that defines the DCT, and the layers of squeeze-and-excitation."""
    channels, height, width = x.shape
    h, w = 7 * max(1, height // 7), 7 * max(1, width // 7)
    summary = []
    for c in range(channels):
        u, v = TOP_16[c // (channels // used)]
        u, v = u * (h // 7), v * (w // 7)
        total = torch.zeros(()).double()
        for i, j in indices(h, w):
            rows, columns = range(i * height // h, -(-(i + 1) * height // h)), range(j * width // w, -(-(j + 1) * width // w))
            pooled = mean([x[c, row, column] for row in rows for column in columns])
            total = total + pooled * math.cos(math.pi * u * (i + 0.5) / h) * math.cos(math.pi * v * (j + 0.5) / w)
        summary.append(total * math.sqrt((2 if u else 1) / h) * math.sqrt((2 if v else 1) / w))
    first, last = module.get_parameter("layers.0.weight"), module.get_parameter("layers.2.weight")
    logits = last[:, :, 0, 0] @ (first[:, :, 0, 0] @ torch.stack(summary)).relu()
    return torch.stack([sigmoid(logit) * channel for logit, channel in zip(logits, x, strict=True)])


@pytest.mark.parametrize(("channels", "used", "grid"), [(16, 16, (14, 7)), (32, 16, (7, 8)), (6, 6, (16, 9)), (24, 12, (5, 3))])
def test_frequency_channel(channels: int, used: int, grid: tuple[int, int]) -> None:
    module = FrequencyChannelAttention(channels, reduction=2)
    prepared(module)
    agree(module, lambda x: frequency_channel_of(module, x, used), (channels, *grid))


def test_the_first_frequency_is_the_mean_times_the_root_of_the_positions() -> None:
    module = FrequencyChannelAttention(1)
    nn.init.ones_(module.get_parameter("layers.0.weight"))
    nn.init.ones_(module.get_parameter("layers.2.weight"))
    x = torch.rand(2, 1, 14, 28)
    torch.testing.assert_close(module(x), x * torch.sigmoid(x.mean((2, 3), keepdim=True) * math.sqrt(14 * 28)))


def criss_cross_of(module: CrissCrossAttention, x: Tensor, recurrence: int) -> Tensor:
    """Equations 1 and 2, with the code's weight of what is gathered, as often as asked."""
    _, height, width = x.shape
    for _ in range(recurrence):
        query, key, value = (convolution(layer, x) for layer in (module.query, module.key, module.value))
        out = {}
        for i, j in indices(height, width):
            cross = [(row, j) for row in range(height)] + [(i, column) for column in range(width) if column != j]
            assert len(cross) == height + width - 1
            exponents = [torch.exp(query[:, i, j] @ key[:, row, column]) for row, column in cross]
            total = sum(exponents, torch.zeros(()))
            gathered = sum([e / total * value[:, r, c] for e, (r, c) in zip(exponents, cross, strict=True)], torch.zeros(()))
            out[i, j] = x[:, i, j] + module.residual_weight * gathered
        x = torch.stack([torch.stack([out[i, j] for j in range(width)], 1) for i in range(height)], 1)
    return x


@pytest.mark.parametrize(("recurrence", "grid"), [(1, (3, 4)), (2, (3, 4)), (3, (2, 2)), (2, (1, 4)), (2, (4, 1))])
def test_criss_cross(recurrence: int, grid: tuple[int, int]) -> None:
    module = CrissCrossAttention(4, reduction=2, recurrence=recurrence)
    prepared(module)
    agree(module, lambda x: criss_cross_of(module, x, recurrence), (4, *grid))


def test_two_rounds_of_criss_cross_are_the_papers_and_see_all_positions() -> None:
    assert CrissCrossAttention(4).recurrence == 2
    x = torch.randn(1, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    for recurrence, seen in ((1, 3 + 5 - 1), (2, 3 * 5)):
        module = CrissCrossAttention(4, recurrence=recurrence)
        prepared(module)
        gradient = torch.autograd.grad(module(x)[0, :, 1, 2].sum(), x)[0]
        assert gradient.abs().sum(1).count_nonzero() == seen


def coordinate_of(module: CoordinateAttention, x: Tensor) -> Tensor:
    """Equations 4 to 9; h-swish is x relu6(x + 3) / 6."""
    channels, height, width = x.shape
    strips = [torch.stack([mean(list(x[c, i])) for c in range(channels)]) for i in range(height)]
    strips += [torch.stack([mean(list(x[c, :, j])) for c in range(channels)]) for j in range(width)]
    gates = []
    for number, strip in enumerate(strips):
        hidden = convolution(module.joint[0], strip[:, None, None])[:, 0, 0]
        normal = [batch_norm(module.joint[1], c, value) for c, value in enumerate(hidden)]
        active = torch.stack([value * min(max(value + 3, torch.zeros(())), torch.full((), 6.0)) / 6 for value in normal])
        logits = convolution(module.rows if number < height else module.columns, active[:, None, None])[:, 0, 0]
        gates.append([sigmoid(logit) for logit in logits])
    out = {(c, i, j): x[c, i, j] * gates[i][c] * gates[height + j][c] for c, i, j in indices(*x.shape)}
    return as_map(out, x.shape)


def test_coordinate() -> None:
    module = CoordinateAttention(3)
    prepared(module)
    agree(module, lambda x: coordinate_of(module, x), (3, 3, 4))


def test_the_hidden_layer_of_coordinate_attention_has_8_channels_at_least() -> None:
    for channels, reduction, width in ((64, 32, 8), (512, 32, 16), (64, 4, 16)):
        module = rga.create_attention("coordinate", channels, reduction=reduction)
        assert module.get_parameter("rows.weight").shape == (channels, width, 1, 1)
    assert CoordinateAttention(512).rows.in_channels == 16
