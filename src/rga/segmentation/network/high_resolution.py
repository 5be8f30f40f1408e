"""HRNet as a backbone of segmentation: Wang et al., Deep High-Resolution Representation Learning for Visual Recognition, arXiv 1908.07919.

The network keeps four branches, at strides 4, 8, 16 and 32, to its end. Its representation for segmentation (HRNetV2, section 3.3) is all
of them, resized to one resolution and concatenated. The paper's resolution is stride 4; at strides 8, 16 and 32 finer branches are averaged
over the cells of the stride.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.models.hrnet import HighResolutionNet
from torch import Tensor, nn
from torch.nn import functional as F

from rga.backbones.catalog import create_backbone

COARSEST = 32
"""The stride of the last branch: sizes of images must be multiples of it."""

STEM = ("conv1", "bn1", "act1", "conv2", "bn2", "act2")
"""The layers before the first stage."""


class HighResolutionBackbone(nn.Module):
    """An HRNet of timm without the layers of its classifier; weights keep timm's names.

    Args:
        name: of an HRNet in timm.
        output_stride: of the concatenated map: 4, 8, 16 or 32.
        options: of timm's ``create_model``.

    Attributes:
        branch_ends: what each branch's output passes through: the modules after which attention goes.

    Raises:
        ValueError: there is no such network, or it does not take the options.
    """

    stages = HighResolutionNet.stages  # works on the layers by their names, which are the same here

    def __init__(self, name: str, output_stride: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.output_stride = output_stride
        maps = {"features_only": True, "feature_location": ""}
        for key, layer in create_backbone(name, maps=maps, **options).named_children():
            self.add_module(key, layer)
        self.branch_ends = nn.ModuleList(nn.Identity() for _ in range(4))

    @property
    def branches(self) -> list[str]:
        """The names of the modules that attention comes after: the ends of the branches, before they are resized."""
        return [f"branch_ends.{index}" for index in range(len(self.branch_ends))]

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W), H and W multiples of 32 -> all branches (B, C, H / stride, W / stride)."""
        size = (images.shape[-2] // self.output_stride, images.shape[-1] // self.output_stride)
        x = images
        for layer in STEM:  # (B, 3, H, W) -> (B, 64, H/4, W/4)
            x = self.get_submodule(layer)(x)
        branches = self.stages(x)  # type: ignore[misc]  # 4 x (B, C_i, H/s_i, W/s_i)
        return torch.cat([resized(end(branch), size) for end, branch in zip(self.branch_ends, branches, strict=True)], 1)


def resized(branch: Tensor, size: tuple[int, int]) -> Tensor:
    """A branch (B, C, h, w) at another resolution: averaged if it is finer, interpolated if it is coarser."""
    if branch.shape[-2] > size[0] or branch.shape[-1] > size[1]:
        return F.adaptive_avg_pool2d(branch, size)
    return F.interpolate(branch, size=size, mode="bilinear", align_corners=False) if branch.shape[-2:] != size else branch
