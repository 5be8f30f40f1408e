"""The processes that train one model together, as ``torchrun`` starts them; one process alone is the same with nobody to talk to.

Tensors of the CPU travel by gloo, those of GPUs by nccl.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar
from weakref import WeakSet

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from rga.errors import InputError, RgaError

Value = TypeVar("Value")

PATIENCE = timedelta(hours=1)
"""How long processes wait for one another; evaluations are done by some of them while others wait."""


BEGUN: WeakSet[nn.Module] = WeakSet()
"""The wrapped networks that had a backward pass."""


class PeerError(RgaError, ChildProcessError):
    """Another process of the training failed."""


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Joins the processes that ``torchrun`` started with this one; does nothing where it started none.

    Args:
        device: to compute on; of several GPUs each process gets its own.

    Raises:
        InputError: there are several processes, and no way to talk on this kind of device.
    """
    if together() or not ("RANK" in os.environ and "WORLD_SIZE" in os.environ):
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    elif device.type != "cpu":
        raise InputError(f"several processes train on cpu or cuda, not on {device.type}: choose with --device")
    on_gpus = "cuda:nccl" if distributed.is_nccl_available() else "cuda:gloo"  # Windows has no nccl
    distributed.init_process_group(f"cpu:gloo,{on_gpus}" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    yield
    distributed.destroy_process_group()  # not after an error: others may wait for this process, and end when it does


def together() -> bool:
    """Whether this process has joined others."""
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if together() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if together() else 1


def first() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


def share(items: Sequence[Value]) -> Sequence[Value]:
    """This process's part of a sequence, in a row; parts differ by at most one in length.

    Example:
        >>> share("abcde")
        'abcde'
    """
    whole, more = divmod(len(items), count())
    start = rank() * whole + min(rank(), more)
    return items[start : start + whole + (rank() < more)]


def gather_rows(own: Tensor) -> Tensor:
    """The rows of all processes, in the order of the processes, on the CPU; without gradients.

    Args:
        own: (n, ...), where n may differ between processes.
    """
    if not together():
        return own.cpu()
    lengths = gather(len(own))
    padded = own.new_zeros(max(lengths), *own.shape[1:], device="cpu")
    padded[: len(own)] = own
    everyone = [torch.empty_like(padded) for _ in lengths]
    distributed.all_gather(everyone, padded)
    return torch.cat([rows[:length] for rows, length in zip(everyone, lengths, strict=True)])


def gather(own: Value) -> list[Value]:
    """Plain values of all processes, in the order of the processes."""
    if not together():
        return [own]
    everyone: list[Any] = [None] * count()
    distributed.all_gather_object(everyone, own)
    return everyone


def from_first(own: Value) -> Value:
    """The first process's value, for all."""
    return gather(own)[0]


def largest(*numbers: int) -> list[int]:
    """The largest of each number over all processes."""
    if not together():
        return list(numbers)
    values = torch.tensor(numbers)
    distributed.all_reduce(values, distributed.ReduceOp.MAX)
    return [int(value) for value in values]


def mean(values: Sequence[float]) -> list[float]:
    """The mean of each value over all processes."""
    if not together():
        return list(values)
    sums = torch.tensor(values, dtype=torch.float64)
    distributed.all_reduce(sums)
    means: list[float] = (sums / count()).tolist()
    return means


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Gives parameters the mean of their gradients over all processes, in place; ``wrapped`` does so for a model.

    Args:
        parameters: the same in all processes, with a gradient in all of them or in none.
    """
    if together():
        for parameter in parameters:
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad.div_(count())


@torch.no_grad()
def copy_from_first(model: nn.Module, buffers_alone: bool = False) -> None:
    """Gives a model the first process's weights and buffers, or its buffers alone."""
    if together():
        for tensor in (*(() if buffers_alone else model.parameters()), *model.buffers()):
            distributed.broadcast(tensor, 0)


def wrapped(model: nn.Module) -> nn.Module:
    """A model that averages its gradients over all processes in the backward pass; one process alone has nothing to average.

    Each process normalises its own part of a batch, as the paper's code does: buffers are not shared (``copy_from_first`` does that before
    an evaluation). The graph is taken for static: which parameters a loss uses is found in the first backward pass, and stays so. Some
    backbones have parameters that none uses.
    """
    if not together():
        return model
    named = "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters  # PyTorch renamed it in 2.14
    apart: dict[str, Any] = {"forward_sync_buffers" if named else "broadcast_buffers": False}
    return DistributedDataParallel(model, static_graph=True, **apart)


def averaging(network: nn.Module, last: bool) -> AbstractContextManager[object]:
    """The context of a forward and a backward pass: gradients are averaged in the last part of a batch, and added up before it.

    In the first backward pass of all they are averaged whatever the part, as the graph is found then. The mean of sums is the sum of means.

    Args:
        network: that ``wrapped`` returned.
        last: whether it is the last part.
    """
    if last or not isinstance(network, DistributedDataParallel) or network not in BEGUN:
        if isinstance(network, DistributedDataParallel):
            BEGUN.add(network)
        return nullcontext()
    return network.no_sync()


class Gathered(torch.autograd.Function):
    """Rows of all processes; see ``gather_with_gradients``."""

    @staticmethod
    def forward(_context: Any, own: Tensor) -> Tensor:
        """(n, ...) -> (processes * n, ...)."""
        everyone = [torch.empty_like(own) for _ in range(count())]
        distributed.all_gather(everyone, own.contiguous())
        return torch.cat(everyone)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        """The sum of what all processes have for this one's rows."""
        total = gradient.clone()
        distributed.all_reduce(total)
        return total.chunk(count())[rank()]


def gather_with_gradients(own: Tensor) -> Tensor:
    """The rows of all processes, through which gradients flow back to where they came from.

    A loss that every process computes over all rows counts in the mean over the processes as if one process had computed it.

    Args:
        own: (n, ...), n the same in all processes.

    Returns:
        (processes * n, ...), in the order of the processes.
    """
    if not together():
        return own
    gathered: Tensor = Gathered.apply(own)
    return gathered
