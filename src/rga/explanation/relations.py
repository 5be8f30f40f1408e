"""The relations behind the gates of RGA for one image: theta and phi of all nodes, from which any affinity follows.

The affinity of node i to node j is R_ij = theta(x_i) . phi(x_j). It is never built whole: of 2,048 nodes it has four million numbers, theta
and phi of 32 features have 131 thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.attention.modules import RelationAttention, SpatialRelationAttention
from rga.attention.recorder import Record, check_position, node_of, record
from rga.attention.space_time import SpaceTimeAttention
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
        grid: (h, w) of the positions; for channels the grid that the attention was built for.
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
        check_position((down, across))
        return node_of((down, across), self.grid)

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
    pixels = model.input_of(image)
    with evaluating(model), torch.no_grad(), record(model, embeddings=True) as recording:
        model(pixels)
    return [relations_of(each, owners[name], stage_of(model, name)) for name, each in recording.items() if name in owners]


def relations_of(seen: Record, owner: RelationAttention, stage: str) -> Relations:
    """What was recorded of one attention, for the first image of the batch."""
    assert seen.theta is not None
    assert seen.phi is not None
    if isinstance(owner, SpaceTimeAttention):
        raise InputError(
            f"attention {seen.name!r} relates the positions of {owner.frames} frames, which are not drawn on one image: rga.record gives "
            "the relations as arrays"
        )
    spatial = isinstance(owner, SpatialRelationAttention)
    grid = (seen.gate.shape[2], seen.gate.shape[3]) if spatial else owner.grid
    theta, phi, gates = (each[0].float().cpu().numpy() for each in (seen.theta, seen.phi, seen.gate))
    return Relations(seen.name, stage, "spatial" if spatial else "channel", grid, theta, phi, gates.ravel())
