"""Spatial and channel-wise attention of SCA-CNN, without the caption.

Chen, Zhang, Xiao, Nie, Shao, Liu, Chua, "SCA-CNN", CVPR 2017, arXiv 1611.05594, equations 5-9, with the caption's hidden state left out.

Deviation: their softmax gates sum to 1 over the nodes, for a map that goes to a captioner. Between the stages of a network that would
shrink the map by the number of nodes, so the gates are multiplied by it here: their mean is 1.
"""

from __future__ import annotations

from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, wide_mean


class MeanOneSoftmax(nn.Module):
    """Softmax over all nodes of an image, times their number, so that its mean is 1."""

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (B, ...) -> gates of the same shape."""
        nodes = logits.flatten(1)  # (B, M)
        return (nodes.softmax(-1) * nodes.shape[-1]).view_as(logits)


class SpatialAttention(WideModule):
    """One gate per position: softmax(w_i tanh(W_s v + b_s) + b_i) (SCA-CNN, equations 5-6).

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the hidden layer.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.channels = channels
        width = max(1, channels // reduction)
        self.score = nn.Sequential(nn.Conv2d(channels, width, 1), nn.Tanh(), nn.Conv2d(width, 1, 1))
        self.gate = MeanOneSoftmax()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        gate: Tensor = self.gate(apply_in_float32(self.score, check_map(x, self.channels)))  # (B, 1, H, W)
        return x * gate.to(x.dtype)


class ChannelAttention(WideModule):
    """One gate per channel, from its mean alone: softmax(w_i tanh(w_c v + b_c) + b_i) (SCA-CNN, equations 7-9).

    Args:
        channels: channels C of the maps.
        width: numbers per channel in the hidden layer.
    """

    def __init__(self, channels: int, *, width: int = 64) -> None:
        super().__init__()
        self.channels = channels
        self.score = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))
        self.gate = MeanOneSoftmax()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        logits = apply_in_float32(self.score, wide_mean(check_map(x, self.channels), (2, 3))[..., None])  # (B, C, 1)
        gate: Tensor = self.gate(logits[..., None])  # (B, C, 1, 1)
        return x * gate.to(x.dtype)
