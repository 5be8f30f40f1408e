"""The simplified non-local block: one global context for all positions.

Cao, Xu, Lin, Wei, Hu, "GCNet", arXiv 1904.11492, equation 3: z_i = x_i + sum_j softmax_j(W_k x_j) W_v x_j. The value W_v is applied
once, to the pooled context, which is the same by linearity (their equation 4). As there the block starts as the identity. The full
non-local and the GC block are timm's (``from_timm``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map


class SimplifiedNonLocal(nn.Module):
    """Adds one context vector, pooled by attention over all positions, to every position.

    Args:
        channels: channels C of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.key = nn.Conv2d(channels, 1, 1)
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        nn.init.zeros_(self.value.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        check_map(x, self.channels)
        weights = self.key(x).flatten(2).softmax(-1)  # (B, 1, N)
        context = torch.bmm(x.flatten(2), weights.mT)[..., None]  # (B, C, N) -> (B, C, 1, 1)
        update: Tensor = self.value(context)
        return x + update
