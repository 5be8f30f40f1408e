"""Two attentions side by side on one map.

The paper's S//C (arXiv 1904.02998, table 3) does not say how its two branches are joined. Ours multiplies the map by both gates.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from rga.attention.products import gated


class GateMap(Protocol):
    """An attention that can say its gates apart from their use."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W), of a shape that broadcasts to it."""
        ...


class ParallelAttention(nn.Module):
    """A spatial and a channel attention of the same map, which is multiplied by both gates.

    Args:
        spatial: gives one gate per position.
        channel: gives one gate per channel.
    """

    def __init__(self, spatial: GateMap, channel: GateMap) -> None:
        super().__init__()
        self.spatial = spatial
        self.channel = channel

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return gated(x, self.spatial.gate_map(x), self.channel.gate_map(x))
