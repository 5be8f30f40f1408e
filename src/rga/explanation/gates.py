"""The gates of every attention of a model for one image, and the activations that channel gates weigh."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rga.attachment import attached
from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.attention.modules import ChannelRelationAttention
from rga.attention.recorder import gate_owners, record
from rga.backbones.model import BackboneModel
from rga.images.inputs import ImageLike


@dataclass(frozen=True)
class SpatialGates:
    """The gates of one attention, one for each position.

    Attributes:
        name: of the attention in the model.
        stage: name of the backbone's module that it follows.
        gates: (h, w), each from 0 to 1; of an attention with a gate for each position and channel, their mean over the channels.
    """

    name: str
    stage: str
    gates: NDArray[np.float32]


@dataclass(frozen=True)
class ChannelGates:
    """The gates of one attention, one for each channel.

    Attributes:
        name: of the attention in the model.
        stage: name of the backbone's module that it follows.
        gates: (C,), each from 0 to 1.
        maps: (C, h, w), the map that they multiply; None where the attention does not show it.
    """

    name: str
    stage: str
    gates: NDArray[np.float32]
    maps: NDArray[np.float32] | None

    @property
    def activations(self) -> NDArray[np.float32] | None:
        """The mean over the positions of each channel, (C,)."""
        if self.maps is None:
            return None
        mean: NDArray[np.float32] = self.maps.mean((1, 2))
        return mean

    def strongest(self, count: int) -> list[int]:
        """The channels with the largest gates, largest first; channels of equal gates in their order."""
        return [int(index) for index in np.argsort(-self.gates, kind="stable")[:count]]

    def weakest(self, count: int) -> list[int]:
        """The channels with the smallest gates, smallest first."""
        return [int(index) for index in np.argsort(self.gates, kind="stable")[:count]]


def read_gates(model: BackboneModel, image: ImageLike) -> list[SpatialGates | ChannelGates]:
    """The gates of all attentions, in the order in which they run.

    Args:
        model: with attention that multiplies its map.
        image: one image.

    Raises:
        InputError: the model has no gates, or one that is not finite.

    Example:
        >>> from PIL import Image
        >>> from rga.reid.model import ReidModel
        >>> model = ReidModel("resnet18", image_size=(64, 32), attention_after=["layer1"])
        >>> spatial, channel = read_gates(model, Image.new("RGB", (32, 64)))
        >>> spatial.gates.shape, channel.gates.shape
        ((16, 8), (64,))
    """
    pixels = model.input_of(image)
    with evaluating(model), torch.no_grad(), record(model) as recording, watched_maps(model) as maps:
        model(pixels)
    found: list[SpatialGates | ChannelGates] = []
    for name, each in recording.items():
        gate, stage = each.gate[0].float().cpu().numpy(), stage_of(model, name)
        if gate.shape[1:] == (1, 1) and len(gate) > 1:
            found.append(ChannelGates(name, stage, gate[:, 0, 0], maps.get(name)))
        else:
            found.append(SpatialGates(name, stage, gate.mean(0)))
    return found


def stage_of(model: BackboneModel, name: str) -> str:
    """The module of the backbone that an attention of a name follows."""
    part = model.get_submodule(name)
    return next((stage for stage, attention in attached(model.backbone).items() if part in set(attention.modules())), name)


@contextmanager
def watched_maps(model: BackboneModel) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Within the block, the maps (C, h, w) that attentions multiply are kept by the names of those that show them."""
    maps: dict[str, NDArray[np.float32]] = {}
    grids: dict[str, Grid] = {}

    def keep(name: str, values: Tensor) -> None:
        maps[name] = values.detach()[0].float().cpu().numpy().copy()  # the attention may overwrite its map

    def keep_map(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda _module, args: keep(name, args[0])

    def keep_grid(stage: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda _module, args: grids.update({stage: (args[0].shape[2], args[0].shape[3])})

    def keep_nodes(name: str, owner: ChannelRelationAttention, stage: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        """RGA-C's channels at all positions (B, C, N): beside another attention, it is not called itself, but for its gates."""

        def seen(_module: nn.Module, args: tuple[Any, ...]) -> None:
            grid = grids[stage] if owner.fit == "spectral" else owner.grid
            first = args[0][..., : math.prod(grid)]  # over time, the positions of the first frame
            keep(name, first.unflatten(2, grid))

        return seen

    handles = [attention.register_forward_pre_hook(keep_grid(stage)) for stage, attention in attached(model.backbone).items()]
    for name, owner in gate_owners(model).items():
        if isinstance(owner, ChannelRelationAttention):
            handles.append(owner.gate.register_forward_pre_hook(keep_nodes(name, owner, stage_of(model, name))))
        else:
            handles.append(owner.register_forward_pre_hook(keep_map(name)))
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()
