"""Checkpoints of a training: all that it needs to go on, as tensors and plain values, which hold no code.

A checkpoint is one file, so that weights and the state of the optimiser can never be of different steps. It carries a digest of what it
holds, and is read with ``weights_only=True``. The one before it is kept beside it.
"""

from __future__ import annotations

import copy
import errno
import os
import pickle
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

import rga
from rga.errors import InputError, MissingFileError, WriteError
from rga.storage.digest import digest
from rga.storage.files import flush, write_atomically

FORMAT = 5
"""The format of checkpoints that is written and read."""
LAST = "last.pt"
"""The last checkpoint, in a run's folder."""
PREVIOUS = "previous.pt"
"""The one before it."""


@dataclass(kw_only=True)
class Position:
    """Where a training is.

    Attributes:
        epoch: epochs that are over.
        batch: batches of the next epoch that are over.
        step: optimiser steps that are over.
        sums: the parts of the loss, summed over these batches.
        best: the best value of the watched metric so far, by the weights that reached it.
        metrics: of the last evaluation, by the weights that it measured.
        evaluated: the step after which the last evaluation was done; -1 for none.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    evaluated: int = -1


@dataclass(kw_only=True)
class Checkpoint(Position):
    """All that a training needs to go on.

    Attributes:
        model: the model's state dict.
        ema: the state dict of the averaged weights (EMA); empty without them.
        optimizer: the optimiser's state dict.
        criterion: the state dict of the losses; empty where they have no weights.
        scaler: the gradient scaler's state dict; empty without one.
        random: the states of the random generators.
        skipped: what could not be read and was replaced, and how often.
        log: length of the run's log in bytes.
        steps_per_epoch: batches in an epoch, by which epoch and batch are counted.
        processes: that trained together.
    """

    model: dict[str, Any]
    ema: dict[str, Any]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    random: dict[str, Any]
    skipped: dict[str, int]
    log: int
    steps_per_epoch: int
    processes: int = 1
    criterion: dict[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Epoch and step, in words."""
        return f"epoch {self.epoch + 1}, step {self.step}"


def snapshot(value: Any) -> Any:
    """A copy on the CPU of tensors in dicts and lists, which stays as it is while the training goes on; plain values are taken over.

    Example:
        >>> weights = {"weight": torch.zeros(2)}
        >>> copied = snapshot(weights)
        >>> weights["weight"] += 1
        >>> copied
        {'weight': tensor([0., 0.])}
    """
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        copied = copy.copy(value)  # of its own kind: the state dict of a model has versions in an attribute
        for key, item in value.items():
            copied[key] = snapshot(item)
        return copied
    if isinstance(value, (list, tuple)):
        return type(value)(map(snapshot, value))
    return value


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes ``last.pt``, atomically; what it was becomes ``previous.pt``.

    Raises:
        OSError: it could not be written; the old ones are as they were.
    """
    contents = vars(checkpoint)
    written = 0

    def write(temporary: Path) -> None:
        nonlocal written
        with temporary.open("wb") as file:
            sink = Sink(file)
            torch.save({"format": FORMAT, "rga": rga.__version__, "digest": digest(contents), **contents}, sink)  # type: ignore[arg-type]  # it writes and flushes, which is all that is asked of it
            written = sink.written
            if sink.error is not None:
                raise sink.error
        flush(temporary)  # before the one before it is given up
        keep_previous(folder)

    try:
        write_atomically(folder / LAST, write)
    except OSError as error:
        kept = f"that of an earlier step is whole in {folder / LAST}" if (folder / LAST).exists() else "there is no earlier one"
        raise WriteError(
            f"the state of step {checkpoint.step} could not be written ({written / 2**20:.1f} MiB): {error}; {kept}: "
            "make space and continue with rga resume"
        ) from error


class Sink:
    """A file for ``torch.save``, which hides what goes wrong in writing behind errors of its own: the first is kept, the rest swallowed.

    Args:
        file: open for writing bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.written = 0
        """Bytes that were to be written."""
        self.error: OSError | None = None
        """What went wrong first; whoever saves has to raise it."""

    def write(self, data: bytes) -> int:
        """Writes, unless it went wrong before."""
        self.written += len(data)
        if self.error is None:
            try:
                self.file.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        if self.error is None:
            try:
                self.file.flush()
            except OSError as error:
                self.error = error


def keep_previous(folder: Path) -> None:
    """Makes ``previous.pt`` what ``last.pt`` is now; ``last.pt`` stays, so that at no moment there is none."""
    last, previous = folder / LAST, folder / PREVIOUS
    if not last.exists():
        return
    previous.unlink(missing_ok=True)
    try:
        os.link(last, previous)
    except OSError:  # a file system without hard links, which say so in many ways; a disk that fails or is full fails to copy as well
        write_atomically(previous, lambda temporary: shutil.copyfile(last, temporary))


def go_back(folder: Path) -> None:
    """Makes ``last.pt`` what ``previous.pt`` is, for a training that goes on from that: the next save gives ``previous.pt`` up."""
    write_atomically(folder / LAST, lambda temporary: shutil.copyfile(folder / PREVIOUS, temporary))


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Reads a checkpoint; nothing in it is executed.

    Raises:
        MissingFileError: there is none.
        OSError: the disk failed, or the file must not be read, which says nothing about the checkpoint.
        InputError: the file is damaged, was changed, is of another format, or holds more than tensors and plain values; it is named, and
            so is the checkpoint before it if that is whole.
    """
    try:
        return read_checkpoint(path, device)
    except FileNotFoundError as error:
        raise MissingFileError(f"{error}{offer(path)}") from error
    except ValueError as error:
        raise InputError(f"{error}{offer(path)}") from error


def read_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """What ``load_checkpoint`` reads, without a look at others."""
    if not path.is_file():
        raise MissingFileError(f"there is no checkpoint at {path}: name the folder of a run that was stopped")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # a position in the file that is not there
            raise InputError(f"checkpoint {path} cannot be read (truncated, damaged or not a checkpoint): {error}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error  # a disk or a permission: the checkpoint may be whole
    except (pickle.UnpicklingError, RuntimeError, EOFError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InputError(f"checkpoint {path} cannot be read (truncated, damaged or not a checkpoint): {error}") from error
    if not isinstance(state, dict) or "format" not in state:
        raise InputError(f"{path} is not a checkpoint of a training")
    form, version = state.pop("format"), state.pop("rga", "an earlier version")
    if form != FORMAT:
        raise InputError(
            f"{path} is a checkpoint of format {form}, written by rga {version}; this is rga {rga.__version__}, which reads format "
            f"{FORMAT}: continue with the version that the run was started with, or start a new run with another --output"
        )
    if state.pop("digest", None) != digest(state):
        raise InputError(f"checkpoint {path} is not what was written: its digest does not fit its contents")
    return Checkpoint(**state)


def offer(path: Path) -> str:
    """What to do when a checkpoint cannot be used: the end of an error."""
    previous = path.with_name(PREVIOUS)
    if path.name == PREVIOUS or not previous.exists():
        return ""
    try:
        whole = read_checkpoint(previous, torch.device("cpu"))
    except (OSError, ValueError):
        return f"; {previous} cannot be used either"
    return f"; {previous} is whole ({whole.where}): continue from it with rga resume --from previous"
