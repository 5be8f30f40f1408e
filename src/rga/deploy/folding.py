"""Batch normalisations become part of the weights before them, for good.

In evaluation mode a BN is one linear map, and so is the convolution or linear map before it: one of them can do the work of both, where the
output of the layer goes into the BN and nowhere else. The order of modules does not tell which layers these are. So the network is traced
by ``torch.export``, and the graph tells. RGA, whose fast paths leave calls of layers out, is known by its classes instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from rga.attention.acceleration.folded import FoldedNorm, Shift, fold_norm
from rga.attention.acceleration.linear_norm import FOLDABLE, FastLinearNorm, folds, goes_by_running_statistics
from rga.attention.acceleration.plain import is_plain_linear, is_unwatched
from rga.attention.factorised import FactorisedRelationEmbedding
from rga.attention.grid import replace_parameter
from rga.attention.relation import LinearNorm, RelationEmbedding
from rga.attention.spectral.gates import SpectralRelationEmbedding
from rga.deploy.targets.tracing import quietly, traced

ATEN = torch.ops.aten

RANKS: dict[Any, int] = {
    ATEN.conv1d.default: 3,
    ATEN.conv1d.padding: 3,
    ATEN.conv2d.default: 4,
    ATEN.conv2d.padding: 4,
    ATEN.conv3d.default: 5,
    ATEN.conv3d.padding: 5,
    ATEN.conv_transpose1d.default: 3,
    ATEN.conv_transpose2d.input: 4,
    ATEN.conv_transpose3d.input: 5,
    ATEN.linear.default: 2,
}
"""Operation of a layer -> rank of its output where the channels of the layer are those that a BN normalises."""

LINEARS: dict[type[nn.Module], tuple[str, ...]] = {
    LinearNorm: ("linear",),
    FastLinearNorm: ("linear",),
    RelationEmbedding: ("rows", "columns"),
    FactorisedRelationEmbedding: ("rows", "columns"),
    SpectralRelationEmbedding: ("rows", "columns"),
}
"""Class of RGA with a child ``norm`` -> the names of the linear maps, without bias, whose sum goes into it."""

Layer = _ConvNd | nn.Linear


@dataclass(frozen=True)
class Folding:
    """What became of the BNs of a network.

    Attributes:
        folded: how many are part of the weights before them.
        left: names of those that are still there.
    """

    folded: int
    left: tuple[str, ...]


@torch.no_grad()
def fold(network: nn.Module, example: Tensor, free: Mapping[int, Any]) -> Folding:
    """Folds all BNs of a network that can be folded, in place.

    A BN stays where no convolution or linear map comes before it, where something else reads what it reads, where it or the layer runs more
    than once, shares weights or is hooked, and where it goes by the statistics of the batch.

    Args:
        network: in evaluation mode: a tensor to tensors.
        example: an input, of at least two images.
        free: axis of the input -> what is known of its size, for ``torch.export``.

    Raises:
        InputError: the network cannot be traced.
    """
    before = len(norms_of(network))
    fold_relations(network)
    graph = Graph(network, example, free)
    sources: dict[object, Layer] = {}  # output of a layer, or of a BN that was folded into it -> the layer
    gone: dict[nn.Module, nn.Module] = {}
    for node in graph.nodes:
        if (layer := graph.layer(node)) is not None:
            sources[node] = layer
        elif (norm := graph.norm(node)) is not None and (given := node.args[0]) in sources and graph.follows(node, given):
            fold_into(sources[given], norm)
            sources[node] = sources[given]
            gone[norm] = FoldedNorm(*after(norm))
    for module in list(network.modules()):
        for name, child in module._modules.items():  # noqa: SLF001  named_children leaves second names out
            if child in gone:
                setattr(module, name, gone[child])
    left = norms_of(network)
    return Folding(before - len(left), left)


def norms_of(network: nn.Module) -> tuple[str, ...]:
    """The names of all BNs."""
    return tuple(name for name, module in network.named_modules() if isinstance(module, _BatchNorm))


def fold_relations(network: nn.Module) -> None:
    """Folds the BNs of RGA, in place: of theta, phi and psi, of varphi, W1 and W2."""
    holders = Counter(child for module in network.modules() for child in module._modules.values())  # noqa: SLF001  as above
    owners = Owners(network)
    for module in list(network.modules()):
        if type(module) not in LINEARS:
            continue
        linears = [module.get_submodule(name) for name in LINEARS[type(module)]]
        norm = module.get_submodule("norm")
        own = all(holders[each] == 1 and owners.alone(each) for each in (*linears, norm))
        if not (own and isinstance(norm, _BatchNorm) and folds(norm) and all(map(is_plain_linear, linears))):
            continue
        scale, shift = fold_norm(norm)
        for linear in linears:
            weight = linear.get_parameter("weight")
            replace_parameter(linear, "weight", (weight.double() * scale[:, None]).to(weight.dtype))
        module.norm = Shift(shift.to(norm.running_mean.dtype))  # type: ignore[union-attr]


class Owners:
    """Which modules of a network hold which weights and buffers."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.counts = Counter(id(tensor) for module in network.modules() for tensor in tensors_of(module))

    def alone(self, module: nn.Module) -> bool:
        """Whether no other module holds a weight or a buffer of this one."""
        return all(self.counts[id(tensor)] == 1 for tensor in tensors_of(module))


def tensors_of(module: nn.Module) -> list[Tensor]:
    """A module's own weights and buffers."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


class Graph:
    """The operations of a network, and the modules that they are of.

    Args:
        network: see ``fold``.
        example: likewise.
        free: likewise.

    Raises:
        InputError: the network cannot be traced.
    """

    def __init__(self, network: nn.Module, example: Tensor, free: Mapping[int, Any]) -> None:
        with quietly(), traced("the network cannot be traced, which tells what its batch normalisations follow", "use it as it is"):
            # of a copy: what a network keeps in attributes is without values afterwards
            program = torch.export.export(deepcopy(network), (example,), dynamic_shapes=(dict(free),))
        self.network = network
        self.nodes: list[Node] = list(program.graph.nodes)
        self.names = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers}
        self.owners = Owners(network)

    def layer(self, node: Node) -> Layer | None:
        """The convolution or linear map that an operation is all of, if a BN may become part of it."""
        rank = RANKS.get(node.target)
        if rank is None or node.meta["val"].dim() != rank:
            return None
        layer = self.holder(node.args[1])
        given = dict(zip(("weight", "bias"), (*node.args[1:3], None), strict=False))
        return layer if isinstance(layer, Layer) and self.is_all_of(node, layer, given) else None

    def norm(self, node: Node) -> _BatchNorm | None:
        """The BN that an operation is of, if it may become part of a layer."""
        if node.target != ATEN.batch_norm.default:
            return None
        _, weight, bias, mean, variance, training, *_ = node.args
        norm = self.holder(mean)
        if training or not isinstance(norm, _BatchNorm) or not goes_by_running_statistics(norm):
            return None
        given = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
        known = type(norm).forward in (*FOLDABLE, BatchNormAct2d.forward)
        return norm if known and self.is_all_of(node, norm, given) else None

    def holder(self, tensor: object) -> nn.Module | None:
        """The module that holds a weight or a buffer."""
        name = self.names.get(tensor.name) if isinstance(tensor, Node) else None
        return None if name is None else self.network.get_submodule(name.rpartition(".")[0])

    def is_all_of(self, node: Node, module: nn.Module, given: Mapping[str, object]) -> bool:
        """Whether an operation is the call of a module, alone reads its weights and buffers, which are nobody else's, and no hook waits.

        Args:
            node: the operation.
            module: whose it is.
            given: name of each weight and buffer in the module -> what the operation takes for it.
        """
        if self.callers(node)[-1:] != [module]:  # weights that are read without a call of their module
            return False
        for name, tensor in given.items():
            own = getattr(module, name)
            if (own is None) != (tensor is None):
                return False
            if own is not None and not (isinstance(tensor, Node) and self.is_tensor(tensor, own) and readers(tensor) == [node]):
                return False
        return self.owners.alone(module) and is_unwatched(module)

    def callers(self, node: Node) -> list[nn.Module]:
        """The modules in whose calls an operation is, the outermost first; those that are called twice are left out."""
        names = [str(name) for name, _ in node.meta.get("nn_module_stack", {}).values()]
        return [self.network.get_submodule(name) for name in names if "@" not in name]

    def follows(self, norm: Node, layer: object) -> bool:
        """Whether a BN alone reads the output of a layer, and no hook waits for the call of a module that gives or takes that output."""
        assert isinstance(layer, Node)
        between = {*self.callers(norm)} ^ {*self.callers(layer)}
        return readers(layer) == [norm] and all(map(is_unwatched, between))

    def is_tensor(self, node: Node, own: Tensor) -> bool:
        """Whether an input of the graph is a certain weight or buffer."""
        holder = self.holder(node)
        return holder is not None and getattr(holder, self.names[node.name].rpartition(".")[2]) is own


def readers(output: object) -> list[Node]:
    """The operations that read the numbers of an output; its size, which stays the same, anyone may ask for."""
    assert isinstance(output, Node)
    return [user for user in output.users if user.target != ATEN.sym_size.int]


def fold_into(layer: Layer, norm: _BatchNorm) -> None:
    """Makes a BN part of the layer before it."""
    scale, shift = fold_norm(norm)
    weight, bias = layer.weight, layer.bias
    wide = weight.double()
    if isinstance(layer, _ConvTransposeNd):  # (inputs, outputs / groups, ...)
        by_group = scale.view(layer.groups, 1, -1, *(1 for _ in wide.shape[2:]))
        wide = (wide.unflatten(0, (layer.groups, -1)) * by_group).flatten(0, 1)
    else:
        wide = wide * scale.view(-1, *(1 for _ in wide.shape[1:]))
    shift = shift if bias is None else bias.double() * scale + shift
    for name, value in (("weight", wide), ("bias", shift)):
        setattr(layer, name, nn.Parameter(value.to(weight.dtype), requires_grad=weight.requires_grad))


def after(norm: _BatchNorm) -> list[nn.Module]:
    """What the module of a BN does to its output."""
    own = (norm.drop, norm.act) if isinstance(norm, BatchNormAct2d) else ()
    return [each for each in own if not isinstance(each, nn.Identity)]
