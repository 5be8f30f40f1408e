"""What is done to images."""

from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rga.images.preprocessing import Preprocessing
from rga.images.tensors import normalise
from rga.reid import transforms
from rga.reid.transforms import Augmentation, draw_rectangle, erase, flipped

PREPROCESSING = Preprocessing(32, 16, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
OFF: dict[str, Any] = {"crop": 0.0, "flip": 0.0, "random_erasing": 0.0}


def image(size: tuple[int, int] = (16, 32)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(60, 256, (size[1], size[0], 3), dtype=np.uint8))


def augment(options: dict[str, Any], size: tuple[int, int] = (16, 32)) -> tuple[Tensor, Tensor]:
    pixels, rectangle = Augmentation(32, 16, **options)(torch.from_numpy(np.array(image(size))))
    return pixels, rectangle


def test_testing_resizes_and_normalises() -> None:
    out = transforms.test_transform(PREPROCESSING)(image())
    expected = (torch.from_numpy(np.array(image())).permute(2, 0, 1) / 255 - 0.5) / 0.25
    torch.testing.assert_close(out, expected)
    assert transforms.test_transform(PREPROCESSING)(image((50, 70))).shape == (3, 32, 16)


def test_without_augmentation_training_sees_what_testing_sees() -> None:
    for size in ((16, 32), (50, 70), (9, 11)):
        tested = transforms.test_transform(PREPROCESSING)(image(size))
        pixels, rectangle = augment(OFF, size)
        assert rectangle.tolist() == [0, 0, 0, 0]
        step = 1 / 255 / 0.25
        torch.testing.assert_close(normalise(PREPROCESSING, pixels[None])[0], tested, rtol=0, atol=1.01 * step)  # resized by other code


def test_each_augmentation_happens_as_often_as_it_should() -> None:
    plain, _ = augment(OFF)
    flipped_pixels, _ = augment({**OFF, "flip": 1.0})
    assert torch.equal(flipped_pixels, plain.flip(1))
    crops = {tuple(augment({**OFF, "crop": 1.0})[0].flatten().tolist()) for _ in range(200)}
    assert len(crops) == 5 * 3  # of 36 x 18
    assert 60 < sum(torch.equal(augment({**OFF, "flip": 0.5})[0], plain) for _ in range(200)) < 140
    erased = [augment({**OFF, "random_erasing": 0.5})[1].tolist() for _ in range(400)]
    assert 150 < sum(rectangle[2] > 0 for rectangle in erased) < 250
    jittered, _ = augment({**OFF, "color_jitter": 0.5})
    assert jittered.shape == (32, 16, 3)
    assert not torch.equal(jittered, plain)


def test_a_crop_is_a_part_of_the_enlarged_image() -> None:
    larger = np.array(image().resize((18, 36), Image.Resampling.BILINEAR)).astype(int)
    pixels, _ = augment({**OFF, "crop": 1.0})
    parts = [larger[top : top + 32, left : left + 16] for top in range(5) for left in range(3)]
    assert min(abs(part - pixels.numpy()).max() for part in parts) <= 1


def test_rectangles_are_those_of_random_erasing() -> None:
    drawn = torch.tensor([draw_rectangle(256, 128) for _ in range(2000)])
    top, left, rows, columns = drawn.T
    assert (rows > 0).all()
    assert (top >= 0).all()
    assert (top + rows <= 256).all()
    assert (left >= 0).all()
    assert (left + columns <= 128).all()
    areas, aspects = rows * columns / (256 * 128), rows / columns
    assert 0.019 < areas.min() < 0.03
    assert 0.37 < areas.max() < 0.41
    assert aspects.min() > 0.25
    assert aspects.max() < 3.7
    fits = 0.02 + 0.38 * torch.rand(4000), 0.3 + (1 / 0.3 - 0.3) * torch.rand(4000)
    inside = ((fits[0] * 256 * 128 * fits[1]).sqrt() < 256) & ((fits[0] * 256 * 128 / fits[1]).sqrt() < 128)
    assert abs(aspects.mean() - fits[1][inside].mean()) < 0.1  # drawn uniformly, and again where they do not fit


def test_erasing_sets_to_0() -> None:
    images = torch.ones(2, 3, 8, 4)
    assert erase(images, torch.tensor([[1, 2, 3, 2], [0, 0, 0, 0]])) is images
    assert images[1].eq(1).all()
    assert images[0].eq(0).sum() == 3 * 3 * 2
    assert images[0, :, 1:4, 2:].eq(0).all()


def test_flipping_is_a_mirror() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert flipped(x).tolist() == [[[[2, 1, 0], [5, 4, 3]]]]


AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "crop": {"crop": 1.0},
    "padding": {"padding": 4},
    "flip": {"flip": 1.0},
    "random_erasing": {"random_erasing": 1.0},
    "color_jitter": {"color_jitter": 0.5},
    "white_balance": {"white_balance": 0.5},
    "grayscale": {"grayscale": 1.0},
    "blur": {"blur": 1.0},
    "autoaugment": {"policy": transforms.policy("autoaugment", 1.0, 2, 9)},
    "randaugment": {"policy": transforms.policy("randaugment", 1.0, 2, 20)},
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_frames_of_a_tracklet_are_changed_as_an_image_is(name: str) -> None:
    augmentation = Augmentation(32, 16, **{**OFF, **AUGMENTATIONS[name]})
    pixels = torch.from_numpy(np.array(image()))
    for seed in range(8):
        torch.manual_seed(seed)
        alone, rectangle = augmentation(pixels)
        torch.manual_seed(seed)
        frames, same = augmentation(torch.stack([pixels, pixels.flip(0), pixels]))
        assert frames.shape == (3, 32, 16, 3)
        assert torch.equal(frames[0], frames[2])
        assert torch.equal(same, rectangle)
        torch.testing.assert_close(frames[0], alone, rtol=0, atol=1)


def test_every_augmentation_is_tried_on_tracklets() -> None:
    options = set(signature(Augmentation.__init__).parameters) - {"self", "height", "width"}
    assert options == {option for options in AUGMENTATIONS.values() for option in options}
