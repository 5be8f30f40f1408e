"""Scores stay in their place: an ideal network finds edges where they are, at every size of an image."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rga.attention.grid import GridMismatchError
from rga.segmentation.cells import cells, padded_size, stride_between
from rga.segmentation.datasets.classes import numbered, spread_colours
from rga.segmentation.inference import Inference, scaled, starts
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.resolution import on_pixels, padded
from rga.segmentation.sliding import predict, resized

FOUR = numbered(("north west", "north east", "south west", "south east"), spread_colours(4)).to_dict()
Scores = Callable[[Tensor], Tensor]


def coordinates(height: int, width: int) -> Tensor:
    """An image (3, H, W) whose pixels say where they are: row, column, and 1 (0 in what is padded)."""
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([rows, columns, torch.ones(height, width)])


def quadrants(positions: Tensor, edge: tuple[float, float]) -> Tensor:
    """Places (B, 2, h, w) -> scores (B, 4, h, w) of the quadrants around a corner (row, column)."""
    south, east = positions[:, 0] - edge[0], positions[:, 1] - edge[1]
    return torch.stack([-south - east, -south + east, south - east, south + east], 1) / 20  # no probability is rounded to 0


def ideal(stride: int, edge: tuple[float, float]) -> Scores:
    """A network that tells the middle of each cell apart: that of the first pixel, and half a cell on."""

    def network(images: Tensor) -> Tensor:
        pitch = torch.stack([images[:, 0, 5, 4] - images[:, 0, 4, 4], images[:, 1, 4, 5] - images[:, 1, 4, 4]], 1)[..., None, None]
        return quadrants(images[:, :2, ::stride, ::stride] + (stride - 1) / 2 * pitch, edge)

    return network


def halving(times: int, edge: tuple[float, float]) -> Scores:
    """A network that drops every second row and column, as a stack of convolutions with stride 2 and padding 1 samples them."""

    def network(images: Tensor) -> Tensor:
        positions = images[:, :2]
        for _ in range(times):
            positions = positions[..., ::2, ::2]
        return quadrants(positions, edge)

    return network


def found_edges(probabilities: Tensor) -> tuple[int, int]:
    """How many rows are north, and how many columns are west; the same in all columns and rows."""
    labels = probabilities.argmax(0)
    north, west = labels < 2, labels % 2 == 0
    assert (north == north[:, :1]).all()
    assert (west == west[:1]).all()
    assert (north[:, 0].int().diff() <= 0).all()
    assert (west[0].int().diff() <= 0).all()
    return int(north[:, 0].sum()), int(west[0].sum())


def check_edges(found: tuple[int, int], edge: tuple[float, float], tolerance: float = 0.501) -> None:
    """Edges are where they are, to half a pixel."""
    assert max(abs(pixels - true) for pixels, true in zip(found, edge, strict=True)) <= tolerance, (found, edge)


def between(size: tuple[int, int], shares: tuple[float, float], margin: float) -> tuple[float, float]:
    """A corner at shares of a size without margins (beyond the middle of the outermost cells nothing is known), on no pixel's middle."""
    row, column = (math.floor(margin + share * (length - 1 - 2 * margin)) + 0.75 for length, share in zip(size, shares, strict=True))
    return row, column


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16, 32])
def test_edges_stay_where_they_are_at_every_size(stride: int) -> None:
    for length in range(33, 98):
        size = (length, 130 - length)
        for shares in ((0.0, 1.0), (0.7, 0.2), (1.0, 0.5)):
            edge = between(size, shares, stride / 2)
            check_edges(found_edges(predict(ideal(stride, edge), coordinates(*size), Inference())), edge)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_what_a_stack_of_strided_convolutions_sees_is_moved_by_the_same_at_every_size(times: int) -> None:
    stride = 2**times
    for length in range(33, 98):
        size = (length, 130 - length)
        edge = between(size, (0.1, 0.4), stride)
        moved = (edge[0] + (stride - 1) / 2, edge[1] + (stride - 1) / 2)  # it samples the corner of a cell, not its middle
        check_edges(found_edges(predict(halving(times, edge), coordinates(*size), Inference())), moved)


@pytest.mark.slow
@settings(max_examples=200)
@example(size=(33, 34), shares=(0.0, 0.0), stride=16, scale=0.75, window=None, flip=False)
@given(
    size=st.tuples(st.integers(33, 97), st.integers(33, 97)),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    stride=st.sampled_from([2, 4, 8, 16]),
    scale=st.sampled_from([0.5, 0.75, 1.0, 1.25, 2.0]),
    window=st.one_of(st.none(), st.tuples(st.integers(30, 120), st.integers(30, 120))),
    flip=st.booleans(),
)
def test_edges_stay_where_they_are_at_scales_in_windows_and_flipped(
    size: tuple[int, int], shares: tuple[float, float], stride: int, scale: float, window: tuple[int, int] | None, flip: bool
) -> None:
    margin = stride / 2 / scale + 1
    assume(min(size) - 1 >= 2 * margin)  # smaller images lie within the margins
    edge = between(size, shares, margin)
    if window is not None:
        for true, length, shown, side in zip(edge, size, scaled(size, scale), window, strict=True):
            begins = starts(shown, side, 1 / 3)
            assume(not any(abs(true * shown / length - end) < stride / 2 + 1 for begin in begins for end in (begin, begin + side)))
    found = predict(ideal(stride, edge), coordinates(*size), Inference(window, scales=(scale,), flip=flip))
    # Where an image shrinks: to a pixel of the smaller one, whose first pixels antialiasing moves inwards.
    check_edges(found_edges(found), edge, tolerance=0.501 + (scale < 1))


def ideal_model(**options: Any) -> SegmentationModel:
    """A model whose backbone and heads are ideal; ``edge`` is the corner between its classes."""

    class Backbone(nn.Module):
        def forward_intermediates(self, images: Tensor, **_: object) -> list[Tensor]:
            assert not any(length % model.multiple for length in images.shape[-2:])
            return [images[..., ::stride, ::stride] for stride in model.strides]

    class Head(nn.Module):
        def __init__(self, stride: int) -> None:
            super().__init__()
            self.stride = stride
            self.edge = (0.0, 0.0)

        def forward(self, found: Tensor) -> Tensor:
            return 600 * quadrants(found[:, :2] + (self.stride - 1) / 2, self.edge)

    model = SegmentationModel("resnet10t", classes=FOUR, attention="none", **{"image_size": (64, 64), **options})
    model.backbone, model.head, model.auxiliary_head = Backbone(), Head(model.strides[1]), Head(model.strides[0])
    return model


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_a_model_answers_and_learns_in_place_at_every_size(output_stride: int) -> None:
    model = ideal_model(output_stride=output_stride)
    for length in range(33, 98, 3):
        size = (length, 130 - length)
        edge = between(size, (0.7, 0.3), output_stride / 2)
        model.head.edge = model.auxiliary_head.edge = edge  # type: ignore[union-attr, assignment]
        labels = quadrants(coordinates(*size)[None, :2], edge).argmax(1)
        assert (model.eval().probabilities(coordinates(*size)).argmax(0) == labels[0]).all()
        for scores in model.train()(coordinates(*size)[None]):
            assert pixel_cross_entropy(scores, labels).item() < 1e-3
            assert hard_cross_entropy(scores, labels, keep=10).item() < 1e-3


def test_a_model_sees_an_image_as_if_it_were_padded_with_the_mean() -> None:
    model = SegmentationModel("resnet10t", classes=FOUR, image_size=(48, 64), attention="rga-sc", attention_options={"fit": "pool"})
    image = torch.rand(2, 3, 41, 51)
    shown = nn.functional.pad(image, (0, 5, 0, 7))
    torch.manual_seed(1)
    scores = model(image)
    torch.manual_seed(1)
    whole = model(shown)
    for found, expected in zip(scores, whole, strict=True):
        assert found.shape == (2, 4, 6, 7)
        torch.testing.assert_close(found, expected)
    eighth, quarter = SegmentationModel("resnet10t", classes=FOUR, image_size=(48, 64), attention="none", output_stride=32)(image)
    assert (eighth.shape, quarter.shape) == ((2, 4, 2, 2), (2, 4, 3, 4))


def test_exact_attention_takes_all_sizes_that_are_padded_to_its_own() -> None:
    model = SegmentationModel("resnet10t", classes=FOUR, image_size=(45, 60), attention="rga-sc", output_stride=16)
    for size in ((45, 60), (48, 64), (33, 49)):
        assert model(torch.rand(2, 3, *size))[0].shape == (2, 4, 3, 4)
    with pytest.raises(GridMismatchError, match="built for a 12x16 grid"):
        model(torch.rand(2, 3, 49, 60))
    assert model.fixed_size == (45, 60)
    for size in ((20, 30), (45, 60), (46, 61), (100, 47)):
        assert model.eval().probabilities(torch.rand(3, *size)).shape == (4, *size)


def test_padding_does_not_count_in_a_window_larger_than_the_image() -> None:
    image = coordinates(15, 13)
    network = halving(2, (6.0, 5.0))
    torch.testing.assert_close(predict(network, image, Inference(window=(64, 64))), predict(network, image, Inference()))


@given(st.integers(1, 200), st.integers(0, 6))
def test_a_stride_is_known_from_two_positions_on(pixels: int, power: int) -> None:
    stride = 2**power
    positions = cells(pixels, stride)
    assert stride_between(positions, pixels) == stride or positions == 1 or stride == pixels == 1
    assert cells(pixels, stride_between(positions, pixels)) == positions


def test_scores_between_strides_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scores on 4x5 positions are not those of an image of 35x35 pixels"):
        on_pixels(torch.rand(1, 2, 4, 5), (35, 35))
    with pytest.raises(ValueError, match="scores on 6x6 positions"):
        pixel_cross_entropy(torch.rand(1, 2, 6, 6), torch.zeros(1, 5, 5, dtype=torch.long))
    with pytest.raises(ValueError, match="pad the image to a multiple of the stride"):
        predict(lambda images: nn.functional.avg_pool2d(images, 4), torch.rand(3, 13, 13), Inference())


def test_padding_is_at_the_bottom_and_at_the_right() -> None:
    image = torch.rand(1, 3, 5, 8)
    assert padded_size((5, 8), 4) == (8, 8)
    assert torch.equal(padded(image, 4), nn.functional.pad(image, (0, 0, 0, 3)))
    assert padded(image, 1) is image


def test_where_the_stride_divides_the_size_scores_are_interpolated_as_ever() -> None:
    scores = torch.rand(2, 3, 4, 6)
    torch.testing.assert_close(on_pixels(scores, (32, 48)), resized(scores, (32, 48)))
