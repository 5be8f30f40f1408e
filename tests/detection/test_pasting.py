"""Masks come back to where the training took them from."""

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes

from rga.detection.network.pasting import paste_masks


@pytest.mark.parametrize("seed", range(5))
def test_small_masks_come_back_from_torchvisions_targets(seed: int) -> None:
    """Nearly all of each mask, and more than by torchvision's own pasting."""
    generator = np.random.default_rng(seed)
    masks, boxes = torch.zeros(12, 40, 60), torch.zeros(12, 4)
    for index in range(12):
        width, height = (int(generator.integers(5, 16)) for _ in range(2))
        left, top = int(generator.integers(0, 60 - width)), int(generator.integers(0, 40 - height))
        masks[index, top : top + height, left : left + width] = 1
        masks[index, top : top + height // 3, left : left + width // 3] = 0
        boxes[index] = torch.tensor([left, top, left + width, top + height])
    targets = project_masks_on_boxes(masks, boxes, torch.arange(12), 28)[:, None]

    def overlap(found: torch.Tensor) -> float:
        return float(((found & masks.bool()).sum((1, 2)) / (found | masks.bool()).sum((1, 2))).mean())

    ours = overlap(paste_masks(targets, boxes, (40, 60)))
    theirs = overlap(paste_masks_in_image(targets, boxes, (40, 60))[:, 0] > 0.5)
    assert ours > 0.97
    assert ours > theirs


def test_boxes_at_the_border_and_images_that_were_resized() -> None:
    whole = torch.ones(1, 1, 28, 28)
    cut = paste_masks(whole, torch.tensor([[-3.0, -2.0, 4.0, 3.0]]), (10, 12))[0]
    assert cut[:3, :4].all()
    assert cut.sum() == 4 * 3
    for scale in (0.5, 1.0, 2.0, 4.0):
        found = paste_masks(whole, torch.tensor([[2.0, 2.0, 6.0, 6.0]]), (10, 12), (scale, scale))[0]
        assert found[2:6, 2:6].all()
        assert found.sum() == 16
    assert paste_masks(torch.ones(0, 1, 28, 28), torch.zeros(0, 4), (10, 12)).shape == (0, 10, 12)
    assert not paste_masks(whole, torch.tensor([[20.0, 20.0, 24.0, 24.0]]), (10, 12)).any()
