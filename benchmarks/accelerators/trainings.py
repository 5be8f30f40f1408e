"""(d), (e) A training in one process of a group, and one that was stopped and goes on: both end as one that ran alone and through."""

from __future__ import annotations

import os
import socket
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from torch import Tensor

import rga
from accelerators.networks import the_recipe
from accelerators.part import Machine, Report, Table, set_precision
from rga.reid.recipe import ReidRecipe

STEPS = 6
TOLERANCE = 1e-4
"""Largest distance of the weights of two trainings that should be one, of the length of all weights."""


def group(machine: Machine, report: Report) -> None:
    """A training in a group of one process, with SyncBatchNorm, against one without a group."""
    table = report.table("Trainings that should end alike", "what", "distance of the weights, of their length", "alike")
    alone = trained(machine, "alone")
    with_one = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    os.environ.update(with_one)
    try:
        together = trained(machine, "group", sync_bn=True)
    finally:
        for name in with_one:
            del os.environ[name]
    told(report, table, f"one process of {'nccl' if machine.device.type == 'cuda' else 'gloo'} against none", alone, together)


def resuming(machine: Machine, report: Report) -> None:
    """A training that stopped half-way and goes on, against one that ran through."""
    table = report.table("Trainings that should end alike", "what", "distance of the weights, of their length", "alike")
    through = trained(machine, "through")
    again = trained(machine, "again")
    told(report, table, "the same training twice", through, again)
    folder = machine.scratch / "stopped"
    with redirect_stdout(StringIO()):
        rga.train(recipe(machine, STEPS // 2), output=folder)
        rga.resume(folder, changes={"max_steps": STEPS})
    told(report, table, "stopped and continued against run through", through, weights(folder))


def recipe(machine: Machine, steps: int, **changes: object) -> ReidRecipe:
    """A short training."""
    small = {"backbone": "resnet18", "image_size": (128, 64)} if not machine.toy else {}
    return the_recipe(machine, **{"max_steps": steps, "evaluate_every": 0, **small, **changes})


def trained(machine: Machine, name: str, **changes: object) -> dict[str, Tensor]:
    """The weights after a short training."""
    set_precision("float32")
    folder = machine.scratch / name
    with redirect_stdout(StringIO()):
        rga.train(recipe(machine, STEPS, **changes), output=folder)
    return weights(folder)


def weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a run's last model."""
    return dict(rga.load(folder / "last").state_dict())


def told(report: Report, table: Table, what: str, ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Adds the row of two trainings."""
    names = [name for name, value in theirs.items() if value.is_floating_point()]
    distance, length = (
        sum(each.double().square().sum().item() for each in group) ** 0.5
        for group in ((ours[name] - theirs[name] for name in names), (theirs[name] for name in names))
    )
    found = distance / length
    report.row(table, what, f"{found:.1e}", report.check(found <= TOLERANCE, f"{what}: they differ by {found:.1e}"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
