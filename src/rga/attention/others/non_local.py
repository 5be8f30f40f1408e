"""The simplified non-local block: one global context for all positions.

Cao, Xu, Lin, Wei, Hu, "GCNet", arXiv 1904.11492, equation 3: z_i = x_i + sum_j softmax_j(W_k x_j) W_v x_j. The value W_v is applied
once, to the pooled context, which is the same by linearity (their equation 4). As there the block starts as the identity. The full
non-local and the GC block are timm's (``from_timm``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.grid import check_map
from rga.attention.precision import WideModule, apply_in_float32, in_float32, widened


class SimplifiedNonLocal(WideModule):
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
        wide = widened(check_map(x, self.channels))
        weights = apply_in_float32(self.key, wide).flatten(2).softmax(-1)  # (B, 1, N)
        update = apply_in_float32(self.value, weighted_mean(wide, weights))
        return (x + update).to(x.dtype)


@in_float32
def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """The positions of a map (B, C, H, W) summed up by weights (B, 1, N): (B, C, 1, 1)."""
    return torch.bmm(x.flatten(2), weights.mT)[..., None]  # (B, C, 1) -> (B, C, 1, 1)
