"""(b) RGA-SC alone, in its three forms: times and memory at the maps of three sizes of images."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import rga
from accelerators.clock import Run, kernels, peak_memory, take_turns
from accelerators.correct import STAGES, autocast
from accelerators.part import Machine, Report, Table, megabytes, set_precision, times

Stage = tuple[int, tuple[int, int]]
"""Channels, and rows and columns."""

FORMS: dict[str, dict[str, Any]] = {
    "dense": {"dense": True},
    "exact": {},
    "exact, float32": {"gate_precision": "float32"},
    "spectral": {"fit": "spectral"},
}
IN_ONE_TYPE = {"dense": "float32", "exact, float32": "bfloat16"}
"""Forms that are measured in one type alone."""
LARGER = tuple((channels, (3 * rows // 2, 3 * columns // 2)) for channels, (rows, columns) in STAGES)
CROP = ((256, (128, 64)), (512, (128, 64)))
"""The first two stages of a network of stride 8 on a crop of 1024x512."""
SIZES = (("256x128", 64, STAGES), ("384x192", 32, LARGER), ("1024x512, stride 8, two stages", 2, CROP))
"""What images, how many, and the maps (C, (H, W))."""
TOY = (("64x32", 4, ((16, (8, 4)), (32, (4, 2)))),)


class Case(NamedTuple):
    """What images, how many, their maps, and the type of products."""

    size: str
    batch: int
    stages: tuple[Stage, ...]
    precision: str


class Together(nn.Module):
    """Modules that run on one map each, as the attentions of a network's stages do: all hold what they need until the backward pass."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, *maps: Tensor) -> list[Tensor]:
        """One output for each map."""
        return [part(x) for part, x in zip(self.parts, maps, strict=True)]


def modules(machine: Machine, report: Report) -> None:
    """Measures the forms side by side, in float32 and under autocast to bfloat16."""
    table = report.table(
        "RGA-SC alone, all stages together: ms, and MiB at the peak of a step",
        *("images", "type", "form", "forward", "of exact's", "step", "of exact's", "MiB", "kernels of a step"),
    )
    for size, batch, stages in machine.choose(SIZES, TOY):
        for precision in ("float32", "bfloat16"):
            forms = [name for name in FORMS if IN_ONE_TYPE.get(name, precision) == precision]
            measure(machine, report, table, Case(size, batch, stages, precision), forms)


def measure(machine: Machine, report: Report, table: Table, case: Case, forms: list[str]) -> None:
    """Measures forms side by side on the same maps."""
    size, batch, stages, precision = case
    device, dtype = machine.device, set_precision(precision)
    torch.manual_seed(0)
    maps = [torch.randn(batch, channels, *grid).relu().to(device, dtype or torch.float32).requires_grad_() for channels, grid in stages]
    models = [
        Together(*(rga.create_attention("rga-sc", channels, grid, **FORMS[form]) for channels, grid in stages)).to(device) for form in forms
    ]
    rounds = machine.rounds(15)
    forward = take_turns([partial(inference, model, maps, dtype, device) for model in models], rounds, device)
    steps: list[Run] = [partial(step, model, maps, dtype, device) for model in models]
    whole = take_turns(steps, rounds, device)
    exact = forms.index("exact")
    for number, form in enumerate(forms):
        report.row(
            table,
            *(f"{batch} of {size}", precision, form),
            *(f"{forward[number]:.2f}", times(forward[number], forward[exact])),
            *(f"{whole[number]:.2f}", times(whole[number], whole[exact])),
            *megabytes([peak_memory(steps[number], device)]),
            kernels(steps[number], device),
        )


def inference(model: nn.Module, maps: list[Tensor], dtype: torch.dtype | None, device: torch.device) -> None:
    """A forward pass in evaluation mode."""
    model.eval()
    with torch.inference_mode(), autocast(dtype, device):
        model(*maps)


def step(model: nn.Module, maps: list[Tensor], dtype: torch.dtype | None, device: torch.device) -> None:
    """A forward and a backward pass in training mode."""
    model.train()
    model.zero_grad(set_to_none=True)
    for x in maps:
        x.grad = None
    with autocast(dtype, device):
        outputs = model(*maps)
    torch.autograd.backward(outputs, [torch.ones((), device=device, dtype=out.dtype).expand_as(out) for out in outputs])
