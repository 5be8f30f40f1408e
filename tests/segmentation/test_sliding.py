"""Prediction in windows, at scales and with flips: against the same by hand."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from rga.segmentation.inference import Inference, scaled, starts, windows
from rga.segmentation.sliding import predict, resized


def by_pixel(images: Tensor) -> Tensor:
    """A network that looks at each pixel alone."""
    return torch.stack([images.sum(1), images[:, 0] - images[:, 1], images[:, 2]], 1)


def by_position(images: Tensor) -> Tensor:
    """A network that knows where in its image a pixel is."""
    across = torch.arange(images.shape[3]).expand(images.shape[2], -1) / 3
    return torch.stack([across, images[0, 0]])[None]


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 0.9))
def test_windows_cover_everything_evenly_and_end_with_the_image(length: int, side: int, overlap: float) -> None:
    found = starts(length, side, overlap)
    assert found == sorted(set(found))
    assert {position for start in found for position in range(start, start + side)} >= set(range(length))
    assert found[-1] + side == max(length, side)
    if len(found) > 1:
        assert max(b - a for a, b in pairwise(found)) <= max(1, int(side * (1 - overlap)))


def test_windows_of_two_axes() -> None:
    assert list(windows((6, 4), (4, 4), 0.5)) == [(0, 0), (2, 0)]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 14), st.integers(1, 14), st.integers(0, 1000))
def test_windows_change_nothing_for_a_network_that_looks_at_each_pixel_alone(h: int, w: int, wh: int, ww: int, seed: int) -> None:
    image = torch.randn(3, h, w, generator=torch.Generator().manual_seed(seed))
    whole = predict(by_pixel, image, Inference())
    torch.testing.assert_close(whole, by_pixel(image[None]).softmax(1)[0])
    torch.testing.assert_close(predict(by_pixel, image, Inference(window=(wh, ww))), whole)


def test_where_windows_overlap_their_probabilities_are_averaged() -> None:
    image = torch.randn(3, 2, 6)
    expected, times = torch.zeros(2, 2, 6), torch.zeros(6)
    for start in (0, 2):
        expected[:, :, start : start + 4] += by_position(image[None, :, :, start : start + 4]).softmax(1)[0]
        times[start : start + 4] += 1
    torch.testing.assert_close(predict(by_position, image, Inference(window=(2, 4), overlap=0.5)), expected / times)


def test_a_window_larger_than_the_image_is_padded_with_the_mean() -> None:
    seen: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        seen.append(images)
        return by_pixel(images)

    image = torch.randn(3, 4, 5)
    predict(network, image, Inference(window=(6, 8)))
    assert torch.equal(seen[0], F.pad(image, (0, 3, 0, 2))[None])


def test_a_flip_is_predicted_flipped_and_turned_back() -> None:
    image = torch.randn(3, 2, 6)
    expected = (by_position(image[None]).softmax(1) + by_position(image[None].flip(-1)).softmax(1).flip(-1)) / 2
    torch.testing.assert_close(predict(by_position, image, Inference(flip=True)), expected[0])


def test_scales_are_averaged_on_the_images_resolution() -> None:
    image = torch.randn(3, 8, 12)
    views = [resized(by_pixel(resized(image[None], size)).softmax(1), (8, 12))[0] for size in ((4, 6), (8, 12), (16, 24))]
    torch.testing.assert_close(predict(by_pixel, image, Inference(scales=(0.5, 1.0, 2.0))), torch.stack(views).mean(0))
    torch.testing.assert_close(predict(by_pixel, image, Inference(scales=(1.0,)), resolution=0.5), views[0])


def test_probabilities_sum_to_one_on_any_size() -> None:
    found = predict(by_pixel, torch.randn(3, 13, 7), Inference(window=(5, 5), scales=(0.6, 1.3), flip=True))
    assert found.shape == (3, 13, 7)
    torch.testing.assert_close(found.sum(0), torch.ones(13, 7))


def test_scores_on_a_coarse_map_are_interpolated_to_the_image() -> None:
    image = torch.randn(3, 8, 8)
    coarse = predict(lambda seen: F.avg_pool2d(by_pixel(seen), 4), image, Inference())
    expected = F.interpolate(F.avg_pool2d(by_pixel(image[None]), 4), size=(8, 8), mode="bilinear").softmax(1)[0]
    torch.testing.assert_close(coarse, expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": (0, 4)}, "a window is"),
        ({"overlap": 1.0}, "overlap must lie between 0 and 1"),
        ({"scales": ()}, "one or more positive numbers"),
        ({"scales": (1.0, 0.0)}, "one or more positive numbers"),
    ],
)
def test_wrong_choices_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Inference(**wrong)  # type: ignore[arg-type]


def test_words() -> None:
    assert str(Inference()) == "single scale"
    assert str(Inference((512, 512), scales=(0.75, 1.0), flip=True)) == "scales 0.75, 1, windows of 512x512, flip"
    assert scaled((3, 100), 0.1) == (1, 10)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="the network's scores are not finite"):
        predict(lambda images: by_pixel(images) * float("nan"), torch.rand(3, 4, 5), Inference())
