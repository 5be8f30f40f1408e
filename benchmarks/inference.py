"""Inference on a CPU: ResNet-50 plain and with RGA-SC, exact and spectral, in PyTorch as it is and optimised, and in other runtimes.

    python benchmarks/inference.py                    # 256x128, batches of 1 and 16, on all cores
    python benchmarks/inference.py --columns eager optimise onnxruntime
    python benchmarks/inference.py --backbone mobilenetv2_100 --size 64 32 --rounds 1 --batches 1

All take turns in one process, on the same input; times are medians, in milliseconds. Behind a time stand how many times that of the plain
network in the same column it is, and how many times faster the column is than the first. All are made first, and those in float32 compared
with the models. Run it on a machine that does nothing else. Compiled models take minutes to make: --columns leaves them out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from accelerators.clock import take_turns
from torch import Tensor, nn

from rga.attachment import attachments
from rga.cores import cores
from rga.deploy.exporting import export
from rga.deploy.int8.quantising import QUANTISE
from rga.deploy.optimised import optimisation_of
from rga.deploy.optimising import optimise
from rga.deploy.targets.catalog import SUFFIXES, Target
from rga.errors import InputError
from rga.reid.model import ReidModel
from rga.runtime.onnxruntime_session import OnnxruntimeSession
from rga.runtime.opening import open_session
from rga.runtime.openvino_session import OpenvinoSession

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"attention": "none"},
    "RGA-SC": {"attention": "rga-sc"},
    "RGA-SC, spectral": {"attention": "rga-sc", "attention_options": {"fit": "spectral"}},
    "RGA-SC, affinity built": {"attention": "rga-sc", "attention_options": {"dense": True}},
}
"""Name -> arguments of the model."""


@dataclass(frozen=True)
class Built:
    """A network in the forms that runners need.

    Attributes:
        model: as it was built, in evaluation mode.
        folder: where files may be written; it is there until all is measured.
        threads: of a file's runtime.
    """

    model: ReidModel
    folder: Path
    threads: int


Runner = Callable[[Tensor], object]
"""Runs a batch of normalised images."""


def eager(model: nn.Module) -> Runner:
    """A forward pass in PyTorch."""

    def run(x: Tensor) -> None:
        with torch.inference_mode():
            model(x)

    return run


def in_onnxruntime(built: Built) -> Runner:
    """A file of ONNX."""
    done = export(built.model, built.folder / f"{id(built)}.onnx")
    print(f"onnxruntime: {done.agreement}", flush=True)
    session = OnnxruntimeSession(done.path, built.threads)
    return lambda x: session.run("images", x.numpy(), ("neck",))


def in_openvino(built: Built) -> Runner:
    """A file of OpenVINO."""
    done = export(built.model, built.folder / f"{id(built)}.xml", to="openvino")
    print(f"openvino: {done.agreement}", flush=True)
    session = OpenvinoSession(done.path, built.threads)
    return lambda x: session.run("images", x.numpy(), ("neck",))


def in_8_bits(built: Built, to: Target) -> Runner | None:
    """A file in 8-bit integers, calibrated on noise: it takes as much time as one that is calibrated on images. None where it cannot be."""
    batches = [torch.randn(1, 3, *built.model.preprocessing.size).numpy() for _ in range(8)]
    source, target = (built.folder / f"{id(built)}{name}{SUFFIXES[to]}" for name in ("", "-int8"))
    if not source.exists():
        export(built.model, source, to=to)
    try:
        QUANTISE[to](source, batches, [f"model.{each.name}" for each in attachments(built.model)], lambda _: 1.0, 0.1).save(target, "{}")
    except InputError as error:
        print(error, flush=True)
        return None
    session = open_session(target, threads=built.threads)
    return lambda x: session.run("images", x.numpy(), ("neck",))


def optimised(built: Built, *, channels_last: bool = True, compile: bool = False) -> Runner:  # noqa: A002  PyTorch's word
    """A network after ``rga.optimise``."""
    fast = optimise(built.model, channels_last=channels_last, compile=compile)
    done = optimisation_of(fast)
    assert done is not None
    print(f"optimised ({channels_last=}, {compile=}): {done.agreement}", flush=True)
    return eager(fast)


RUNNERS: dict[str, Callable[[Built], Runner | None]] = {
    "eager": lambda built: eager(built.model),
    "folded": partial(optimised, channels_last=False),
    "optimise": optimised,
    "compiled": partial(optimised, compile=True),
    "onnxruntime": in_onnxruntime,
    "openvino": in_openvino,
    "onnxruntime int8": partial(in_8_bits, to="onnx"),
    "openvino int8": partial(in_8_bits, to="openvino"),
}
"""Column -> what makes its runner: as it is; BNs folded; BNs folded and channels last; the same compiled; a file of ONNX; of OpenVINO; in
8-bit integers."""


def measure(chosen: argparse.Namespace) -> str:
    """The table of what the command line names, as Markdown."""
    backbone, size, threads, columns = chosen.backbone, tuple(chosen.size), chosen.threads, chosen.columns
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    runners: dict[str, list[Runner | None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.networks:
            built = Built(settled(ReidModel(backbone, image_size=size, **NETWORKS[name])), Path(folder), threads)
            print(name, flush=True)
            runners[name] = [RUNNERS[column](built) for column in columns]
        lines = [f"| batch | network | {' | '.join(columns)} |", f"|---|---|{'--:|' * len(columns)}"]
        for batch in chosen.batches:
            x = torch.randn(batch, 3, *size)
            there = [(name, column) for name, own in runners.items() for column, runner in zip(columns, own, strict=True) if runner]
            runs = [partial(runner, x) for own in runners.values() for runner in own if runner]
            found = dict(zip(there, take_turns(runs, chosen.rounds, torch.device("cpu")), strict=True))
            for name in runners:
                cells = []
                for column in columns:
                    took = found.get((name, column))
                    ratios = [] if took is None else [took / found[chosen.networks[0], column], found[name, columns[0]] / took]
                    cells.append("-" if took is None else f"{took:.1f} ({ratios[0]:.2f}, {ratios[1]:.2f})")
                lines.append(f"| {batch} | {name} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    return "\n".join(lines)


def settled(model: ReidModel) -> ReidModel:
    """A model whose statistics are those of some maps, in evaluation mode."""
    with torch.no_grad():
        model.train()(torch.randn(8, 3, *model.preprocessing.size))
    return model.eval()


def main(arguments: Sequence[str]) -> str:
    """Measures what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 128), help="height and width")
    parser.add_argument("--batches", type=int, nargs="+", default=(1, 16))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--columns", nargs="+", choices=list(RUNNERS), default=list(RUNNERS))
    chosen = parser.parse_args(arguments)
    table = measure(chosen)
    return f"\n{chosen.threads} threads, torch {torch.__version__}\n\n{table}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
