"""What a training step costs with RGA-SC and without, and what the full recipes would cost on GPUs.

    python benchmarks/training.py steps        # the paper's network: images a second, and memory at the peak of a step
    python benchmarks/training.py estimate     # the same, and from it the hours of the full recipes on 1, 4 and 8 GPUs

A step is the whole of ``rga train reid/market1501``'s: bytes normalised, forward pass, cross-entropy and triplets, backward pass, Adam.
As there, the process keeps the memory that it frees; ``--malloc default`` shows what it is without.
Networks take turns over ``--rounds`` on the same batches; medians are printed. Memory is what PyTorch's allocator held at most beyond what
it held before, from the profiler's allocation events. Run it when nothing else runs.

The estimate takes the speed of a plain ResNet-50 that NVIDIA published (``PUBLISHED``), and divides it by how much more than that network
a recipe's computes: the multiply-accumulates of its plain network, times how much slower a step with RGA-SC was measured here than one
without. It is an estimate and no measurement. The published speed is at 256 images a GPU: a recipe's batch that is shared by several GPUs
leaves each of them less, so that the hours on several are what could be reached at best.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import timm
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

import rga
from rga.classification.model import ClassificationModel
from rga.classification.recipes import imagenet
from rga.images.tensors import normalise
from rga.reid.losses import batch_hard_triplet, smoothed_cross_entropy
from rga.reid.model import ReidModel
from rga.reid.recipes import cuhk03, market1501, msmt17
from rga.reid.transforms import erase
from rga.segmentation.datasets.cityscapes import CLASSES, EXPECTED, chosen_classes
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipes import cityscapes
from rga.training.memory import keep_freed_memory

NETWORKS: dict[str, dict[str, object]] = {
    "plain": {"attention": "none"},
    "RGA-SC": {"attention": "rga-sc"},
    "RGA-SC, affinity built": {"attention": "rga-sc", "attention_options": {"dense": True}},
}

SOURCE = "https://github.com/NVIDIA/DeepLearningExamples/blob/master/PyTorch/Classification/ConvNets/resnet50v1.5/README.md"
PUBLISHED = {"TF32": {1: 938.0, 8: 7248.0}, "mixed precision": {1: 2470.0, 8: 16621.0}}
"""Images of 224x224 a second that trainings of ResNet-50 v1.5 reach on 1 and 8 A100 of 80 GB, 256 a GPU (``SOURCE``, container 21.03)."""
GPUS = (1, 4, 8)

Step = Callable[[], None]


@dataclass(frozen=True)
class Measured:
    """One network: median seconds of a step, and MiB at its peak."""

    seconds: float
    memory: float


def network(name: str, backbone: str, size: tuple[int, int]) -> ReidModel:
    """The paper's network for Market-1501, with an attention or without."""
    torch.manual_seed(0)
    return ReidModel(backbone, classes=751, image_size=size, **NETWORKS[name])  # type: ignore[arg-type]


def training_step(model: ReidModel, batch: int) -> Step:
    """The whole step of the paper's recipe, on one batch of noise."""
    height, width = model.preprocessing.size
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-6, weight_decay=5e-4)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (batch, height, width, 3), dtype=torch.uint8, generator=generator)
    rectangles = torch.tensor([[height // 4, width // 4, height // 2, width // 2]] * (batch // 2) + [[0, 0, 0, 0]] * (batch - batch // 2))
    labels = torch.arange(batch) // 4

    def step() -> None:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        pooled, _, learnt = model(erase(normalise(model.preprocessing, pixels), rectangles))
        loss = smoothed_cross_entropy(learnt.logits["global"], labels) + batch_hard_triplet(pooled, labels)
        loss.backward()
        optimizer.step()

    return step


def take_turns(steps: Sequence[Step], rounds: int) -> list[float]:
    """Median seconds of each step, over rounds in which they take turns after one warm-up."""
    times: list[list[float]] = [[] for _ in steps]
    for turn in range(rounds + 1):
        for step, spent in zip(steps, times, strict=True):
            start = time.perf_counter()
            step()
            if turn:
                spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in times]


def peak_memory(step: Step) -> float:
    """MiB that the allocator held at most during a step, beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    held = peak = 0
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak / 2**20


def measure(names: Sequence[str], backbone: str, size: tuple[int, int], batch: int, rounds: int) -> dict[str, Measured]:
    """Measures networks side by side."""
    steps = {name: training_step(network(name, backbone, size), batch) for name in names}
    seconds = take_turns(list(steps.values()), rounds)
    return {name: Measured(each, peak_memory(step)) for (name, step), each in zip(steps.items(), seconds, strict=True)}


def step_table(measured: dict[str, Measured], batch: int) -> str:
    """The measured steps as Markdown."""
    plain = measured["plain"]
    lines = ["| network | ms a step | times plain | images a second | MiB at the peak | times plain |", "|---|---|---|---|---|---|"]
    for name, each in measured.items():
        cells = [
            f"{1e3 * each.seconds:.0f}", f"{each.seconds / plain.seconds:.3f}", f"{batch / each.seconds:.1f}",
            f"{each.memory:.0f}", f"{each.memory / plain.memory:.2f}",
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


# ---- estimate


@dataclass(frozen=True)
class Work:
    """What a full recipe has to do.

    Attributes:
        recipe: its name.
        images: that go through the network in all.
        macs: multiply-accumulates of an image in the network without attention.
    """

    recipe: str
    images: int
    macs: int


def full_recipes() -> list[Work]:
    """The recipes that are made for GPUs, with the sizes of their datasets."""
    paper = market1501()
    size = paper.model.image_size
    of_a_person = macs(ReidModel(paper.model.backbone, image_size=size, attention="none"), *size)
    works = []
    for name, recipe, identities in (("reid/market1501", paper, 751), ("reid/cuhk03", cuhk03(), 767), ("reid/msmt17", msmt17(), 1041)):
        batches = recipe.batches
        steps = recipe.optimization.epochs * batches.passes_per_epoch * (identities // batches.ids_per_batch)
        works.append(Work(name, steps * batches.ids_per_batch * batches.images_per_id, of_a_person))
    streets = cityscapes()
    part = 4  # a fully convolutional network: on a sixteenth of the area it computes a sixteenth
    height, width = (length // part for length in streets.batches.crop_size)
    classes = chosen_classes(tuple(CLASSES)).to_dict()
    segmenting = SegmentationModel(
        streets.model.backbone, classes=classes, image_size=(height, width), output_stride=streets.model.output_stride, attention="none"
    )
    images = streets.optimization.epochs * whole_batches(EXPECTED["train"].images, streets.batches.batch_size)
    works.append(Work("seg/cityscapes", images, part**2 * macs(segmenting, height, width)))
    objects = imagenet()
    side = objects.model.image_size
    classifying = ClassificationModel(objects.model.backbone, [str(number) for number in range(1000)], size=side, attention="none")
    images = objects.optimization.epochs * whole_batches(1_281_167, objects.batches.batch_size)
    return [*works, Work("cls/imagenet", images, macs(classifying, side, side))]


def whole_batches(images: int, batch_size: int) -> int:
    """Images of an epoch whose last batch, if it is not full, is left out."""
    return images // batch_size * batch_size


def macs(model: nn.Module, height: int, width: int) -> int:
    """Multiply-accumulates of one image."""
    return rga.cost(model, (1, 3, height, width)).macs


def speed(precision: str, gpus: int) -> float:
    """The published images a second on so many GPUs; between 1 and 8 with what each of 8 reaches."""
    known = PUBLISHED[precision]
    return known[gpus] if gpus in known else gpus * known[8] / 8


def estimate_table(works: Sequence[Work], ratio: float) -> str:
    """The hours of the full recipes as Markdown, marked as what they are."""
    reference = macs(timm.create_model("resnet50"), 224, 224)
    lines = [
        f"Estimate, not measured: published speed of ResNet-50 ({SOURCE}), {reference / 1e9:.2f} GMAC;",
        f"a step with RGA-SC takes {ratio:.2f} times one without; the recipe's batch is shared by all GPUs.\n",
        "| recipe | million images | GMAC, plain | precision | " + " | ".join(f"hours on {gpus} A100" for gpus in GPUS) + " |",
        "|---" * (4 + len(GPUS)) + "|",
    ]
    for work in works:
        for precision in PUBLISHED:
            hours = [work.images * work.macs / reference * ratio / speed(precision, gpus) / 3600 for gpus in GPUS]
            cells = [f"{work.images / 1e6:.1f}", f"{work.macs / 1e9:.2f}", precision]
            cells += [f"{each:.1f}" if each >= 1 else f"{each:.2f}" for each in hours]
            lines.append(f"| {work.recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> str:
    """Measures, and estimates what follows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("steps", "estimate"), default="steps")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), help="networks that take turns")
    parser.add_argument("--backbone", default="resnet50", help="name of a CNN in timm")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 128), help="height and width of the images")
    parser.add_argument("--batch-size", type=int, default=16, help="images in a batch, four of each identity")
    parser.add_argument("--rounds", type=int, default=7, help="rounds in which the networks take turns")
    parser.add_argument("--malloc", choices=("kept", "default"), default="kept", help="keep freed memory, as rga train does, or not")
    chosen = parser.parse_args(arguments)
    if "plain" not in chosen.networks:
        parser.error("the plain network is what the others are compared with: add plain to --networks")
    kept = chosen.malloc == "kept" and keep_freed_memory()
    machine = f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}"
    head = f"{machine}, freed memory {'kept' if kept else 'given back'}, load {os.getloadavg()[0]:.2f} at the start"
    measured = measure(chosen.networks, chosen.backbone, tuple(chosen.size), chosen.batch_size, chosen.rounds)
    title = f"{chosen.backbone}, last stride 1, {chosen.size[0]}x{chosen.size[1]}, batch {chosen.batch_size}"
    parts = [head, f"\n## A whole training step: {title}\n", step_table(measured, chosen.batch_size)]
    if chosen.part == "estimate":
        ratio = measured["RGA-SC"].seconds / measured["plain"].seconds
        parts += ["\n## The full recipes\n", estimate_table(full_recipes(), ratio)]
    return "\n".join(parts)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
