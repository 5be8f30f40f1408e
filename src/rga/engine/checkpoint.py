"""Checkpoints of a training: all that it needs to go on, as tensors and plain values, which hold no code.

A checkpoint is one file, so that weights and the state of the optimiser can never be of different steps. It is read with
``weights_only=True``.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rga.engine.files import write_atomically

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on.

    Attributes:
        epoch: epochs that are over.
        step: optimiser steps that are over.
        model: the model's state dict.
        optimizer: the optimiser's state dict.
        scaler: the gradient scaler's state dict; empty without one.
        random: the states of the random generators.
        best: the best value of the watched metric so far; None before the first evaluation.
    """

    epoch: int
    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    random: dict[str, Any]
    best: float | None


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint, atomically."""
    state = {"format": FORMAT, **vars(checkpoint)}
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Reads a checkpoint; nothing in it is executed.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged, of another format, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}: start without --resume, or name the run's folder")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"checkpoint {path} cannot be read (truncated, damaged or not a checkpoint): {error}") from error
    if not isinstance(state, dict) or state.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version of rga (format {FORMAT})")
    return Checkpoint(**state)
