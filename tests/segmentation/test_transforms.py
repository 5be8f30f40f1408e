"""Augmentation: picture and mask stay together."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rga.data.preprocessing import Preprocessing
from rga.segmentation.classes import IGNORED
from rga.segmentation.transforms import RandomScale, as_tensors, training_transform

PREPROCESSING = Preprocessing(24, 32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def scene(height: int = 40, width: int = 60) -> tuple[Tensor, Tensor]:
    """A picture of blocks of 10 pixels, whose grey is their class."""
    blocks = np.random.default_rng(0).integers(0, 9, (height // 10, width // 10)).astype(np.uint8)
    labels = blocks.repeat(10, 0).repeat(10, 1)
    return as_tensors(Image.fromarray(labels * 20).convert("RGB"), labels)


def test_the_mask_follows_the_picture() -> None:
    transform = training_transform(PREPROCESSING, scales=(0.8, 2.0))
    agreeing = []
    for seed in range(30):
        torch.manual_seed(seed)
        image, labels = transform(*scene())
        assert image.shape == (3, 24, 32)
        assert (image.dtype, labels.dtype, labels.shape) == (torch.float32, torch.uint8, (24, 32))
        assert set(labels.unique().tolist()) <= {*range(9), IGNORED}
        grey = (image[0] * 0.25 + 0.5) * 255 / 20
        counted = labels != IGNORED
        agreeing.append(float(((grey - labels.float()).abs()[counted] < 0.5).float().mean()))
    assert min(agreeing) > 0.7  # all but the seams between blocks, where the picture is interpolated
    assert max(agreeing) > 0.9


def test_what_is_beyond_the_picture_is_ignored_and_looks_like_the_mean() -> None:
    image, labels = training_transform(PREPROCESSING, scales=(0.2, 0.2), flip=0)(*scene())
    outside = labels == IGNORED
    assert outside.sum() == 24 * 32 - 8 * 12
    assert image[:, outside].abs().max() < 0.01
    inside, kept = training_transform(PREPROCESSING, scales=(1, 1))(*scene())
    assert (kept != IGNORED).all()
    assert inside.shape == (3, 24, 32)


def test_scales_span_their_bounds() -> None:
    resize = RandomScale(0.5, 2.0)
    heights = [resize(*scene())[0].shape[1] for _ in range(200)]
    assert 20 <= min(heights) < 24
    assert 76 < max(heights) <= 80
    fixed = training_transform(PREPROCESSING, resolution=0.5, scales=(1, 1), flip=0)(*scene())
    assert (fixed[1] == IGNORED).sum() == 24 * 32 - 20 * 30


def test_flips_and_colours_can_be_turned_off_and_on() -> None:
    size = Preprocessing(40, 60)
    plain, flipped = (training_transform(size, scales=(1, 1), flip=flip)(*scene()) for flip in (0.0, 1.0))
    torch.testing.assert_close(flipped[0], plain[0].flip(-1))
    torch.testing.assert_close(flipped[1], plain[1].flip(-1))
    coloured = training_transform(size, scales=(1, 1), flip=0, color_jitter=0.5)(*scene())
    assert not torch.equal(coloured[0], plain[0])
    assert torch.equal(coloured[1], plain[1])
