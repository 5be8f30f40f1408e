"""The attention's cost, side by side in one process: dense against factorised, and whole networks.

    python benchmarks/attention.py                 # everything, about 30 minutes on two cores
    python benchmarks/attention.py modules         # RGA-SC per stage: dense against factorised
    python benchmarks/attention.py accelerations   # RGA-SC: the gain of each acceleration, by leaving it out
    python benchmarks/attention.py networks        # ResNet-50: plain, and with each attention of the catalogue
    python benchmarks/attention.py fits            # ResNet-50: plain, RGA-SC exact, spectral, and pooled to as many weights
    python benchmarks/attention.py recording       # ResNet-50 with RGA-SC: inference while gates and relations are recorded

Times are medians over rounds in which the candidates take turns, so that a drift of the machine's speed meets all of them; run it
when nothing else runs. Peak memory is what PyTorch's allocator held at most beyond what it held before, from the profiler's
allocation events.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import timm
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import rga
from rga.attachment.costs import Cost
from rga.attention.acceleration import gate, multiply, products, weighted_sum
from rga.attention.acceleration.linear_norm import FastLinearNorm
from rga.attention.factorised import FactorisedRelationGate
from rga.attention.relation import LinearNorm

RESNET50_STAGES = {"256x128": ((256, 64, 32), (512, 32, 16), (1024, 16, 8), (2048, 16, 8))}
RESNET50_STAGES["384x192"] = ((256, 96, 48), (512, 48, 24), (1024, 24, 12), (2048, 24, 12))
CROP = ("1 of 1024x512", (256, 128, 64))
"""At stride 8: 8,192 positions; the affinity of one image alone takes 256 MiB, its relation vectors twice that."""

IMAGE_SIZE = (256, 128)
"""Height and width of the images of the networks part."""

Run = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """Medians of one candidate: milliseconds forward (inference) and forward+backward (training), MiB at the peak of each."""

    forward: float
    training: float
    forward_memory: float
    training_memory: float


def take_turns(runs: Sequence[Run], rounds: int) -> list[float]:
    """Median milliseconds of each run, over rounds in which they take turns after one warm-up."""
    return [statistics.median(spent) for spent in times_in_turns(runs, rounds)]


def times_in_turns(runs: Sequence[Run], rounds: int) -> list[list[float]]:
    """Milliseconds of each run in each round, after one warm-up."""
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        for run, spent in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            if turn:
                spent.append(1e3 * (time.perf_counter() - start))
    return times


def peak_memory(run: Run) -> float:
    """MiB that the allocator held at most during ``run``, beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak / 2**20


class Together(nn.Module):
    """Modules that run on one input each, as the attentions of a network's stages do: all hold what they need until the backward pass."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """One output for each input."""
        return tuple(part(x) for part, x in zip(self.parts, inputs, strict=True))


def inference(model: nn.Module, inputs: Sequence[Tensor]) -> Run:
    """A forward pass in evaluation mode."""

    def run() -> None:
        model.eval()
        with torch.inference_mode():
            model(*inputs)

    return run


def training(model: nn.Module, inputs: Sequence[Tensor]) -> Run:
    """A forward and a backward pass in training mode."""

    def run() -> None:
        model.train()
        model.zero_grad(set_to_none=True)
        for x in inputs:
            x.grad = None
        out = model(*inputs)
        outputs = out if isinstance(out, tuple) else (out,)
        torch.autograd.backward(outputs, [torch.ones(()).expand_as(output) for output in outputs])

    return run


def measure(models: Sequence[nn.Module], inputs: Sequence[Tensor], rounds: int) -> list[Measured]:
    """Measures models side by side on the same inputs."""
    forward = take_turns([inference(model, inputs) for model in models], rounds)
    both = take_turns([training(model, inputs) for model in models], max(3, rounds // 2))
    memory = [(peak_memory(inference(model, inputs)), peak_memory(training(model, inputs))) for model in models]
    return [Measured(f, b, *m) for f, b, m in zip(forward, both, memory, strict=True)]


def modules(batch: int, rounds: int) -> None:
    """RGA-SC per stage, dense against factorised."""
    print("\n## RGA-SC: dense (the affinity built) against factorised; memory is the peak of forward+backward\n")
    print(
        "| images | stage | GMAC dense | ours | M params | forward ms dense | ours | x "
        "| fwd+bwd ms dense | ours | x | MiB dense | ours | x |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for size, stages in RESNET50_STAGES.items():
        images = batch if size == "256x128" else max(1, batch // 4)
        for stage in stages:
            compare(f"{images} of {size}", "{} x {}x{}".format(*stage), [stage], images, rounds)
        compare(f"{images} of {size}", "**all four together**", stages, images, rounds)
    images_of, stage = CROP
    compare(images_of, "{} x {}x{}".format(*stage), [stage], 1, max(3, rounds // 2))


def compare(images: str, name: str, stages: Sequence[tuple[int, int, int]], batch: int, rounds: int) -> None:
    """Measures RGA-SC at one or more stages, dense and factorised, and prints the row."""
    torch.manual_seed(0)
    dense, factorised = (
        Together(*(rga.create_attention("rga-sc", c, (h, w), dense=build_affinity) for c, h, w in stages))
        for build_affinity in (True, False)
    )
    factorised.load_state_dict(dense.state_dict())
    inputs = [torch.randn(batch, *stage).relu().requires_grad_() for stage in stages]
    measured = measure([dense, factorised], inputs, rounds)
    costs = []
    for model in (dense, factorised):
        parts = [rga.cost(part, (1, *stage)) for part, stage in zip(model.parts, stages, strict=True)]
        costs.append(Cost(sum(part.parameters for part in parts), sum(part.macs for part in parts)))
    print_row(images, name, measured, costs)


def print_row(size: str, name: str, measured: Sequence[Measured], costs: Sequence[Cost]) -> None:
    """Prints one row: dense, factorised, and how many times less."""
    dense, ours = measured
    cells = [
        f"{costs[0].macs / 1e9:.2f}", f"{costs[1].macs / 1e9:.2f}", f"{costs[1].parameters / 1e6:.2f}",
        f"{dense.forward:.0f}", f"{ours.forward:.0f}", f"{dense.forward / ours.forward:.1f}",
        f"{dense.training:.0f}", f"{ours.training:.0f}", f"{dense.training / ours.training:.1f}",
        f"{dense.training_memory:.0f}", f"{ours.training_memory:.0f}", f"{dense.training_memory / ours.training_memory:.1f}",
    ]  # fmt: skip
    print(f"| {size} | {name} | {' | '.join(cells)} |", flush=True)


Patches = dict[tuple[object, str], object]
"""What is put in whose place: (owner, name) -> value."""

NO_TILES: Patches = {(gate, "can_tile"): lambda *_: False}


@dataclass(frozen=True)
class Acceleration:
    """One acceleration, which patches leave out.

    Attributes:
        without: leaves it out.
        inference: whether it is measured at inference, or in training (forward and backward).
        given: what is left out on both sides.
    """

    without: Patches
    inference: bool = False
    given: Patches = field(default_factory=dict)


def plain_products(theta_phi: Tensor, nodes: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """``relation_products`` as PyTorch differentiates it."""
    factor = products.factor_of_pairs(nodes, rows, columns)
    return torch.bmm(theta_phi, factor), factor


ACCELERATIONS: dict[str, Acceleration] = {
    "nothing (how far the figures move)": Acceleration({}),
    "multiply": Acceleration({("rga.attention.modules", "gated"): multiply.product}),
    "weighted_sum": Acceleration({(products, "weighted_sum"): weighted_sum.sum_by_image}),
    "tiles": Acceleration(NO_TILES),
    "recompute, without tiles": Acceleration({(gate, "recompute"): lambda *_: nullcontext()}, given=NO_TILES),
    "products, without tiles": Acceleration({(gate, "relation_products"): plain_products}, given=NO_TILES),
    "linear_norm, training": Acceleration({(FastLinearNorm, "forward"): LinearNorm.forward}),
    "linear_norm, inference": Acceleration({(FastLinearNorm, "forward"): LinearNorm.forward}, inference=True),
    "blocks, inference": Acceleration({(gate, "BLOCK_BYTES"): 1 << 60}, inference=True),
    "all of gate, training": Acceleration({(gate.FastRelationGate, "forward"): FactorisedRelationGate.forward}),
    "all of gate, inference": Acceleration({(gate.FastRelationGate, "forward"): FactorisedRelationGate.forward}, inference=True),
}
"""The files of ``rga.attention.acceleration``."""


def patched(run: Run, patches: Patches) -> Run:
    """A run under patches."""

    def run_patched() -> None:
        with ExitStack() as stack:
            for (owner, name), value in patches.items():
                where = mock.patch(f"{owner}.{name}", value) if isinstance(owner, str) else mock.patch.object(owner, name, value)
                stack.enter_context(where)
            run()

    return run_patched


def accelerations(batch: int, rounds: int) -> None:
    """RGA-SC after the four stages of ResNet-50, with each acceleration and without it."""
    print(f"\n## RGA-SC after the four stages of ResNet-50, {batch} images of 256x128: each acceleration left out\n")
    print("| left out | ms with | ms without | median without / with | MiB with | MiB without |")
    print("|---|---|---|---|---|---|")
    torch.manual_seed(0)
    stages = RESNET50_STAGES["256x128"]
    model = Together(*(rga.create_attention("rga-sc", c, (h, w)) for c, h, w in stages))
    inputs = [torch.randn(batch, *stage).relu().requires_grad_() for stage in stages]
    for name, acceleration in ACCELERATIONS.items():
        run = (inference if acceleration.inference else training)(model, inputs)
        runs = [patched(run, acceleration.given), patched(run, acceleration.given | acceleration.without)]
        on, off = times_in_turns(runs, rounds)
        ratio = statistics.median(after / before for before, after in zip(on, off, strict=True))
        memory = []
        for each in runs:
            for tensor in (*model.parameters(), *inputs):
                tensor.grad = None  # else freed gradients would count as memory that the run gives back
            memory.append(peak_memory(each))
        cells = [f"{statistics.median(on):.0f}", f"{statistics.median(off):.0f}", f"{ratio:.3f}", *(f"{each:.0f}" for each in memory)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def resnet50(attention: str, **options: Any) -> nn.Module:
    """The paper's backbone: ResNet-50 with the last stride 1, and attention after its four stages."""
    model: nn.Module = timm.create_model("resnet50", num_classes=0)
    block = model.get_submodule("layer4.0")
    for convolution in (block.get_submodule("conv2"), block.get_submodule("downsample.0")):
        assert isinstance(convolution, nn.Conv2d)
        convolution.stride = (1, 1)
    return rga.attach(model, attention, image_size=IMAGE_SIZE, **options)


def compile_network(model: nn.Module) -> nn.Module:
    """The network, compiled; its graph is made when it first runs."""
    compiled = torch.compile(model)
    assert isinstance(compiled, nn.Module)
    return compiled


def networks(batch: int, rounds: int, names: Sequence[str], compiled: bool) -> None:
    """ResNet-50: plain, and with each attention, eager and compiled; each takes turns with the plain one."""
    print(f"\n## ResNet-50 (last stride 1) at {IMAGE_SIZE[0]}x{IMAGE_SIZE[1]}, batch {batch}: ms, and times the plain one\n")
    print(
        "| attention | M params | GMAC | forward | x plain | fwd+bwd | x plain | peak MiB training | compiled forward | x plain compiled |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    inputs = [torch.randn(batch, 3, *IMAGE_SIZE)]
    plain = resnet50("none")
    plain_compiled = compile_network(plain) if compiled else plain
    for name in names:
        model = resnet50(name)
        price = rga.cost(model, (1, 3, *IMAGE_SIZE))
        base, ours = measure([plain, model], inputs, rounds)
        row = [
            f"{price.parameters / 1e6:.2f}", f"{price.macs / 1e9:.2f}", f"{ours.forward:.0f}", f"{ours.forward / base.forward:.2f}",
            f"{ours.training:.0f}", f"{ours.training / base.training:.2f}", f"{ours.training_memory:.0f}",
        ]  # fmt: skip
        if compiled:
            both = take_turns([inference(plain_compiled, inputs), inference(compile_network(model), inputs)], rounds)
            row += [f"{both[1]:.0f}", f"{both[1] / both[0]:.2f}"]
            torch.compiler.reset()
        else:
            row += ["", ""]
        print(f"| {name} | {' | '.join(row)} |", flush=True)


FITS: dict[str, dict[str, Any]] = {
    "exact": {},
    "spectral": {"fit": "spectral"},
    "pool": {"fit": "pool", "largest_grid": (16, 8)},
}
"""RGA-SC by how its weights meet positions; the last two have the same number of weights for each map of weights over positions."""


def fits(batch: int, rounds: int) -> None:
    """ResNet-50: plain, and with RGA-SC exact, spectral and pooled, in turns; medians of what each adds to the plain one."""
    print(f"\n## ResNet-50 (last stride 1), batch {batch}: RGA-SC by its fit\n")
    print("| fit | M params | MMAC of RGA | forward ms | added, of exact's | step ms | added, of exact's | MiB training |")
    print("|---|---|---|---|---|---|---|---|")
    inputs = [torch.randn(batch, 3, *IMAGE_SIZE)]
    models = [resnet50("none"), *(resnet50("rga-sc", **options) for options in FITS.values())]
    prices = [rga.cost(model, (1, 3, *IMAGE_SIZE)) for model in models]
    times = [times_in_turns([kind(model, inputs) for model in models], rounds) for kind in (inference, training)]
    memory = [peak_memory(training(model, inputs)) for model in models]
    for number, name in enumerate(("plain", *FITS)):
        cells = [f"{prices[number].parameters / 1e6:.2f}", f"{(prices[number].macs - prices[0].macs) / 1e6:.0f}"]
        for spent in times:
            (plain, exact), ours = spent[:2], spent[number]
            added = [(own - base) / (other - base) for base, other, own in zip(plain, exact, ours, strict=True)]
            cells += [f"{statistics.median(ours):.0f}", f"{statistics.median(added):.2f}"]
        print(f"| {name} | {' | '.join([*cells, f'{memory[number]:.0f}'])} |", flush=True)


def recording(batch: int, rounds: int) -> None:
    """ResNet-50 with RGA-SC: inference after a recording, with its gates recorded, and with relations of four nodes of each kind, too."""
    print(f"\n## ResNet-50 (last stride 1) with RGA-SC, batch {batch}: recording\n")
    print("| recorded | forward ms | of a network that never was |")
    print("|---|---|---|")
    inputs = [torch.randn(batch, 3, *IMAGE_SIZE)]
    never, after = resnet50("rga-sc"), resnet50("rga-sc")
    positions, channels = [(0.2, 0.5), (0.4, 0.5), (0.6, 0.5), (0.8, 0.5)], [0, 1, 2, 3]
    inference(never, inputs)()
    with rga.record(after, positions, channels):
        inference(after, inputs)()

    def recorded(*chosen: Any) -> Run:
        run = inference(never, inputs)

        def within() -> None:
            with rga.record(never, *chosen):
                run()

        return within

    names = ("never", "nothing, after a recording", "gates", "gates, relations of four positions and four channels")
    times = times_in_turns([inference(never, inputs), inference(after, inputs), recorded(), recorded(positions, channels)], rounds)
    for name, spent in zip(names, times, strict=True):
        share = statistics.median(own / base for base, own in zip(times[0], spent, strict=True))
        print(f"| {name} | {statistics.median(spent):.0f} | {share:.3f} |", flush=True)


def main() -> None:
    """Reads the command line and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("all", "modules", "accelerations", "networks", "fits", "recording"), default="all")
    parser.add_argument("--batch-size", type=int, default=16, help="images per batch")
    parser.add_argument("--rounds", type=int, default=7, help="rounds in which the candidates take turns")
    parser.add_argument("--attentions", nargs="+", default=["none", *rga.list_attentions()], help="attentions of the networks part")
    parser.add_argument("--eager", action="store_true", help="leave the compiled networks out")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}, load {os.getloadavg()[0]:.2f} at the start")
    if arguments.part in ("all", "modules"):
        modules(arguments.batch_size, arguments.rounds)
    if arguments.part in ("all", "accelerations"):
        accelerations(arguments.batch_size, arguments.rounds)
    if arguments.part in ("all", "networks"):
        networks(arguments.batch_size, arguments.rounds, arguments.attentions, not arguments.eager)
    if arguments.part in ("all", "fits"):
        fits(arguments.batch_size, arguments.rounds)
    if arguments.part in ("all", "recording"):
        recording(arguments.batch_size, arguments.rounds)


if __name__ == "__main__":
    main()
