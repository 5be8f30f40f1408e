"""Relation-aware global attention over time and space: the construction of the paper on the maps of several frames.

The frames of a tracklet are T images of one person. Their maps come as a backbone for images makes them, (B*T, C, H, W), the T frames of a
tracklet one after the other. All T*H*W positions of a tracklet are nodes together:

- RGA-S has T*H*W nodes of C features. A relation vector holds the relations of a position to all positions of all frames.
- RGA-C has C nodes of T*H*W features. A channel has one gate for all frames.

The equations are those of ``relation``, and so are the gates, which compute them without the affinity (``factorised``, ``acceleration``).
The paper has one image; to take the frames of a tracklet for one larger map is our reading of "global".
"""

from __future__ import annotations

from torch import Tensor

from rga.arrays import check_count
from rga.attention.acceleration.half_products import apply_gate
from rga.attention.grid import Fit, Grid, move_input_weights, resize
from rga.attention.modules import ChannelRelationAttention, RelationAttention, SpatialRelationAttention
from rga.attention.relation import RelationGate
from rga.errors import InputError


class SpaceTimeAttention(RelationAttention):
    """What both have in common: maps (B*T, C, H, W) to maps of the same shape, the frames of a tracklet together.

    Args:
        channels: channels C of the maps.
        grid: (H, W) of the map of one frame.
        gate: over T*H*W nodes of C features for RGA-S, over C nodes of T*H*W features for RGA-C.
        fit: see ``GridAttention``; ``"pool"`` pools each frame's map.
        frames: frames T of a tracklet.
    """

    def __init__(self, channels: int, grid: Grid, gate: RelationGate, fit: Fit = "exact", *, frames: int) -> None:
        super().__init__(channels, grid, gate, fit)
        self.frames = check_count("frames", frames)

    def over_frames(self, x: Tensor) -> Tensor:
        """Maps (B*T, C, H, W) -> (B, C, T*h*w), on the module's own grid.

        Raises:
            InputError: the maps are not those of whole tracklets, or not of the module's channels.
            GridMismatchError: they are on another grid, and ``fit`` is ``"exact"``.
        """
        maps = self.on_grid(x)
        if maps.shape[0] % self.frames:
            raise InputError(
                f"attention over {self.frames} frames takes the maps of whole tracklets, a multiple of {self.frames}, got {maps.shape[0]}: "
                f"give each tracklet {self.frames} frames, one tracklet after the other"
            )
        tracklets: Tensor = maps.unflatten(0, (maps.shape[0] // self.frames, self.frames))  # (B*T, C, h, w) -> (B, T, C, h, w)
        return tracklets.transpose(1, 2).flatten(2)  # -> (B, C, T*h*w)

    def moved(self, weight: Tensor, grid: Grid) -> Tensor:
        """Weights (..., T*positions) for positions on another grid, frame by frame."""
        of_frames: Tensor = weight.unflatten(-1, (self.frames, -1))  # (..., T*h*w) -> (..., T, h*w)
        return move_input_weights(of_frames, self.grid, grid).flatten(-2)

    @property
    def raster(self) -> Grid:
        """(rows, columns) of the positions: those of the frames, one below the other."""
        return self.frames * self.grid[0], self.grid[1]

    def extra_repr(self) -> str:
        """The line that ``print(module)`` shows."""
        return f"{super().extra_repr()}, frames={self.frames}"


class SpaceTimeSpatialAttention(SpaceTimeAttention, SpatialRelationAttention):
    """RGA-S over time and space: one gate per position of each frame.

    Example:
        >>> import torch
        >>> from rga.attention.relation import RelationGate
        >>> gate = RelationGate(3 * 4 * 2, 16, embedding_width=2, relation_width=3, hidden_width=1)
        >>> SpaceTimeSpatialAttention(16, (4, 2), gate, frames=3)(torch.rand(2 * 3, 16, 4, 2)).shape
        torch.Size([6, 16, 4, 2])
    """

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of maps (B*T, C, H, W): (B*T, 1, H, W) in their dtype."""
        gates = apply_gate(self.gate, self.over_frames(x).mT)  # (B, T*N, C) -> (B, T*N)
        maps = gates.reshape(-1, 1, *self.grid)  # (B, T*N) -> (B*T, 1, h, w)
        return resize(maps, (x.shape[2], x.shape[3])).to(x.dtype)


class SpaceTimeChannelAttention(SpaceTimeAttention, ChannelRelationAttention):
    """RGA-C over time and space: one gate per channel, the same in all frames of a tracklet."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of maps (B*T, C, H, W): (B*T, C, 1, 1) in their dtype."""
        gates = apply_gate(self.gate, self.over_frames(x))  # (B, C, T*N) -> (B, C)
        return gates.repeat_interleave(self.frames, 0)[..., None, None].to(x.dtype)
