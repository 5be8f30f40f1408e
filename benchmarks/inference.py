"""Inference on a CPU: ResNet-50 plain and with RGA-SC, exact and spectral, eager in PyTorch and as a file of ONNX in onnxruntime.

    python benchmarks/inference.py                    # 256x128, batches of 1 and 16, on all cores
    python benchmarks/inference.py --backbone resnet18 --size 64 32 --rounds 1 --batches 1

All take turns in one process, on the same input; times are medians. Files are exported, and compared with their models, first. Run it on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from accelerators.clock import Run, take_turns

from rga.cores import cores
from rga.deploy.exporting import export
from rga.reid.model import ReidModel
from rga.runtime.onnxruntime_session import OnnxruntimeSession

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"attention": "none"},
    "RGA-SC": {"attention": "rga-sc"},
    "RGA-SC, spectral": {"attention": "rga-sc", "attention_options": {"fit": "spectral"}},
}
"""Name -> arguments of the model."""


def measure(backbone: str, size: tuple[int, int], batches: Sequence[int], rounds: int, threads: int) -> str:
    """The table, as Markdown."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    models, files = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, options) in enumerate(NETWORKS.items()):
            models[name] = ReidModel(backbone, image_size=size, **options).eval()
            done = export(models[name], Path(folder) / f"{number}.onnx")
            files[name] = OnnxruntimeSession(done.path, threads)
            print(f"{name}: {done.agreement}", flush=True)
    lines = ["| batch | network | eager ms | x plain | onnxruntime ms | x plain | eager / onnxruntime |", "|---|---|--:|--:|--:|--:|--:|"]
    for batch in batches:
        x = torch.randn(batch, 3, *size)
        runs: list[Run] = []
        for name in NETWORKS:
            runs += [partial(eager, models[name], x), partial(files[name].run, "images", x.numpy(), ("neck",))]
        found = take_turns(runs, rounds, torch.device("cpu"))
        eagers, others = found[::2], found[1::2]
        for name, ours, theirs in zip(NETWORKS, eagers, others, strict=True):
            cells = (
                batch,
                name,
                f"{ours:.1f}",
                f"{ours / eagers[0]:.2f}",
                f"{theirs:.1f}",
                f"{theirs / others[0]:.2f}",
                f"{ours / theirs:.2f}",
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def eager(model: ReidModel, x: torch.Tensor) -> None:
    """A forward pass in PyTorch."""
    with torch.inference_mode():
        model(x)


def main(arguments: Sequence[str]) -> str:
    """Measures what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 128), help="height and width")
    parser.add_argument("--batches", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=cores())
    chosen = parser.parse_args(arguments)
    table = measure(chosen.backbone, tuple(chosen.size), chosen.batches, chosen.rounds, chosen.threads)
    return f"\n{chosen.threads} threads, torch {torch.__version__}\n\n{table}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
