"""Masks of boxes laid into their images, exactly where the training took them from.

torchvision cuts the corners of boxes down to whole pixels when it pastes masks. That moves small objects by up to a pixel, which costs a
large part of their masks. Here each pixel is interpolated at its own place, as Detectron2 does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rga.detection.network.sizes import Size


def paste_masks(masks: Tensor, boxes: Tensor, size: Size, scale: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Probabilities within boxes -> the pixels of each object in its image.

    Args:
        masks: (N, 1, m, m), probabilities.
        boxes: (N, 4): left, top, right, bottom in pixels of the image.
        size: (height, width) of the image.
        scale: pixels, down and across, that the network saw for each one of the image.

    Returns:
        (N, height, width), true where the probability is above 0.5.
    """
    pasted = torch.zeros(len(masks), *size, dtype=torch.bool, device=masks.device)
    for index, ((left, top, right, bottom), mask) in enumerate(zip(boxes.tolist(), masks, strict=True)):
        rows, down = places(top, bottom, size[0], scale[0])
        columns, across = places(left, right, size[1], scale[1])
        if not (len(rows) and len(columns)):
            continue
        grid = torch.stack(torch.meshgrid(across.to(mask), down.to(mask), indexing="xy"), -1)  # (rows, columns, 2)
        found = F.grid_sample(mask[None], grid[None], padding_mode="border", align_corners=False)[0, 0]  # (1, m, m) -> (rows, columns)
        pasted[index, rows.start : rows.stop, columns.start : columns.stop] = found > 0.5
    return pasted


def places(start: float, end: float, side: int, scale: float) -> tuple[range, Tensor]:
    """The pixels of an image on one axis whose centres a box covers, and where they lie in it: -1 at its start, 1 at its end.

    torchvision's targets in training take pixel i of the resized image to lie at the coordinate i, half a pixel before its centre.

    Args:
        start: of the box, in pixels of the image.
        end: of the box.
        side: pixels of the image.
        scale: pixels of the resized image for each one of the image.
    """
    pixels = range(max(0, math.ceil(start - 0.5)), min(side, math.ceil(end - 0.5)))
    offset = 0.5 - 0.5 / scale
    at = torch.arange(pixels.start, max(pixels.start, pixels.stop), dtype=torch.float64) + offset
    return pixels, (at - start) / max(end - start, 1e-6) * 2 - 1
