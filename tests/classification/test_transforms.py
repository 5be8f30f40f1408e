"""What is done to images, in training and in testing."""

import numpy as np
import pytest
import torch
from PIL import Image

from rga.classification.transforms import evaluation_transform, mixing, training_transform
from rga.images.preprocessing import Preprocessing

PLAIN = Preprocessing(8, 8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def image(height: int, width: int) -> Image.Image:
    """An image whose red grows downwards and whose green grows to the right."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([rows * 255 // max(1, height - 1), columns * 255 // max(1, width - 1), np.full_like(rows, 255)], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


def test_images_of_the_size_are_shown_as_they_are() -> None:
    shown = evaluation_transform(Preprocessing(8, 8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), 1.0)(image(8, 8))
    expected = (np.asarray(image(8, 8), dtype=np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.25
    torch.testing.assert_close(shown, torch.from_numpy(expected))


def test_of_larger_ones_the_middle_is_shown_undistorted() -> None:
    shown = evaluation_transform(PLAIN, 0.5)(image(16, 32))
    assert shown.shape == (3, 8, 8)
    torch.testing.assert_close(shown, evaluation_transform(PLAIN, 1.0)(image(16, 32).crop((12, 4, 20, 12))), atol=0.01, rtol=0)


def test_a_padded_crop_is_a_window_of_the_image_with_a_margin() -> None:
    transform = training_transform(PLAIN, crop="padded", padding=2, flip=0.0)
    padded = np.zeros((3, 12, 12), dtype=np.float32)
    padded[:, 2:10, 2:10] = np.asarray(image(8, 8), dtype=np.float32).transpose(2, 0, 1) / 255
    windows = {(y, x): padded[:, y : y + 8, x : x + 8] for y in range(5) for x in range(5)}
    seen = set()
    for _ in range(200):
        shown = transform(image(8, 8)).numpy()
        seen |= {index for index, window in windows.items() if np.allclose(window, shown)}
    assert seen == set(windows)


def test_a_resized_crop_is_a_part_of_the_image() -> None:
    transform = training_transform(PLAIN, crop="resized", scale=(0.2, 1.0), flip=0.0)
    spans = {round(float(shown[0, -1, 0] - shown[0, 0, 0]), 3) for shown in (transform(image(32, 32)) for _ in range(20))}
    assert len(spans) > 5
    assert all(0 < span <= 1 for span in spans)


def test_flips_and_erasing() -> None:
    mirrored = training_transform(PLAIN, crop="none", flip=1.0)(image(8, 8))
    torch.testing.assert_close(mirrored, evaluation_transform(PLAIN, 1.0)(image(8, 8)).flip(-1))
    erased = training_transform(PLAIN, crop="none", flip=0.0, random_erasing=1.0)(image(8, 8))
    assert 0 < (erased[2] == 0).sum() < 64  # blue is 1 wherever nothing was erased
    jittered = training_transform(PLAIN, crop="none", flip=0.0, color_jitter=0.5)(image(8, 8))
    assert not torch.allclose(jittered, evaluation_transform(PLAIN, 1.0)(image(8, 8)))


def test_mixup_mixes_images_and_labels_alike() -> None:
    mix = mixing(0.8, 0.0, classes=4)
    assert mix is not None
    images = torch.eye(4).reshape(4, 4, 1, 1).expand(4, 4, 2, 2)[:, :3]  # image n has channel n alone; the last is black
    mixed, shares = mix(images, torch.arange(4))
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    torch.testing.assert_close(mixed[:, :, 0, 0], shares[:, :3])


def test_cutmix_pastes_rectangles_and_shares_labels_by_area() -> None:
    mix = mixing(0.0, 1.0, classes=2)
    assert mix is not None
    images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    for _ in range(5):
        mixed, shares = mix(images, torch.arange(2))
        torch.testing.assert_close(mixed.mean((1, 2, 3)), shares[:, 1])


def test_both_take_turns_and_neither_is_none() -> None:
    assert mixing(0.0, 0.0, classes=2) is None
    both = mixing(1.0, 1.0, classes=2)
    assert both is not None
    images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    kinds = {bool(((mixed == 0) | (mixed == 1)).all()) for mixed, _ in (both(images, torch.arange(2)) for _ in range(40))}
    assert kinds == {True, False}


@pytest.mark.parametrize("size", [(5, 9), (9, 5), (8, 8), (300, 20)])
def test_any_size_of_image_becomes_the_networks(size: tuple[int, int]) -> None:
    for transform in (
        evaluation_transform(PLAIN, 0.875),
        training_transform(PLAIN, crop="padded"),
        training_transform(PLAIN, crop="resized"),
    ):
        assert transform(image(*size)).shape == (3, 8, 8)
