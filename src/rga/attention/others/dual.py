"""Position and channel attention of DANet.

Fu, Liu, Tian, Li, Bao, Fang, Lu, "Dual Attention Network for Scene Segmentation", CVPR 2019, arXiv 1809.02983. As published:
softmax over an affinity, residual with a learnt weight that starts at zero. The N x N affinity of the positions goes through
PyTorch's fused attention. The 3x3 convolutions that DANet puts around each branch belong to its head, not to the attention, and are
left to the network. Both compute in float32 at least: their logits are sums of products of activations.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, in_float32, widened


class PositionAttention(WideModule):
    """Every position gathers the values of the positions that resemble it (DANet, section 3.2).

    Args:
        channels: channels C of the maps.
        reduction: of the channels in query and key.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.channels = channels
        width = max(1, channels // reduction)
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.residual_weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return (x + self.update(x)).to(x.dtype)

    def update(self, x: Tensor) -> Tensor:
        """What is added to the map (B, C, H, W), in float32 at least."""
        wide = widened(check_map(x, self.channels))
        query, key, value = (
            apply_in_float32(layer, wide).flatten(2).mT for layer in (self.query, self.key, self.value)
        )  # (B, N, width or C)
        update: Tensor = self.residual_weight * gathered_positions(query, key, value).mT.unflatten(2, x.shape[-2:])
        return update


@in_float32
def gathered_positions(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """For every query (B, N, width) the sum of the values (B, N, C) by their keys' softmax: (B, N, C)."""
    return F.scaled_dot_product_attention(query, key, value, scale=1.0)


class ChannelAttention(WideModule):
    """Every channel gathers the channels that differ from it (DANet, section 3.3).

    The affinity is turned around before the softmax (maximum minus affinity), as in the authors' code.

    Args:
        channels: channels C of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.residual_weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return (x + self.update(x)).to(x.dtype)

    def update(self, x: Tensor) -> Tensor:
        """What is added to the map (B, C, H, W), in float32 at least."""
        return self.residual_weight * gathered_channels(check_map(x, self.channels))


@in_float32
def gathered_channels(x: Tensor) -> Tensor:
    """For every channel of a map (B, C, H, W) the sum of the channels that differ from it: a map."""
    nodes = x.flatten(2)  # (B, C, N)
    affinity = torch.bmm(nodes, nodes.mT)  # (B, C, C)
    attention = (affinity.amax(-1, keepdim=True) - affinity).softmax(-1)
    return torch.bmm(attention, nodes).view_as(x)


class DualAttention(nn.Module):
    """Position and channel attention of the same map, both added to it.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in the position attention's query and key.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.position = PositionAttention(channels, reduction=reduction)
        self.channel = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return (x + self.position.update(x) + self.channel.update(x)).to(x.dtype)
