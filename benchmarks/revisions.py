"""What a change costs or saves: two revisions of the package side by side in one run.

    python benchmarks/revisions.py HEAD~20             # that revision against the working tree
    python benchmarks/revisions.py v1 HEAD --rounds 25 # two revisions

Each revision runs in a process of its own, on its own source tree, and both take turns: while one works, the other waits. The order changes
from round to round, so that a drift of the machine's speed meets both. Printed are the medians, the median of the rounds' ratios (new over
old), and the interval that holds the true median ratio with a probability of 95 % (order statistics). Run it when nothing else runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[1]

Run = Callable[[], object]

TASKS = ("modules inference", "modules training", "network inference", "network training", "training step")


def build(task: str, batch: int) -> Run:
    """What is measured, on the package and the benchmarks of this process's revision.

    Args:
        task: ``modules`` is RGA-SC after the four stages of ResNet-50, ``network`` that ResNet-50 with it, ``training step`` all of a step.
        batch: images of 256x128.
    """
    import torch  # noqa: PLC0415  the measuring process alone needs it

    torch.manual_seed(0)
    attention = script("attention")
    if task == "training step":
        training = script("training")
        training.keep_freed_memory()
        step: Run = training.training_step(training.network("RGA-SC", "resnet50", (256, 128)), batch)
        return step
    import rga  # noqa: PLC0415

    if task.startswith("modules"):
        stages = attention.RESNET50_STAGES["256x128"]
        model = attention.Together(*(rga.create_attention("rga-sc", c, (h, w)) for c, h, w in stages))
        inputs = [torch.randn(batch, *stage).relu().requires_grad_() for stage in stages]
    else:
        model = attention.resnet50("rga-sc")
        inputs = [torch.randn(batch, 3, 256, 128)]
    run: Run = (attention.inference if task.endswith("inference") else attention.training)(model, inputs)
    return run


def script(name: str) -> ModuleType:
    """One of the benchmarks of this process's revision, as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(os.environ["REVISION"]) / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def serve() -> None:
    """The measuring process: builds what a line of its input says, runs it (again, if the line is empty), and prints the milliseconds."""
    run: Run = lambda: None  # noqa: E731
    print(f"ready {script('attention').rga.__file__}", flush=True)
    for line in sys.stdin:
        words = line.strip()
        start = time.perf_counter()
        if words:
            batch, _, task = words.partition(" ")
            run = build(task, int(batch))
        run()
        print(1e3 * (time.perf_counter() - start), flush=True)


class Revision:
    """A revision in its own process.

    Args:
        tree: its source tree.
    """

    def __init__(self, tree: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "REVISION": str(tree)}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE), "--serve"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        used = self.answer().removeprefix("ready ")
        if tree not in Path(used).parents:
            raise RuntimeError(f"the process for {tree} has imported {used}")

    def answer(self) -> str:
        """The next line that the process prints."""
        line = self.pipe(self.process.stdout).readline().strip()
        if not line:
            raise RuntimeError(f"a measuring process ended with exit code {self.process.wait()}")
        return line

    def tell(self, line: str = "") -> float:
        """Milliseconds of a run; of one that begins with building, if the line says what."""
        pipe = self.pipe(self.process.stdin)
        pipe.write(line + "\n")
        pipe.flush()
        return float(self.answer())

    @staticmethod
    def pipe(stream: IO[str] | None) -> IO[str]:
        """A pipe that there is."""
        assert stream is not None
        return stream

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()


@contextmanager
def checked_out(revision: str | None) -> Iterator[Path]:
    """The source tree of a revision, for the time of the block; of None the working tree."""
    if revision is None:
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", revision], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder).resolve()


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The order statistics between which the true median lies with a probability of at least 95 %; the extremes of few values.

    Example:
        >>> interval([float(value) for value in range(1, 16)])
        (4.0, 12.0)
    """
    ordered, n = sorted(values), len(values)
    below, lower = 0.0, 0
    while lower < n // 2 and below + math.comb(n, lower) / 2**n <= 0.025:
        below += math.comb(n, lower) / 2**n
        lower += 1
    return ordered[max(lower - 1, 0)], ordered[n - 1 - max(lower - 1, 0)]


def measure(old: Revision, new: Revision, task: str, batch: int, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of both revisions in each round; the first run of each is not counted."""
    for revision in (old, new):
        revision.tell(f"{batch} {task}")
    pairs = []
    for turn in range(rounds):
        order = (old, new) if turn % 2 else (new, old)
        spent = {revision: revision.tell() for revision in order}
        pairs.append((spent[old], spent[new]))
    return pairs


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", nargs="?", help="a revision of git")
    parser.add_argument("new", nargs="?", help="another one; by default the working tree")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--batch-size", type=int, default=16, help="images per batch")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    if arguments.old is None:
        parser.error("name the revision to compare with")
    print(f"{platform.machine()}, {os.cpu_count()} cores; batches of {arguments.batch_size} images of 256x128, {arguments.rounds} rounds\n")
    print(f"| what | {arguments.old}, ms | {arguments.new or 'working tree'}, ms | new / old | 95 % interval |")
    print("|---|---|---|---|---|")
    with ExitStack() as held:
        old, new = (Revision(held.enter_context(checked_out(each))) for each in (arguments.old, arguments.new))
        for revision in (old, new):
            held.callback(revision.close)
        for task in arguments.tasks:
            pairs = measure(old, new, task, arguments.batch_size, arguments.rounds)
            ratios = [after / before for before, after in pairs]
            low, high = interval(ratios)
            before, after = (statistics.median(each) for each in zip(*pairs, strict=True))
            print(f"| {task} | {before:.1f} | {after:.1f} | {statistics.median(ratios):.3f} | {low:.3f} to {high:.3f} |", flush=True)


if __name__ == "__main__":
    main()
