"""RGA-S and RGA-C as modules: a map in, a map of the same shape out.

They add to the equations of ``relation`` what a network needs: the check of the map, other grids (``grid``), half precision (``precision``)
and the multiplication of ``acceleration``. The gate is any ``RelationGate``: the definition, or a faster one of the same function.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rga.attention.acceleration.half_products import apply_gate
from rga.attention.acceleration.multiply import gated, gated_inplace
from rga.attention.first_edition import convert_on_load
from rga.attention.grid import Fit, Grid, GridAttention, check_grid, move_input_weights, replace_parameter, resize
from rga.attention.relation import RelationGate
from rga.errors import InputError


class RelationAttention(GridAttention):
    """What RGA-S and RGA-C have in common: a map multiplied by its gates.

    Args:
        channels: channels C of the maps.
        grid: (H, W) of the maps.
        gate: over H*W nodes of C features for RGA-S, over C nodes of H*W features for RGA-C.
        fit: see ``GridAttention``.
    """

    def __init__(self, channels: int, grid: Grid, gate: RelationGate, fit: Fit = "exact") -> None:
        super().__init__(channels, grid, fit)
        self.gate = gate
        self.register_load_state_dict_pre_hook(convert_on_load)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> map of the same shape."""
        return gated(x, self.gate_map(x))

    def forward_inplace(self, x: Tensor) -> Tensor:
        """``forward`` for a map that nobody else reads: at eager inference it is overwritten, as by ``nn.ReLU(inplace=True)``."""
        return gated_inplace(x, self.gate_map(x))

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W), of a shape that broadcasts to it."""
        raise NotImplementedError

    def over_positions(self) -> list[nn.Linear]:
        """The linear maps whose inputs are the positions."""
        raise NotImplementedError

    def moved(self, weight: Tensor, grid: Grid) -> Tensor:
        """Weights (..., positions) of one of them, for positions on another grid."""
        return move_input_weights(weight, self.grid, grid)


class SpatialRelationAttention(RelationAttention):
    """RGA-S: the positions of a map are the nodes, its channels their features; one gate per position."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, 1, H, W) in its dtype."""
        nodes = self.on_grid(x).flatten(2).mT  # (B, C, h, w) -> (B, N, C)
        gate = apply_gate(self.gate, nodes).unflatten(1, self.grid).unsqueeze(1)  # (B, N) -> (B, 1, h, w)
        return resize(gate, (x.shape[2], x.shape[3])).to(x.dtype)

    @torch.no_grad()
    def resample_(self, grid: Grid) -> None:
        """Moves the weights of varphi, whose inputs are the positions, to another grid."""
        new = check_grid(grid)
        for linear in self.over_positions():
            replace_weight(linear, self.moved(weight_of(linear), new))
        self.grid = new

    def over_positions(self) -> list[nn.Linear]:
        """The two halves of varphi."""
        varphi = self.gate.varphi
        return [] if varphi is None else [varphi.rows, varphi.columns]


class ChannelRelationAttention(RelationAttention):
    """RGA-C: the channels of a map are the nodes, its positions their features; one gate per channel."""

    def gate_map(self, x: Tensor) -> Tensor:
        """The gates of a map (B, C, H, W): (B, C, 1, 1) in its dtype."""
        nodes = self.on_grid(x).flatten(2)  # (B, C, h, w) -> (B, C, N)
        return apply_gate(self.gate, nodes)[..., None, None].to(x.dtype)  # (B, C) -> (B, C, 1, 1)

    @torch.no_grad()
    def resample_(self, grid: Grid) -> None:
        """Moves the weights of theta, phi and psi, whose inputs are the positions, to another grid."""
        new = check_grid(grid)
        gate = self.gate
        for linear in self.over_positions():
            replace_weight(linear, self.moved(weight_of(linear), new))
        if gate.varphi is not None and gate.embedding == "none":  # the affinity itself is a sum over positions
            ratio = (self.grid[0] * self.grid[1]) / (new[0] * new[1])
            for linear in (gate.varphi.rows, gate.varphi.columns):
                replace_weight(linear, weight_of(linear) * ratio)
        self.grid = new

    def over_positions(self) -> list[nn.Linear]:
        """Theta, phi and psi, in one."""
        return [] if self.gate.theta_phi_psi is None else [self.gate.theta_phi_psi.linear]


def weight_of(linear: nn.Module) -> nn.Parameter:
    """The weight of a linear map that has one of its own.

    Raises:
        InputError: the layer was pruned, parametrised, quantised or replaced, so that its weight cannot be moved to another grid.
    """
    own = dict(linear.named_parameters(recurse=False))
    if "weight" not in own or not isinstance(linear, nn.Linear):
        raise InputError(
            f"the weights of a {type(linear).__name__} with the parameters {sorted(own)} cannot be moved to another grid: "
            "resample first, then prune, parametrise, quantise or replace; or make the change permanent (torch.nn.utils.prune.remove, "
            "torch.nn.utils.parametrize.remove_parametrizations)"
        )
    return own["weight"]


def replace_weight(linear: nn.Linear, weight: Tensor) -> None:
    """Gives a linear map another weight (outputs, inputs)."""
    replace_parameter(linear, "weight", weight)
    linear.out_features, linear.in_features = weight.shape
