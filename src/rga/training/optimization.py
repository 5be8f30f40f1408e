"""Optimizers and schedules from a recipe, and one step of an optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from rga.training.criterion import CriterionSteps
from rga.training.recipe import OptimizationRecipe
from rga.training.schedules import Schedule, once_an_epoch, warmup_then_cosine, warmup_then_poly, warmup_then_steps


def build_optimizer(recipe: OptimizationRecipe, groups: Iterable[dict[str, Any]]) -> Optimizer:
    """The optimizer over groups of parameters; a group's ``scale`` multiplies its learning rate. On NVIDIA GPUs a step is one kernel."""
    groups = [{**group, "params": list(group["params"])} for group in groups]
    fused = all(parameter.device.type == "cuda" for group in groups for parameter in group["params"]) or None
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay, fused=fused)
    return (Adam if recipe.optimizer == "adam" else AdamW)(groups, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


def load_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Loads an optimizer's state as another machine left it, and keeps the way in which this one computes its steps.

    Raises:
        ValueError: it is of other parameters.
    """
    own = [group["fused"] for group in optimizer.param_groups]
    optimizer.load_state_dict(dict(state))
    for group, fused in zip(optimizer.param_groups, own, strict=True):
        group["fused"] = fused
        for parameter in group["params"]:
            steps = optimizer.state.get(parameter, {}).get("step")
            if isinstance(steps, Tensor):  # beside the weights where steps are fused, else on the CPU
                optimizer.state[parameter]["step"] = steps.to(parameter.device if fused else "cpu")


def build_schedule(recipe: OptimizationRecipe) -> Schedule:
    """The learning rate by epoch."""
    begin = (recipe.warmup_start_lr, recipe.lr, recipe.warmup_epochs)
    schedule = warmup_then_steps(*begin, recipe.milestones, recipe.lr_decay)
    if recipe.schedule == "cosine":
        schedule = warmup_then_cosine(*begin, recipe.epochs, 0.0, recipe.hold_epochs)
    if recipe.schedule == "poly":
        schedule = warmup_then_poly(*begin, recipe.epochs)
    return once_an_epoch(schedule) if recipe.lr_update == "epoch" else schedule


def descend(model: nn.Module, optimizer: Optimizer, criterion: CriterionSteps, scaler: torch.amp.GradScaler, clip: float) -> None:
    """One step of the optimiser down the gradients, whose norm together is at most ``clip`` unless that is 0; and one of the criterion."""
    if clip:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    criterion.step(scaler)
    scaler.update()
