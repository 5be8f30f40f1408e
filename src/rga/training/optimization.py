"""Optimizers and schedules from a recipe, and one step of an optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from rga.training.recipe import OptimizationRecipe
from rga.training.schedules import Schedule, once_an_epoch, warmup_then_cosine, warmup_then_poly, warmup_then_steps


def build_optimizer(recipe: OptimizationRecipe, groups: Iterable[dict[str, Any]]) -> Optimizer:
    """The optimizer over groups of parameters; a group's ``scale`` multiplies its learning rate."""
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay)
    return (Adam if recipe.optimizer == "adam" else AdamW)(groups, lr=recipe.lr, weight_decay=recipe.weight_decay)


def build_schedule(recipe: OptimizationRecipe) -> Schedule:
    """The learning rate by epoch."""
    begin = (recipe.warmup_start_lr, recipe.lr, recipe.warmup_epochs)
    schedule = warmup_then_steps(*begin, recipe.milestones, recipe.lr_decay)
    if recipe.schedule == "cosine":
        schedule = warmup_then_cosine(*begin, recipe.epochs, 0.0)
    if recipe.schedule == "poly":
        schedule = warmup_then_poly(*begin, recipe.epochs)
    return once_an_epoch(schedule) if recipe.lr_update == "epoch" else schedule


def descend(model: nn.Module, optimizer: Optimizer, scaler: torch.amp.GradScaler, clip: float) -> None:
    """One step of the optimiser down the gradients, whose norm together is at most ``clip`` unless that is 0."""
    if clip:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()
