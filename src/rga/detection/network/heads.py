"""What Mask R-CNN (He et al., ICCV 2017) has on top of its backbone: a pyramid, proposals, boxes and masks, all of torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

LEVELS = ("0", "1", "2", "3")
"""The names of the pyramid's maps that regions are taken from."""

RATIOS = (0.5, 1.0, 2.0)
"""Height / width of the anchors."""

REGION = 7
"""Positions along each side of a region, for boxes; twice as many for masks."""


def create_pyramid(channels: Sequence[int], width: int) -> FeaturePyramidNetwork:
    """A feature pyramid (Lin et al., CVPR 2017) over four maps, and a fifth one at twice the last stride.

    Args:
        channels: of the maps.
        width: channels of the pyramid.
    """
    return FeaturePyramidNetwork(list(channels), width, extra_blocks=LastLevelMaxPool())


class Width(nn.Module):
    """What torchvision asks a backbone for when it builds heads: how many channels its maps have."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels


def create_heads(categories: int, *, width: int, head_width: int, anchor_sizes: Sequence[int], rois: int) -> tuple[Any, Any]:
    """The network of proposals, and the heads of boxes and masks.

    Args:
        categories: to tell apart, without the background.
        width: channels of the pyramid and of the mask head.
        head_width: of the two linear layers of the box head.
        anchor_sizes: the anchors' size on each of the pyramid's five maps, in pixels.
        rois: regions of an image that the heads are trained on.

    Returns:
        torchvision's ``RegionProposalNetwork`` and ``RoIHeads``.
    """
    whole = MaskRCNN(
        Width(width),
        rpn_anchor_generator=AnchorGenerator(tuple((size,) for size in anchor_sizes), (RATIOS,) * len(anchor_sizes)),
        box_roi_pool=MultiScaleRoIAlign(list(LEVELS), REGION, sampling_ratio=2),
        box_head=TwoMLPHead(width * REGION**2, head_width),
        box_predictor=FastRCNNPredictor(head_width, categories + 1),
        box_batch_size_per_image=rois,
        mask_roi_pool=MultiScaleRoIAlign(list(LEVELS), 2 * REGION, sampling_ratio=2),
        mask_head=MaskRCNNHeads(width, (width,) * 4, 1),
        mask_predictor=MaskRCNNPredictor(width, width, categories + 1),
    )
    return whole.rpn, whole.roi_heads
