"""Harmonious attention of HA-CNN, its soft part.

Li, Zhu, Gong, "Harmonious Attention Network for Person Re-Identification", CVPR 2018, arXiv 1802.08122, section 3.1 (I)-(II): a
spatial and a channel branch, multiplied, joined by a 1x1 convolution, sigmoid. The hard regional part (III) is left out.

Deviation: public implementations end the last convolution with a ReLU, which keeps every gate above .5. We leave it out, as the paper does.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, wide_mean


def convolution(inputs: int, outputs: int, kernel_size: int = 1, stride: int = 1) -> list[nn.Module]:
    """Convolution without bias, and BN."""
    padding = kernel_size // 2
    return [nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False), nn.BatchNorm2d(outputs)]


class HarmoniousAttention(WideModule):
    """One gate per position and channel, from a spatial and a channel branch.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the channel branch.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.channels = channels
        width = max(1, channels // reduction)
        self.spatial_down = nn.Sequential(*convolution(1, 1, kernel_size=3, stride=2), nn.ReLU())
        self.spatial_out = nn.Sequential(*convolution(1, 1), nn.ReLU())
        self.channel = nn.Sequential(*convolution(channels, width), nn.ReLU(), *convolution(width, channels), nn.ReLU())
        self.join = nn.Sequential(*convolution(channels, channels))
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        x = check_map(x, self.channels)
        small = apply_in_float32(self.spatial_down, wide_mean(x, 1, keepdim=True))  # (B, 1, H/2, W/2)
        spatial = apply_in_float32(self.spatial_out, F.interpolate(small, size=x.shape[-2:], mode="bilinear"))  # (B, 1, H, W)
        channel = apply_in_float32(self.channel, wide_mean(x, (2, 3), keepdim=True))  # (B, C, 1, 1)
        gate: Tensor = self.gate(apply_in_float32(self.join, spatial * channel))  # (B, C, H, W)
        return x * gate.to(x.dtype)
