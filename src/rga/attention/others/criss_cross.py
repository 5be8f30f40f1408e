"""Criss-cross attention of CCNet.

Huang, Wang, Wei, Huang, Shi, Liu, Huang, "CCNet: Criss-Cross Attention for Semantic Segmentation", ICCV 2019, arXiv 1811.11721, sections
3.2 (equations 1-2) and 3.3: every position gathers the values of its row and its column by one softmax over their H + W - 1 positions, its
own counted once. The block is applied several times with the same weights, after two of which every position has seen all others.

As in the authors' code, what is gathered has a learnt weight that starts at zero (equation 2 has none), in every round. The convolutions
that CCNet puts around the block belong to its head, not to the attention, and are left to the network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, in_float32, widened


class CrissCrossAttention(WideModule):
    """Every position gathers the values of the positions in its row and column that resemble it.

    Args:
        channels: channels C of the maps.
        reduction: of the channels in query and key.
        recurrence: the paper's R, how often the block is applied.
    """

    def __init__(self, channels: int, *, reduction: int = 8, recurrence: int = 2) -> None:
        super().__init__()
        self.channels = channels
        self.recurrence = recurrence
        width = max(1, channels // reduction)
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.residual_weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        wide = widened(check_map(x, self.channels))
        for _ in range(self.recurrence):
            query, key, value = (apply_in_float32(layer, wide) for layer in (self.query, self.key, self.value))
            wide = wide + self.residual_weight * gathered_cross(query, key, value)
        return wide.to(x.dtype)


@in_float32
def gathered_cross(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """For every position the sum of the values in its row and column by their keys' softmax.

    Args:
        query: (B, D, H, W).
        key: (B, D, H, W).
        value: (B, C, H, W).

    Returns:
        (B, C, H, W).
    """
    height = query.shape[2]
    own = torch.eye(height, dtype=torch.bool, device=query.device)[:, None]  # (H, 1, H): counted with the row
    in_column = torch.einsum("bdhw,bdgw->bhwg", query, key).masked_fill(own, -torch.inf)  # (B, H, W, H)
    in_row = torch.einsum("bdhw,bdhv->bhwv", query, key)  # (B, H, W, W)
    weights = torch.cat([in_column, in_row], -1).softmax(-1)  # (B, H, W, H + W)
    from_column = torch.einsum("bhwg,bcgw->bchw", weights[..., :height], value)
    return from_column + torch.einsum("bhwv,bchv->bchw", weights[..., height:], value)
