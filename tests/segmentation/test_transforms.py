"""Augmentation: image and mask stay together."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rga.images.preprocessing import Preprocessing
from rga.segmentation.datasets.classes import IGNORED
from rga.segmentation.transforms import RandomScaledCrop, training_transform

PREPROCESSING = Preprocessing(24, 32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
GREY = 128
"""Of that mean."""


def scene(height: int = 40, width: int = 60) -> tuple[Image.Image, NDArray[np.uint8]]:
    """An image of blocks of 10 pixels, whose grey is their class."""
    blocks = np.random.default_rng(0).integers(0, 9, (height // 10, width // 10)).astype(np.uint8)
    labels = blocks.repeat(10, 0).repeat(10, 1)
    return Image.fromarray(labels * 20).convert("RGB"), labels


def test_the_mask_follows_the_image() -> None:
    transform = training_transform(PREPROCESSING, scales=(0.8, 2.0))
    agreeing = []
    for seed in range(30):
        torch.manual_seed(seed)
        image, labels = transform(*scene())
        assert image.shape == (3, 24, 32)
        assert (image.dtype, labels.dtype, labels.shape) == (torch.uint8, torch.uint8, (24, 32))
        assert set(labels.unique().tolist()) <= {*range(9), IGNORED}
        grey = image[0] / 20
        counted = labels != IGNORED
        agreeing.append(float(((grey - labels.float()).abs()[counted] < 0.5).float().mean()))
    assert min(agreeing) > 0.7  # all but the seams between blocks, where the image is interpolated
    assert max(agreeing) > 0.9


def test_what_is_beyond_the_image_is_ignored_and_looks_like_the_mean() -> None:
    image, labels = training_transform(PREPROCESSING, scales=(0.2, 0.2), flip=0)(*scene())
    outside = labels == IGNORED
    assert outside.sum() == 24 * 32 - 8 * 12
    assert (image[:, outside] == GREY).all()
    inside, kept = training_transform(PREPROCESSING, scales=(1, 1))(*scene())
    assert (kept != IGNORED).all()
    assert inside.shape == (3, 24, 32)


def test_scales_span_their_bounds() -> None:
    resize = RandomScaledCrop((100, 150), 0.5, 2.0, (GREY, GREY, GREY))
    heights = [int((resize(*scene())[1] != IGNORED).any(1).sum()) for _ in range(200)]
    assert 20 <= min(heights) < 24
    assert 76 < max(heights) <= 80
    fixed = training_transform(PREPROCESSING, resolution=0.5, scales=(1, 1), flip=0)(*scene())
    assert (fixed[1] == IGNORED).sum() == 24 * 32 - 20 * 30


def corner_of(part: NDArray[np.int_], whole: NDArray[np.int_]) -> tuple[int, int] | None:
    """Where a crop of an image comes from; Pillow rounds the edges of the window to float32."""
    height, width = part.shape[:2]
    for top, left in np.ndindex(whole.shape[0] - height + 1, whole.shape[1] - width + 1):
        if np.abs(whole[top : top + height, left : left + width] - part).max() <= 3:
            return top, left
    return None


@settings(max_examples=60)
@given(height=st.integers(20, 70), width=st.integers(20, 70), factor=st.floats(0.3, 2.5), seed=st.integers(0, 2**32))
def test_it_is_a_crop_of_the_resized_image(height: int, width: int, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 9, (height, width)).astype(np.uint8)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3)).astype(np.uint8))
    size = (round(factor * height), round(factor * width))
    resized = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
    torch.manual_seed(seed)
    seen, found = RandomScaledCrop((24, 32), factor, factor, (GREY, GREY, GREY))(image, labels)
    inside = np.ix_(*(np.flatnonzero((found != IGNORED).any(axis).numpy()) for axis in (1, 0)))
    kept, mask = seen.permute(1, 2, 0).numpy().astype(int)[inside], found.numpy()[inside]
    assert mask.shape == (min(24, size[0]), min(32, size[1]))
    corner = corner_of(kept, resized)
    assert corner is not None
    rows, columns = (
        [
            ((corner[axis] + np.arange(mask.shape[axis]) + 0.5) * labels.shape[axis] / size[axis] + nudge).astype(int)
            for nudge in (-1e-4, 1e-4)
        ]
        for axis in (0, 1)
    )
    possible = np.stack([labels[np.ix_(ys, xs)] for ys in rows for xs in columns])  # of ties either one
    assert (possible == mask).any(0).all()


def test_flips_and_colours_can_be_turned_off_and_on() -> None:
    size = Preprocessing(40, 60)
    plain, flipped = (training_transform(size, scales=(1, 1), flip=flip)(*scene()) for flip in (0.0, 1.0))
    torch.testing.assert_close(flipped[0], plain[0].flip(-1))
    torch.testing.assert_close(flipped[1], plain[1].flip(-1))
    coloured = training_transform(size, scales=(1, 1), flip=0, color_jitter=0.5)(*scene())
    assert not torch.equal(coloured[0], plain[0])
    assert torch.equal(coloured[1], plain[1])
