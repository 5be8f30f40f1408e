"""Weights of a network from a file of ONNX, in which normalisations have become part of the layers before them.

Exporters rename the weights of such layers. So layers are told by their order: that in which a network's modules stand, and in which the
graph uses their weights for the first time. Shapes are checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attachment import attached
from rga.errors import InputError
from rga.extras import require

Array = NDArray[np.float32]

Layer = nn.Conv2d | nn.Linear


ADVICE = "choose the backbone that was exported"

NORM = ("weight", "bias", "running_mean", "running_var")
"""The tensors of a BN, but for its counter."""


@dataclass(frozen=True)
class Stored:
    """A layer of a graph.

    Attributes:
        weight: as PyTorch has it: (outputs, inputs / groups, rows, columns), or (outputs, inputs).
        bias: (outputs,); zeros where it has none.
        norm: weight, bias, mean and variance of the batch normalisation behind it, and what is added to the variance; None where it is part
            of the layer or there is none.
    """

    weight: Array
    bias: Array
    norm: tuple[Array, Array, Array, Array, float] | None


def onnx_weights(file: Path, network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network from a file of ONNX, without its classifier if the file has none.

    A batch normalisation that is part of a layer in the file gets what leaves its input as it is, and the layer's bias. In evaluation mode
    the network then computes what the file computes. In training mode it normalises by batches, whose scale the file does not know:
    ``restored_norms`` gives it back.

    Args:
        file: of ONNX.
        network: of convolutions, linear layers and batch normalisations behind them, in the order in which they run; attention that is
            attached is not looked at.

    Returns:
        The tensors by the network's names.

    Raises:
        MissingPackageError: onnx is not installed.
        InputError: the file is damaged, or holds another network.
    """
    ours = list(layers_of(network))
    theirs = stored_layers(file)
    shapes = [tuple(layer.weight.shape) for _, layer, _ in ours]
    found = [each.weight.shape for each in theirs]
    if len(found) != len(shapes):
        raise InputError(
            f"{file} does not hold this {type(network).__name__}: it has {len(found)} layers, and {len(shapes)} were expected; {ADVICE}"
        )
    for (name, _, _), theirs_, ours_ in zip(ours, found, shapes, strict=True):
        if theirs_ != ours_:
            raise InputError(
                f"{file} does not hold this {type(network).__name__}: its weights at the place of {name} are {theirs_}, and {ours_} were "
                f"expected; {ADVICE}"
            )
    state: dict[str, Tensor] = {}
    for (name, layer, norm), each in zip(ours, theirs, strict=True):
        state[f"{name}.weight"] = torch.from_numpy(each.weight)
        bias = each.bias
        if layer.bias is not None and (norm is None or each.norm is not None):
            state[f"{name}.bias"], bias = torch.from_numpy(bias), np.zeros_like(bias)
        elif layer.bias is not None:
            state[f"{name}.bias"] = torch.zeros_like(layer.bias)
        if norm is not None:
            state |= {f"{norm[0]}.{key}": value for key, value in norm_state(norm[1], bias, each.norm).items()}
        elif bias.any():
            raise InputError(f"{file} does not hold this {type(network).__name__}: its layer {name} has a bias there, and none here")
    return state


def layers_of(network: nn.Module) -> Iterator[tuple[str, Layer, tuple[str, _BatchNorm] | None]]:
    """A network's convolutions and linear layers in the order of its modules, each with its name and the BN behind it.

    Raises:
        InputError: the network normalises in another way as well, which no layer can take in.
    """
    attentions = {inner for each in attached(network).values() for inner in each.modules()}
    parts = [(name, module) for name, module in network.named_modules() if module not in attentions and not any(module.children())]
    others = [name for name, module in parts if isinstance(module, (nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm))]
    if others:
        raise InputError(f"weights in ONNX are for networks with batch normalisations alone, and {others[0]} is none: give a .pth file")
    parts = [(name, module) for name, module in parts if isinstance(module, (nn.Conv2d, nn.Linear, _BatchNorm))]
    for (name, module), (next_name, following) in pairwise([*parts, ("", nn.Identity())]):
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            yield name, module, (next_name, following) if isinstance(following, _BatchNorm) else None


def stored_layers(file: Path) -> list[Stored]:
    """The layers of a file, in the order in which they are used first.

    Raises:
        MissingPackageError: onnx is not installed.
        InputError: the file is damaged.
    """
    require("onnx")
    import onnx  # noqa: PLC0415  an optional dependency
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415  comes with onnx
    from onnx import numpy_helper  # noqa: PLC0415

    try:
        graph = onnx.load(file).graph
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise InputError(f"{file} cannot be read as a file of ONNX: it is damaged or cut short ({error}); copy it again") from error
    values: dict[str, Array] = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    norms = {node.input[0]: node for node in graph.node if node.op_type == "BatchNormalization"}
    found: dict[str, Stored] = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.input[1] in found or node.input[1] not in values:
            continue
        options = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        weight = as_float32(values[node.input[1]])
        if node.op_type == "Gemm" and not options.get("transB"):
            weight = np.ascontiguousarray(weight.T)
        bias = as_float32(values[node.input[2]]) if len(node.input) > 2 and node.input[2] in values else np.zeros(len(weight), np.float32)
        found[node.input[1]] = Stored(weight, bias, norm_of(norms.get(node.output[0]), values))
    return list(found.values())


def as_float32(values: NDArray[Any]) -> Array:
    """A copy that may be written to."""
    return np.array(values, dtype=np.float32)


def norm_of(node: Any, values: dict[str, Array]) -> tuple[Array, Array, Array, Array, float] | None:
    """What a batch normalisation of a graph holds; None for no node."""
    if node is None:
        return None
    weight, bias, mean, variance = (as_float32(values[name]) for name in node.input[1:5])
    return weight, bias, mean, variance, next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)


def norm_state(norm: _BatchNorm, bias: Array, stored: tuple[Array, Array, Array, Array, float] | None) -> dict[str, Tensor]:
    """The tensors of a BN: those of the file, or such that it adds a bias and does nothing else."""
    if stored is None:
        ones, zeros = np.ones_like(bias), np.zeros_like(bias)
        stored = ones, bias, zeros, ones - np.float32(norm.eps), norm.eps
    weight, shift, mean, variance, eps = stored
    wide = variance + np.float32(eps - norm.eps)
    return {name: torch.from_numpy(each) for name, each in zip(NORM, (weight, shift, mean, wide), strict=True)}
