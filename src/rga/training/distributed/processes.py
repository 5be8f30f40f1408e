"""The processes that train one model together, as ``torchrun`` starts them; one process alone is the same with nobody to talk to.

Tensors of the CPU travel by gloo, those of GPUs by nccl.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from rga.errors import InputError, RgaError

Value = TypeVar("Value")

PATIENCE = timedelta(hours=1)
"""How long processes wait for one another; evaluations are done by some of them while others wait."""


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
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
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
def copy_from_first(model: nn.Module, buffers_alone: bool = False) -> None:
    """Gives a model the first process's weights and buffers, or its buffers alone."""
    if together():
        for tensor in (*(() if buffers_alone else model.parameters()), *model.buffers()):
            distributed.broadcast(tensor, 0)


@torch.no_grad()
def average_gradients(model: nn.Module) -> None:
    """Gives every parameter the mean of its gradients over all processes.

    By hand and not by ``DistributedDataParallel``, which wants every call to go through its wrapper: tasks call parts of their models. The
    exchange is one message for each type of number, after the backward pass and not beside it.
    """
    if not together():
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    for dtype in {gradient.dtype for gradient in gradients}:
        own = [gradient for gradient in gradients if gradient.dtype == dtype]
        flat = torch.cat([gradient.flatten() for gradient in own])
        distributed.all_reduce(flat)
        flat /= count()
        for gradient, values in zip(own, flat.split([gradient.numel() for gradient in own]), strict=True):
            gradient.copy_(values.view(gradient.shape))


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
