"""Checkpoints of a training: all that it needs to go on, as tensors and plain values, which hold no code.

A checkpoint is one file, so that weights and the state of the optimiser can never be of different steps. It carries a digest of what it
holds, and is read with ``weights_only=True``. The one before it is kept beside it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rga.engine.files import flush, write_atomically

FORMAT = 3
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
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Checkpoint(Position):
    """All that a training needs to go on.

    Attributes:
        model: the model's state dict.
        averaged: the averaged weights' state dict; empty without them.
        optimizer: the optimiser's state dict.
        scaler: the gradient scaler's state dict; empty without one.
        random: the states of the random generators.
        skipped: what could not be read and was replaced, and how often.
        log: length of the run's log in bytes.
    """

    model: dict[str, Any]
    averaged: dict[str, Any]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    random: dict[str, Any]
    skipped: dict[str, int]
    log: int

    @property
    def where(self) -> str:
        """Epoch and step, in words."""
        return f"epoch {self.epoch + 1}, step {self.step}"


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes ``last.pt``, atomically; what it was becomes ``previous.pt``.

    Raises:
        OSError: it could not be written; the old ones are as they were.
    """
    contents = vars(checkpoint)
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "digest": digest(contents), **contents}, buffer)

    def write(temporary: Path) -> None:
        temporary.write_bytes(buffer.getbuffer())
        flush(temporary)  # before the one before it is given up
        keep_previous(folder)

    try:
        write_atomically(folder / LAST, write)
    except OSError as error:
        kept = f"that of an earlier step is whole in {folder / LAST}" if (folder / LAST).exists() else "there is no earlier one"
        size = f"{buffer.tell() / 2**20:.1f} MiB"
        raise OSError(
            f"the state of step {checkpoint.step} could not be written ({size}): {error}; {kept}: make space and go on with --resume"
        ) from error


def keep_previous(folder: Path) -> None:
    """Makes ``previous.pt`` what ``last.pt`` is now; ``last.pt`` stays, so that at no moment there is none."""
    last, previous = folder / LAST, folder / PREVIOUS
    if not last.exists():
        return
    previous.unlink(missing_ok=True)
    try:
        os.link(last, previous)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        write_atomically(previous, lambda temporary: shutil.copyfile(last, temporary))  # a file system without hard links


def go_back(folder: Path) -> None:
    """Makes ``last.pt`` what ``previous.pt`` is, for a training that goes on from that: the next save gives ``previous.pt`` up."""
    write_atomically(folder / LAST, lambda temporary: shutil.copyfile(folder / PREVIOUS, temporary))


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Reads a checkpoint; nothing in it is executed.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged, was changed, is of another format, or holds more than tensors and plain values; it is named, and
            so is the checkpoint before it if that is whole.
    """
    try:
        return read_checkpoint(path, device)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}{offer(path)}") from error
    except ValueError as error:
        raise ValueError(f"{error}{offer(path)}") from error


def read_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """What ``load_checkpoint`` reads, without a look at others."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}: start without --resume, or name the run's folder")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ValueError(f"checkpoint {path} cannot be read (truncated, damaged or not a checkpoint): {error}") from error
    if not isinstance(state, dict) or state.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version of rga (format {FORMAT})")
    if state.pop("digest", None) != digest(state):
        raise ValueError(f"checkpoint {path} is not what was written: its digest does not fit its contents")
    return Checkpoint(**state)


def offer(path: Path) -> str:
    """What to do when a checkpoint cannot be used: the end of an error."""
    previous = path.with_name(PREVIOUS)
    if path.name == PREVIOUS or not previous.exists():
        return ""
    try:
        whole = read_checkpoint(previous, torch.device("cpu"))
    except ValueError:
        return f"; {previous} cannot be used either"
    return f"; {previous} is whole ({whole.where}): go on from it with --resume-previous"


def digest(contents: Mapping[str, Any]) -> str:
    """SHA-256 of tensors and plain values in dicts and lists, whatever file holds them."""
    total = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, Tensor):
            total.update(f"tensor {value.dtype} {tuple(value.shape)}:".encode())
            total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        elif isinstance(value, Mapping):
            total.update(f"mapping {len(value)}:".encode())
            for key, item in value.items():
                total.update(f"{key!r}=".encode())
                add(item)
        elif isinstance(value, (list, tuple)):
            total.update(f"sequence {len(value)}:".encode())
            for item in value:
                add(item)
        else:
            total.update(f"{value!r};".encode())

    add(contents)
    return total.hexdigest()
