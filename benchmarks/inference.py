"""Inference on a CPU: ResNet-50 plain and with RGA-SC, exact and spectral, in PyTorch as it is and optimised, and in other runtimes.

    python benchmarks/inference.py                    # 256x128, batches of 1 and 16, on all cores
    python benchmarks/inference.py --columns eager optimise onnxruntime
    python benchmarks/inference.py --backbone mobilenetv2_100 --size 64 32 --rounds 1 --batches 1

All take turns in one process, on the same input; times are medians, and x is the time divided by that of the first column. All are made,
and compared with the plain models, first. Run it on a machine that does nothing else. Compiled models take minutes to make: --columns
leaves them out.
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

from rga.cores import cores
from rga.deploy.exporting import export
from rga.deploy.optimised import optimisation_of
from rga.deploy.optimising import optimise
from rga.reid.model import ReidModel
from rga.runtime.onnxruntime_session import OnnxruntimeSession

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"attention": "none"},
    "RGA-SC": {"attention": "rga-sc"},
    "RGA-SC, spectral": {"attention": "rga-sc", "attention_options": {"fit": "spectral"}},
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


def optimised(built: Built, *, channels_last: bool = True, compile: bool = False) -> Runner:  # noqa: A002  PyTorch's word
    """A network after ``rga.optimise``."""
    fast = optimise(built.model, channels_last=channels_last, compile=compile)
    done = optimisation_of(fast)
    assert done is not None
    print(f"optimised ({channels_last=}, {compile=}): {done.agreement}", flush=True)
    return eager(fast)


RUNNERS: dict[str, Callable[[Built], Runner]] = {
    "eager": lambda built: eager(built.model),
    "folded": partial(optimised, channels_last=False),
    "optimise": optimised,
    "compiled": partial(optimised, compile=True),
    "onnxruntime": in_onnxruntime,
}
"""Column -> what makes its runner: as it is; BNs folded; BNs folded and channels last; the same compiled; a file of ONNX."""


def measure(backbone: str, size: tuple[int, int], batches: Sequence[int], rounds: int, threads: int, columns: Sequence[str]) -> str:
    """The table, as Markdown."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    runners: dict[str, list[Runner]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in NETWORKS.items():
            built = Built(settled(ReidModel(backbone, image_size=size, **options)), Path(folder), threads)
            print(name, flush=True)
            runners[name] = [RUNNERS[column](built) for column in columns]
        lines = [f"| batch | network | {' | '.join(f'{column} ms | x' for column in columns)} |", f"|---|---|{'--:|--:|' * len(columns)}"]
        for batch in batches:
            x = torch.randn(batch, 3, *size)
            runs = [partial(runner, x) for own in runners.values() for runner in own]
            found = take_turns(runs, rounds, torch.device("cpu"))
            for number, name in enumerate(runners):
                own = found[number * len(columns) : (number + 1) * len(columns)]
                cells = " | ".join(f"{each:.1f} | {each / own[0]:.2f}" for each in own)
                lines.append(f"| {batch} | {name} | {cells} |")
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
    parser.add_argument("--columns", nargs="+", choices=list(RUNNERS), default=list(RUNNERS))
    chosen = parser.parse_args(arguments)
    table = measure(chosen.backbone, tuple(chosen.size), chosen.batches, chosen.rounds, chosen.threads, chosen.columns)
    return f"\n{chosen.threads} threads, torch {torch.__version__}\n\n{table}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
