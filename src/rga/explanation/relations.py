"""The relations behind the gates of RGA for one image: theta and phi of all nodes, from which any affinity follows.

The affinity of node i to node j is R_ij = theta(x_i) . phi(x_j). It is never built whole: of 2,048 nodes it has four million numbers, theta
and phi of 32 features have 131 thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.attention.modules import RelationAttention, SpatialRelationAttention
from rga.attention.recorder import grid_of, record
from rga.attention.relation import RelationGate
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.explanation.gates import stage_of
from rga.images.inputs import ImageLike

Kind = Literal["spatial", "channel"]


@dataclass(frozen=True)
class Relations:
    """What one RGA-S or RGA-C compared, and the gates that it computed from it.

    Attributes:
        name: of the attention in the model.
        stage: name of the backbone's module that it follows.
        kind: ``"spatial"``: the nodes are the positions of ``grid``, in raster order. ``"channel"``: the nodes are the channels.
        grid: (h, w) of the map.
        theta: of all nodes, (M, D').
        phi: of all nodes, (M, D').
        gates: of all nodes, (M,), each from 0 to 1.
    """

    name: str
    stage: str
    kind: Kind
    grid: Grid
    theta: NDArray[np.float32]
    phi: NDArray[np.float32]
    gates: NDArray[np.float32]

    def to_all(self, node: int) -> NDArray[np.float32]:
        """R(i,:), the affinities of a node to all nodes, (M,)."""
        affinities: NDArray[np.float32] = self.phi @ self.theta[self.checked(node)]
        return affinities

    def from_all(self, node: int) -> NDArray[np.float32]:
        """R(:,i), the affinities of all nodes to a node, (M,)."""
        affinities: NDArray[np.float32] = self.theta @ self.phi[self.checked(node)]
        return affinities

    def node_at(self, down: float, across: float) -> int:
        """The node of a position of the image, which is given as fractions of its height and width, each from 0 to 1.

        Raises:
            InputError: the nodes are channels, or the position lies outside of the image.
        """
        if self.kind != "spatial":
            raise InputError(f"the nodes of {self.name} are channels, which have no position: name a channel")
        if not (0 <= down <= 1 and 0 <= across <= 1):
            raise InputError(f"a position is (down, across), each from 0 to 1; got ({down}, {across})")
        height, width = self.grid
        return min(int(down * height), height - 1) * width + min(int(across * width), width - 1)

    def as_map(self, affinities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Affinities of positions (M,) as a map (h, w)."""
        return affinities.reshape(self.grid)

    def checked(self, node: int) -> int:
        """A node's index.

        Raises:
            InputError: there is no such node.
        """
        if not 0 <= node < len(self.gates):
            raise InputError(f"{self.name} has the nodes 0 to {len(self.gates) - 1}, and no node {node}")
        return node


def read_relations(model: BackboneModel, image: ImageLike) -> list[Relations]:
    """The relations of every RGA-S and RGA-C of a model, in the order in which they run.

    Args:
        model: with RGA on some of its stages.
        image: one image.

    Raises:
        InputError: the model has no RGA with relations, or a gate that is not finite.

    Example:
        >>> from PIL import Image
        >>> from rga.reid.model import ReidModel
        >>> model = ReidModel("resnet18", image_size=(64, 32), attention_after=["layer1"])
        >>> first, _ = read_relations(model, Image.new("RGB", (32, 64)))
        >>> first.grid, first.theta.shape, first.as_map(first.to_all(first.node_at(0.5, 0.5))).shape
        ((16, 8), (128, 8), (16, 8))
    """
    owners = {name: module for name, module in model.named_modules() if isinstance(module, RelationAttention) and module.gate.relation}
    if not owners:
        raise InputError("the model has no attention with relations: train one with attention rga-s, rga-c or rga-sc")
    watches = {name: Watch(owner.gate) for name, owner in owners.items()}
    pixels = model.input_of(image)
    handles = [handle for watch in watches.values() for handle in watch.handles()]
    try:
        with evaluating(model), torch.no_grad(), record(model) as recording:
            model(pixels)
    finally:
        for handle in handles:
            handle.remove()
    return [
        watches[name].relations(name, stage_of(model, name), owners[name], recording[name].gate[0]) for name in recording if name in owners
    ]


class Watch:
    """The hooks on one gate."""

    def __init__(self, gate: RelationGate) -> None:
        self.gate = gate
        self.args: tuple[Tensor, ...] = ()
        self.embedded: Tensor | None = None

    def handles(self) -> list[Any]:
        """Puts the hooks on."""
        found: list[Any] = [self.gate.register_forward_pre_hook(self.keep_nodes)]
        if self.gate.theta_phi_psi is not None:
            found.append(self.gate.theta_phi_psi.register_forward_hook(self.keep_embedded))
        return found

    def keep_nodes(self, _module: nn.Module, args: tuple[Tensor, ...]) -> None:
        """Keeps what the gate was called with; nodes are a view of a map that is overwritten later."""
        self.args = tuple(arg.clone() for arg in args) if self.gate.embedding == "none" else args

    def keep_embedded(self, _module: nn.Module, _args: object, output: Tensor) -> None:
        """Keeps theta, phi and psi of all nodes."""
        self.embedded = output

    def relations(self, name: str, stage: str, owner: RelationAttention, gates: Tensor) -> Relations:
        """What was seen, for the first image of the batch."""
        nodes = self.args[0]
        theta, phi, _ = self.gate.split(nodes, self.embedded if self.embedded is not None else nodes[..., :0])
        spatial = isinstance(owner, SpatialRelationAttention)
        grid = grid_of(owner, self.args) if spatial else owner.grid
        return Relations(
            name,
            stage,
            "spatial" if spatial else "channel",
            grid,
            theta[0].float().cpu().numpy(),
            phi[0].float().cpu().numpy(),
            gates.flatten().float().cpu().numpy(),
        )
