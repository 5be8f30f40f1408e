"""What is done to pictures."""

import numpy as np
import torch
from PIL import Image

from rga.data.preprocessing import Preprocessing
from rga.reid import transforms
from rga.reid.transforms import flipped, training_transform

PREPROCESSING = Preprocessing(32, 16, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def picture(size: tuple[int, int] = (16, 32)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(60, 256, (size[1], size[0], 3), dtype=np.uint8))


def test_testing_resizes_and_normalises() -> None:
    out = transforms.test_transform(PREPROCESSING)(picture())
    expected = (torch.from_numpy(np.array(picture())).permute(2, 0, 1) / 255 - 0.5) / 0.25
    torch.testing.assert_close(out, expected)
    assert transforms.test_transform(PREPROCESSING)(picture((50, 70))).shape == (3, 32, 16)


def test_each_augmentation_happens_as_often_as_it_should() -> None:
    plain = transforms.test_transform(PREPROCESSING)(picture())
    off = {"crop": 0.0, "flip": 0.0, "erase": 0.0}
    torch.testing.assert_close(training_transform(PREPROCESSING, **off)(picture()), plain)
    torch.testing.assert_close(training_transform(PREPROCESSING, **{**off, "flip": 1.0})(picture()), plain.flip(-1))
    assert not torch.allclose(training_transform(PREPROCESSING, **{**off, "crop": 1.0})(picture()), plain)
    erasing = training_transform(PREPROCESSING, **{**off, "erase": 0.5})
    shares = [(erasing(picture()) == 0).all(0).float().mean().item() for _ in range(400)]
    erased = [share for share in shares if share > 0]
    assert 150 < len(erased) < 250
    assert min(erased) > 0.01
    assert max(erased) < 0.45  # of .02 to .4, give or take a row
    assert training_transform(PREPROCESSING, color_jitter=0.5)(picture()).shape == (3, 32, 16)


def test_flipping_is_a_mirror() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    assert flipped(x).tolist() == [[[[2, 1, 0], [5, 4, 3]]]]
