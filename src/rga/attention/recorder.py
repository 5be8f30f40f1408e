"""Watching attention at work: the gates of a network, and the relations of chosen nodes.

``record`` puts hooks on a network for the time of a ``with`` block; outside of it nothing is computed or kept. Compiled networks run
uncompiled within the block, as compiled code does not call hooks. The relation vectors of chosen nodes are rows and columns of the
affinity, computed for these nodes alone from the embeddings of the forward pass.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from rga.attention.grid import Grid
from rga.attention.modules import ChannelRelationAttention, SpatialRelationAttention
from rga.attention.relation import RelationGate
from rga.attention.spectral.modules import SpectralSpatialAttention
from rga.errors import InputError

PACKAGE = "rga.attention."

Position = tuple[float, float]
"""A position in the image: (down, across), both from 0 (top, left) to 1 (bottom, right)."""


@dataclass(frozen=True)
class Record:
    """What one attention did in the last forward pass.

    Attributes:
        name: the attention's qualified name in the network.
        gate: its gates; (B, 1, H, W) for one per position, (B, C, 1, 1) for one per channel. On the module's own grid; on the map's, if the
            module is spectral. Of attention over the T frames of a tracklet: one per position of each frame, (B*T, 1, H, W), and one per
            channel of each tracklet, (B, C, 1, 1).
        nodes: the chosen nodes: raster indices of positions for RGA-S, channels for RGA-C; empty where none were asked for. Over time they
            are those of a tracklet's first frame, and M counts all frames.
        rows: affinities R(i,:) of the chosen nodes i to all nodes, (B, len(nodes), M).
        columns: affinities R(:,i) of all nodes to the chosen ones, (B, len(nodes), M).
        theta: of all nodes, (B, M, D'), where embeddings were asked for and the attention has relations.
        phi: of all nodes, likewise; the affinities are theta phi^T.
    """

    name: str
    gate: Tensor
    nodes: tuple[int, ...] = ()
    rows: Tensor | None = None
    columns: Tensor | None = None
    theta: Tensor | None = None
    phi: Tensor | None = None


class Recording(Mapping[str, Record]):
    """The records of a network's attentions by their names, in the order in which they ran."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def __getitem__(self, name: str) -> Record:
        if name not in self.records:
            raise KeyError(f"nothing was recorded under {name!r}: recorded are {', '.join(self.records) or 'none'}")
        return self.records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@contextmanager
def record(
    model: nn.Module, positions: Sequence[Position] = (), channels: Sequence[int] = (), *, embeddings: bool = False
) -> Iterator[Recording]:
    """Records the gates of every attention in ``model`` that multiplies its map, and relations where asked.

    Args:
        model: an attention, or a network with attentions in it, compiled or not. A network's own gates (the squeeze-and-excitation of an
            EfficientNet) are not recorded, only those of attentions that this package has built.
        positions: positions whose relations are wanted from every RGA-S, if there is one, as fractions of the image's height and width.
        channels: channels whose relations are wanted from every RGA-C.
        embeddings: whether theta and phi of all nodes are wanted from every RGA-S and RGA-C with relations.

    Yields:
        A mapping from the attentions' names to ``Record``, filled by each forward pass within the block.

    Raises:
        InputError: the model has no gates, a position or channel lies outside, relations are wanted of an attention without relations, a
            recorded gate is not finite, or the model ran within the block and none of its gates were seen.

    Example:
        >>> import rga
        >>> attention = rga.create_attention("rga-sc", 64, (16, 8))
        >>> with record(attention, positions=[(0.5, 0.5)]) as recording:
        ...     _ = attention(torch.rand(2, 64, 16, 8))
        >>> recording["spatial"].gate.shape, recording["spatial"].rows.shape
        (torch.Size([2, 1, 16, 8]), torch.Size([2, 1, 128]))
    """
    for position in positions:
        check_position(position)
    recording = Recording()
    owners = gate_owners(model)
    if not owners:
        raise InputError(
            "the model holds no attention with a gate: attach one with rga.attach(model, 'rga-sc', image_size=...); gates of "
            "attentions that are not part of this package are not recorded"
        )
    passes: list[None] = []
    handles = [model.register_forward_hook(lambda *_: passes.append(None))]
    try:
        for name, owner in owners.items():
            embedded = embeddings and isinstance(owner.gate, RelationGate) and owner.gate.relation
            watch = GateWatch(name, owner, recording, chosen_of(name, owner, positions, channels), embedded)
            handles.append(owner.gate.register_forward_hook(watch.on_gate))
            if watch.chosen or embedded:
                handles += watch.on_embedding(owner.gate)
        with uncompiled():
            yield recording
    finally:
        for handle in handles:
            handle.remove()
    if passes and not recording:
        raise InputError(
            "the model ran, and none of its attentions was seen: what ran is not made of the model's own modules, "
            "as after tracing, export or DataParallel; record the original model"
        )


def gate_owners(model: nn.Module) -> dict[str, Any]:
    """The modules with gates in the attentions of this package, by their names in the network (without torch.compile's prefix)."""
    within: list[nn.Module] = [each for each in model.modules() if type(each).__module__.startswith(PACKAGE)]
    ours = {module for attention in within for module in attention.modules()}
    named = {name.replace("_orig_mod.", ""): module for name, module in model.named_modules() if module in ours}
    return {name: module for name, module in named.items() if isinstance(getattr(module, "gate", None), nn.Module)}


def uncompiled() -> AbstractContextManager[object]:
    """A context in which everything runs uncompiled; where nothing was compiled so far, the compiler is not even imported."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


def chosen_of(name: str, owner: nn.Module, positions: Sequence[Position], channels: Sequence[int]) -> tuple[Position | int, ...]:
    """What was chosen in one attention: positions for RGA-S, channels for RGA-C, nothing for others."""
    if isinstance(owner, SpatialRelationAttention):
        return tuple(positions)
    if isinstance(owner, ChannelRelationAttention):
        for channel in channels:
            if not 0 <= channel < owner.channels:
                raise InputError(f"channel {channel} is outside of attention {name!r}, which has channels 0 to {owner.channels - 1}")
        return tuple(channels)
    return ()


def check_position(position: Position) -> None:
    """Raises an InputError if a position does not lie in the image."""
    if len(position) != 2 or not all(0 <= part <= 1 for part in position):
        raise InputError(f"a position is (down, across), each from 0 to 1; got {position!r}")


def node_of(chosen: Position | int, grid: Grid) -> int:
    """The index of a node: the raster index of a position on a grid, a channel's number."""
    if isinstance(chosen, int):
        return chosen
    (down, across), (height, width) = chosen, grid
    return min(int(down * height), height - 1) * width + min(int(across * width), width - 1)


def grid_of(owner: nn.Module, args: tuple[Tensor, ...]) -> Grid:
    """The grid on which an attention computes its gates, by the arguments of its gate."""
    if isinstance(owner, SpectralSpatialAttention):
        _, down, across = args
        return down.shape[1], across.shape[1]
    grid: Grid = getattr(owner, "grid", (0, 0))
    return grid


class GateWatch:
    """The hooks on one attention."""

    def __init__(
        self, name: str, owner: nn.Module, recording: Recording, chosen: tuple[Position | int, ...], embeddings: bool = False
    ) -> None:
        self.name = name
        self.owner = owner
        self.recording = recording
        self.chosen = chosen
        self.embeddings = embeddings
        self.embedded: Tensor | None = None

    def on_embedding(self, gate: RelationGate) -> list[RemovableHandle]:
        """Puts a hook on the embedding of a gate whose relations are wanted."""
        if not gate.relation:
            raise InputError(f"attention {self.name!r} was built with relation=False: it has no relations to record")
        if gate.theta_phi_psi is None:
            return []
        return [gate.theta_phi_psi.register_forward_hook(self.keep_embedded)]

    def keep_embedded(self, _module: nn.Module, _args: object, output: Tensor) -> None:
        """Keeps theta, phi and psi of all nodes."""
        self.embedded = output.detach()

    @torch.no_grad()
    def relations(self, gate: nn.Module, nodes: Tensor, chosen: list[int]) -> dict[str, Tensor]:
        """What is wanted of the relations: affinities of the chosen nodes, (B, K, M) each; theta and phi of all nodes, (B, M, D') each."""
        if not (chosen or self.embeddings):
            return {}
        assert isinstance(gate, RelationGate)  # others have no nodes to choose
        theta, phi, _ = gate.split(nodes, self.embedded if self.embedded is not None else nodes[..., :0])  # (B, M, D') each
        self.embedded = None
        found = {"rows": theta[:, chosen] @ phi.mT, "columns": phi[:, chosen] @ theta.mT} if chosen else {}
        if self.embeddings:  # copies: without embedding they are the map, which the network may overwrite
            found |= {"theta": theta.clone(), "phi": phi.clone()}
        return found

    def on_gate(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        """Keeps the gates and the relations."""
        gate = output.detach()
        if not gate.isfinite().all():
            raise InputError(
                f"attention {self.name!r} computed a gate that is not finite: its input or its weights hold NaN or infinity; "
                "look for them in the image, the preprocessing, or a diverged training"
            )
        grid = grid_of(self.owner, args)
        nodes = [node_of(each, grid) for each in self.chosen]
        relations = self.relations(module, args[0].detach(), nodes)
        self.recording.records.pop(self.name, None)  # so that the order is that of the last pass
        self.recording.records[self.name] = Record(self.name, as_map(gate, self.owner, grid), tuple(nodes), **relations)


def as_map(gate: Tensor, owner: nn.Module, grid: Grid) -> Tensor:
    """Gates in a shape that broadcasts to the map: (B, 1, H, W), (B, C, 1, 1) or (B, C, H, W)."""
    if isinstance(owner, SpatialRelationAttention):
        return gate.view(-1, 1, *grid)  # (B, N) -> (B, 1, H, W); over time (B, T*N) -> (B*T, 1, H, W)
    return gate if gate.dim() == 4 else gate.flatten(1)[..., None, None]  # (B, C) -> (B, C, 1, 1)
