"""(c) The paper's network, ResNet-50 at 256x128, plain and with RGA-SC: inference, the whole training step of its recipe, and its input."""

from __future__ import annotations

import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any

import torch
from torch import Tensor, nn

from accelerators.clock import Run, kernels, peak_memory, take_turns
from accelerators.correct import autocast
from accelerators.part import Machine, Report, Table, megabytes, set_precision, times
from rga.attention.modules import RelationAttention
from rga.cores import cores
from rga.datasets.spec import DataSpec
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import market1501, tiny
from rga.runs import Run as Training
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.training.loop import Loop
from rga.training.memory import keep_freed_memory

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"attention": "none"},
    "RGA-SC": {"attention": "rga-sc"},
    "RGA-SC, spectral": {"attention": "rga-sc", "fit": "spectral"},
}
"""What is compared, as fields of a recipe."""

IN_HALF: dict[str, dict[str, Any]] = {"RGA-SC, gates float32": {"attention": "rga-sc", "gate_precision": "float32"}}
"""What is compared besides where the network computes in half precision."""


@dataclass(frozen=True)
class Way:
    """How a network computes.

    Attributes:
        precision: of products.
        channels_last: of its maps in memory.
        compiled: by torch.compile.
        graphed: each attention's forward and backward pass in training is one CUDA graph.
    """

    precision: str
    channels_last: bool = False
    compiled: bool = False
    graphed: bool = False

    def __str__(self) -> str:
        return self.precision + ", channels last" * self.channels_last + ", compiled" * self.compiled + ", graphs" * self.graphed


EAGER = (Way("float32"), Way("TF32"), Way("bfloat16", channels_last=True))
COMPILED = Way("bfloat16", channels_last=True, compiled=True)
GRAPHED = (Way("float32", graphed=True), Way("bfloat16", channels_last=True, graphed=True))


def networks(machine: Machine, report: Report) -> None:
    """Measures the networks side by side, eager."""
    compare(machine, report, EAGER)
    share_of_input(machine, report)


def compiled(machine: Machine, report: Report) -> None:
    """Measures the plain network and RGA-SC side by side, compiled; a network takes minutes to compile on few cores."""
    compare(machine, report, (COMPILED,), ("plain", "RGA-SC"))


def graphed(machine: Machine, report: Report) -> None:
    """Measures the plain network and RGA-SC side by side, where each attention is told to the GPU by two calls."""
    compare(machine, report, GRAPHED if machine.device.type == "cuda" else EAGER[:1], ("plain", "RGA-SC"))


def compare(machine: Machine, report: Report, ways: tuple[Way, ...], names: tuple[str, ...] = tuple(NETWORKS)) -> None:
    """Measures the networks side by side, in each way."""
    recipe = the_recipe(machine)
    batch = recipe.batches.ids_per_batch * recipe.batches.images_per_id
    size = "{}x{}".format(*recipe.model.image_size)
    table = report.table(
        f"{recipe.model.backbone}, {size}, batch {batch}: ms of inference and of the whole training step",
        *("computed", "network", "inference", "x plain", "step", "x plain", "images/s", "MiB", "kernels of a step"),
    )
    for way in ways:
        measure(machine, report, table, recipe, way, names)


def the_recipe(machine: Machine, **changes: Any) -> ReidRecipe:
    """The paper's recipe, or a small one, on generated people that are made if they are not there."""
    root = machine.scratch / "people"
    if not root.exists():
        height, width = machine.choose((256, 128), (96, 48))
        people = machine.choose(80, 16)
        make_people(root, PeopleOptions(identities=people, images_per_camera=2, distractors=0, junk=0, height=height, width=width))
    small = {"ids_per_batch": 2, "images_per_id": 2}
    fields = {"weights": "none", "device": str(machine.device), "num_workers": 0, **(small if machine.toy else {}), **changes}
    chosen = machine.choose(market1501, tiny)().override(data=DataSpec("market1501", root), **fields)
    assert isinstance(chosen, ReidRecipe)
    return chosen


def prepared(machine: Machine, recipe: ReidRecipe) -> Loop:
    """The loop of a training, as ``rga train`` makes it."""
    run = Training(recipe, machine.scratch, "")
    with redirect_stdout(StringIO()):
        training = run.prepared(run.build(run.task.read(recipe)))
    return Loop(training, training.optimizer(), training.schedule(), machine.scratch, None, recipe, device=machine.device)


def measure(machine: Machine, report: Report, table: Table, recipe: ReidRecipe, way: Way, names: tuple[str, ...]) -> None:
    """Measures networks side by side in one way."""
    dtype = set_precision(way.precision)
    names = (*names, *IN_HALF) if dtype and not way.compiled else names  # the compiler widens anyway
    fields = {"amp_dtype": way.precision if dtype else "float32", "channels_last": way.channels_last, "compile": way.compiled}
    loops = [prepared(machine, recipe.override(**fields, **{**NETWORKS, **IN_HALF}[name])) for name in names]
    set_precision(way.precision)
    part = next(iter(loops[0].training.batches(0)))
    image = loops[0].training.inputs(part, machine.device)  # type: ignore[attr-defined]
    if way.channels_last:
        image = image.contiguous(memory_format=torch.channels_last)
    if way.graphed:
        for loop in loops:
            graph_attentions(loop.training.model, image, dtype)
    batch, rounds, warm_up = len(image), machine.rounds(15), 1 if machine.toy else 4
    steps: list[Run] = [partial(step, loop, part) for loop in loops]
    whole = take_turns(steps, rounds, machine.device, warm_up)
    forward = take_turns([partial(inference, loop, image, dtype, machine.device) for loop in loops], rounds, machine.device, warm_up)
    for number, name in enumerate(names):
        report.row(
            table,
            *(str(way), name),
            *(f"{forward[number]:.1f}", times(forward[number], forward[0])),
            *(f"{whole[number]:.1f}", times(whole[number], whole[0])),
            f"{1e3 * batch / whole[number]:.0f}",
            *megabytes([peak_memory(steps[number], machine.device)]),
            kernels(steps[number], machine.device),
        )


def graph_attentions(model: nn.Module, image: Tensor, dtype: torch.dtype | None) -> None:
    """Replaces the training passes of each attention in a network by CUDA graphs, for maps of the shapes that an image batch gives."""
    modules = [module for module in model.modules() if isinstance(module, RelationAttention)]
    maps: dict[nn.Module, Tensor] = {}
    hooks = [module.register_forward_pre_hook(lambda module, inputs: maps.update({module: inputs[0]})) for module in modules]
    model.train()
    with autocast(dtype, image.device):
        model(image)
    for hook in hooks:
        hook.remove()
    samples = tuple((maps[module].detach().clone().requires_grad_(),) for module in modules)
    if modules:
        with torch.autocast(image.device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None, cache_enabled=False):
            torch.cuda.make_graphed_callables(tuple(modules), samples)


def step(loop: Loop, part: Any) -> None:
    """One step of the training: the batch to the device, both losses, the gradients, the optimiser."""
    loop.training.model.train()
    loop.step([part], 1e-5)
    loop.state.step_is_over()


def inference(loop: Loop, image: Tensor, dtype: torch.dtype | None, device: torch.device) -> None:
    """A forward pass in evaluation mode."""
    loop.training.model.eval()
    with torch.inference_mode(), autocast(dtype, device):
        loop.training.model(image)


def share_of_input(machine: Machine, report: Report) -> None:
    """How many images a second the recipe's input gives, with as many processes as there are cores, at most 8."""
    keep_freed_memory()
    workers = machine.choose(min(8, cores()), 0)
    recipe = the_recipe(machine, num_workers=workers, passes_per_epoch=8)
    loop = prepared(machine, recipe)
    batches = iter(loop.training.batches(0))
    next(batches)
    start, images = time.perf_counter(), 0
    for each, _ in zip(batches, range(machine.choose(12, 2)), strict=False):
        images += loop.training.images(each)
    speed = images / (time.perf_counter() - start)
    table = report.table("The input alone: JPEG files read and augmented", "processes", "images/s")
    report.row(table, workers, f"{speed:.0f}")
