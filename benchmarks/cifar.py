"""Attentions on CIFAR-10 under one budget: a ResNet-20, plain and with each attention after its stages, trained alike.

    python benchmarks/cifar.py --data zips:DIR --output runs/cifar --at-once 2     # zips of images; cifar10:DIR for the original

Each training is a process of one thread, ``--at-once`` of them at a time. Finished ones are kept: run the command again after an
interruption, or with more seeds, and what is missing is trained; ``--table`` trains nothing and prints what is there. What comes after
``--`` goes to all trainings, such as ``-- --hold-out 0.1`` to choose between recipes without the test set.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from rga.attachment.costs import cost
from rga.loading import load
from rga.training.run.checkpoint import LAST
from rga.training.run.log import read_log

ARMS = {"plain": "none", "RGA-S": "rga-s", "RGA-C": "rga-c", "RGA-SC": "rga-sc", "SE": "se", "CBAM": "cbam-cs", "non-local": "non-local"}
"""Names in the table -> attentions."""

AFTER = {"non-local": ("layer2", "layer3")}
"""Attentions that do not come after all stages: on 32x32 positions the non-local block takes seven times the time of the network itself;
as published, too, it sits in later stages."""

COMPARED = ("plain", "RGA-SC")
"""Trained with more seeds than the others."""

SHORT = ("--batch-size", "64", "--lr", "0.05", "--warmup-epochs", "0.5", "--initial-gate", "0.95", "--evaluate-every", "0")
"""The recipe's changes for a budget of a few epochs: small batches make more steps of it, and RGA starts gently."""


@dataclass(frozen=True)
class Run:
    """One training."""

    arm: str
    """Its name in the table."""
    seed: int
    """Of weights, batches and augmentation."""
    folder: Path
    """Of the run."""

    @property
    def finished(self) -> bool:
        """Whether it reached its end."""
        return (self.folder / "last" / "config.json").is_file()


def plan(output: Path, seeds: int, other_seeds: int) -> list[Run]:
    """All trainings, the first seed of all arms before the second, so that what is there at any time can be compared."""
    wanted = {arm: seeds if arm in COMPARED else other_seeds for arm in ARMS}
    return [
        Run(arm, seed, output / f"{attention}-{seed}")
        for seed in range(max(seeds, other_seeds))
        for arm, attention in ARMS.items()
        if seed < wanted[arm]
    ]


def command(run: Run, data: str, epochs: int, more: Sequence[str]) -> list[str]:
    """What trains one; what continues it, by its own recipe, if it was interrupted."""
    rga = [sys.executable, "-m", "rga"]
    if (run.folder / LAST).is_file():
        return [*rga, "resume", str(run.folder)]
    words = [*rga, "train", "cls/cifar10", "--data", data, "--output", str(run.folder), "--attention", ARMS[run.arm]]
    words += ["--after", *AFTER[run.arm]] if run.arm in AFTER else []
    return [*words, "--epochs", str(epochs), *SHORT, "--seed", str(run.seed), "--threads", "1", "--num-workers", "0", *more]


def train_all(runs: Sequence[Run], commands: Sequence[list[str]], at_once: int) -> None:
    """Runs trainings, so many at a time.

    Raises:
        RuntimeError: one failed; its output is named. Those that run beside it come to their end, no other begins.
    """
    failed = Event()
    with ThreadPoolExecutor(at_once) as pool:
        trainings = [pool.submit(train_one, run, words, failed) for run, words in zip(runs, commands, strict=True)]
    for training in trainings:
        training.result()


def train_one(run: Run, words: list[str], failed: Event) -> None:
    """Runs a training, with one thread, unless another one has failed; raises a RuntimeError if it fails."""
    if failed.is_set():
        return
    output = run.folder.with_suffix(".txt")
    print(f"{run.arm}, seed {run.seed}: training, see {output}", flush=True)
    single = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with output.open("a") as log:
        if subprocess.run(words, env=single, stdout=log, stderr=subprocess.STDOUT, check=False).returncode:
            failed.set()
            raise RuntimeError(f"a training failed: see {output}")


def table(runs: Sequence[Run]) -> str:
    """What the finished trainings reached, as Markdown: mean and, of several seeds, the standard deviation."""
    lines = [
        "| | parameters | MMAC | top-1, %, by seed | mean | cross-entropy | calibration error, % | images/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        done = [run for run in runs if run.arm == arm and run.finished]
        if not done:
            continue
        model = load(done[0].folder / "last")
        spent = cost(model, (1, 3, *model.preprocessing.size))
        figures = [read_log(run.folder, "evaluate")[-1] for run in done]
        speeds = [event["images_per_second"] for run in done for event in read_log(run.folder, "train")]
        cells = [arm, f"{spent.parameters:,}", f"{spent.macs / 1e6:.1f}"]
        cells.append(", ".join(f"{100 * each['top1']:.2f}" for each in figures))
        cells += [spread([100 * each["top1"] for each in figures], 2), spread([each["test_cross_entropy"] for each in figures], 3)]
        cells += [spread([100 * each["calibration_error"] for each in figures], 1), f"{statistics.median(speeds):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(values: Sequence[float], digits: int) -> str:
    """Mean and sample standard deviation; of one value itself.

    Example:
        >>> spread([1.0, 2.0, 3.0], 1), spread([0.5], 2)
        ('2.0 ± 1.0', '0.50')
    """
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def main(arguments: Sequence[str]) -> str:
    """Trains what is missing, as the command line says; the table as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the dataset, such as zips:DIR or cifar10:DIR")
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/cifar"), help="folder for the runs")
    parser.add_argument("--epochs", type=int, default=4, help="of each training")
    parser.add_argument("--seeds", type=int, default=3, help=f"of {' and '.join(COMPARED)}")
    parser.add_argument("--other-seeds", type=int, default=1, help="of the others")
    parser.add_argument("--at-once", type=int, default=1, help="trainings at a time, each with one thread")
    parser.add_argument("--table", action="store_true", help="print what is there and train nothing")
    parser.add_argument("more", nargs="*", help="options of rga train, after --")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    runs = plan(chosen.output, chosen.seeds, chosen.other_seeds)
    missing = [run for run in runs if not run.finished and not chosen.table]
    train_all(missing, [command(run, chosen.data, chosen.epochs, chosen.more) for run in missing], chosen.at_once)
    return table(runs)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
