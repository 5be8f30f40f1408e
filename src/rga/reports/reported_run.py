"""The value that all sections on a run are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rga.attachment.costs import Cost
from rga.backbones.model import BackboneModel
from rga.training.recipe import Recipe
from rga.training.run.record import RunRecord
from rga.training.task import Evaluation


@dataclass(frozen=True, eq=False)
class ReportedRun:
    """What is known of a run.

    Attributes:
        name: in the report.
        folder: of the run.
        record: what it was started with.
        recipe: of the training.
        model: its best model, or its last.
        data: that it was evaluated on.
        read_as: those data, as the user names them.
        named: whether they were named; they are those of the training otherwise, with what that held out.
        result: of the evaluation.
        cost: of the backbone for one image.
        weights: the fingerprint of the model's weights.
        notes: what a reader of the figures should know of the data.
        found: what several sections ask for, by its name, once one of them asked.
    """

    name: str
    folder: Path
    record: RunRecord
    recipe: Recipe
    model: BackboneModel
    data: Any
    read_as: str
    named: bool
    result: Evaluation
    cost: Cost
    weights: str
    notes: tuple[str, ...] = ()
    found: dict[str, Any] = field(default_factory=dict, repr=False)

    def kept(self, name: str, compute: Callable[[], Any]) -> Any:
        """A value that several sections ask for; it is computed for the first of them."""
        if name not in self.found:
            self.found[name] = compute()
        return self.found[name]
