"""What a network costs: parameters, and multiply-accumulates for one input.

The network is run on the meta device, where nothing is computed, under PyTorch's own counter of products and convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from rga.attachment.probe import attributes_on_meta, evaluating, floating_dtype, without_checkpointing
from rga.errors import InputError


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Attributes:
        parameters: number of its parameters.
        macs: multiply-accumulates of its products and convolutions, in evaluation mode.
    """

    parameters: int
    macs: int

    def __str__(self) -> str:
        """Parameters in millions, multiply-accumulates in billions."""
        return f"{self.parameters / 1e6:.2f} M parameters, {self.macs / 1e9:.2f} GMAC"


def cost(model: nn.Module, shape: Sequence[int]) -> Cost:
    """Counts parameters and multiply-accumulates.

    Args:
        model: any network of one input.
        shape: of the input, with the batch: (1, 3, 256, 128) for one image.

    Raises:
        InputError: the shape is none, or not one that the network takes.

    Example:
        >>> import torch
        >>> print(cost(torch.nn.Conv2d(3, 8, 3, bias=False), (1, 3, 10, 10)))
        0.00 M parameters, 0.00 GMAC
        >>> cost(torch.nn.Linear(3, 5, bias=False), (2, 3)).macs
        30
    """
    if not isinstance(shape, Sequence) or isinstance(shape, str) or not all(map(is_size, shape)):
        raise InputError(f"shape is that of the input, with the batch, such as (1, 3, 256, 128); got {shape!r}")
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    on_meta = {name: tensor.to("meta") for name, tensor in tensors.items()}
    x = torch.empty(*shape, device="meta", dtype=floating_dtype(model))
    with evaluating(model), without_checkpointing(model), torch.no_grad(), FlopCounterMode(display=False) as counter:
        try:
            with attributes_on_meta(model):
                functional_call(model, on_meta, (x,))
        except Exception as error:  # a network may raise anything
            raise InputError(f"the network does not take an input of the shape {tuple(shape)}: {str(error) or repr(error)}") from error
    return Cost(sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2)


def is_size(size: object) -> bool:
    """Whether something is the length of an axis."""
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0
