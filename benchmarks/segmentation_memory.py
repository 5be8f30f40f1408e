"""What segmentation takes in memory: each case in a process of its own, at the peak.

    python benchmarks/segmentation_memory.py                # all cases, about 10 minutes
    python benchmarks/segmentation_memory.py exact dense    # some of them

Cases with a limit say whether they kept it. The peak is that of the whole process, with Python and PyTorch in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rga.segmentation.datasets.cityscapes import CLASSES, chosen_classes
from rga.segmentation.losses import pixel_cross_entropy
from rga.segmentation.model import SegmentationModel

CROP = (768, 768)
IMAGE = (1024, 2048)
"""Heights and widths of a crop in training, and of an image of Cityscapes."""


@dataclass(frozen=True)
class Case:
    """Something whose memory is measured.

    Attributes:
        name: in the table.
        options: of the model.
        predict: a whole image is predicted; else one crop goes forward and backward.
        limit: GiB that it must stay below; None for a case that stands beside another.
    """

    name: str
    options: dict[str, Any]
    predict: bool = False
    limit: float | None = None


LAST_EXACT = {"attention": "rga-sc", "attention_after": ["layer4"]}
POOLED = {"attention": "rga-sc", "attention_options": {"fit": "pool"}, "largest_grid": [32, 32]}
CASES = {
    "plain": Case("plain", {"attention": "none"}),
    "exact": Case("RGA-SC after the last stage, exact (96x96)", LAST_EXACT, limit=8),
    "dense": Case("the same with the affinity built", {**LAST_EXACT, "attention_options": {"dense": True}}),
    "pool": Case("RGA-SC after all four stages, pooled to 32x32", POOLED, limit=8),
    "predict-plain": Case("plain, whole", {"attention": "none"}, predict=True),
    "predict-exact": Case("RGA-SC after the last stage, exact, windows of 768x768", LAST_EXACT, predict=True, limit=6),
    "predict-pool": Case("RGA-SC after all four stages, pooled to 32x32, whole", POOLED, predict=True, limit=6),
}
"""What is measured: ResNet-50 at stride 8 with the head FCN, the auxiliary one, and the classes of Cityscapes."""


def build(case: Case) -> SegmentationModel:
    """The model of a case, with random weights."""
    torch.manual_seed(0)
    classes = chosen_classes(tuple(CLASSES)).to_dict()
    return SegmentationModel("resnet50", classes=classes, image_size=CROP, output_stride=8, **case.options)


def run_case(case: Case, crop: tuple[int, int] = CROP, image: tuple[int, int] = IMAGE) -> dict[str, float]:
    """Runs a case in this process.

    Returns:
        Millions of parameters, and the GiB that the process took at most.
    """
    model = build(case)
    if case.predict:
        with torch.inference_mode():
            model.eval().probabilities(torch.rand(3, *image)).max(0)
    else:
        scores, auxiliary = model.train()(torch.rand(1, 3, *crop))
        assert auxiliary is not None
        labels = torch.randint(0, len(model.classes), (1, *crop))
        (pixel_cross_entropy(scores, labels) + 0.4 * pixel_cross_entropy(auxiliary, labels)).backward()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    return {"parameters": sum(parameter.numel() for parameter in model.parameters()) / 1e6, "peak": peak}


def memory(names: Sequence[str], measure: Callable[[str], dict[str, float]]) -> str:
    """Measures cases, each in a process of its own; the table as Markdown."""
    lines = []
    for predict, heading in ((False, "one 768x768 crop, forward and backward"), (True, "one 2048x1024 image, predicted")):
        chosen = [name for name in names if CASES[name].predict == predict]
        if chosen:
            lines += [f"| {heading} | parameters | peak of the process | limit |", "|---|---|---|---|"]
        for name in chosen:
            case, found = CASES[name], measure(name)
            fits = "" if case.limit is None else f"{case.limit:g} GiB: {'kept' if found['peak'] < case.limit else 'BROKEN'}"
            lines.append(f"| {case.name} | {found['parameters']:.1f} M | {found['peak']:.2f} GiB | {fits} |")
        lines.append("")
    return "\n".join(lines).strip()


def in_a_child(name: str) -> dict[str, float]:
    """Runs a case in a fresh process."""
    done = subprocess.run([sys.executable, __file__, "--here", name], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str]) -> str:
    """Does what the command line says; the results as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"some of {', '.join(CASES)}; by default all")
    parser.add_argument("--here", choices=CASES, help="run one case in this process, and print what it took as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.here:
        return json.dumps(run_case(CASES[chosen.here]))
    unknown = [name for name in chosen.cases if name not in CASES]
    if unknown:
        raise ValueError(f"unknown cases {', '.join(unknown)}: choose from {', '.join(CASES)}")
    return memory(chosen.cases or list(CASES), in_a_child)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
