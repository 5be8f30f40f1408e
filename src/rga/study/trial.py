"""One training of a comparison: a variant in a setting, with a seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rga.datasets.spec import DataSpec
from rga.study.settings import Setting
from rga.study.tables import Block, rows
from rga.study.variants import Variant
from rga.training.recipe import LoaderRecipe, LoopRecipe, MachineRecipe, Recipe, leaves, plain

ELSEWHERE = frozenset({"data", "test_data", "also_train", "seed", "eval_batch_size", "skip_damaged"})
"""Fields that a recorded run names beside its recipe, or that change no result."""
RESULTS = frozenset({"amp_dtype", "sync_bn", "max_steps", "evaluate_every"})
"""Fields of groups about the machine that change results."""
MACHINE = (MachineRecipe, LoaderRecipe, LoopRecipe)


@dataclass(frozen=True)
class Trial:
    """A training.

    Attributes:
        setting: where.
        variant: what is compared.
        seed: of weights, batches and augmentation.
    """

    setting: Setting
    variant: Variant
    seed: int

    def __str__(self) -> str:
        return f"{self.setting.name}/{self.variant.name}/seed-{self.seed}"

    @property
    def key(self) -> tuple[str, str, int]:
        """The names of setting and variant, and the seed."""
        return self.setting.name, self.variant.name, self.seed

    def folder(self, output: Path) -> Path:
        """Its run's folder."""
        return output / self.setting.name / self.variant.name / f"seed-{self.seed}"

    def recipe(self, data: DataSpec | None = None, **machine: Any) -> Recipe:
        """Its recipe, for data that are somewhere, on some machine.

        Args:
            data: the dataset; by default the one of the setting's recipe.
            **machine: fields of the recipe that concern the machine, such as threads.
        """
        where = data or self.setting.base().data
        return self.setting.recipe(where, **self.variant.changes, seed=self.seed).override(**machine)


def deciding_fields(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe on which the result of a training depends, those that differ from the defaults of its task, as JSON has them.

    Where the data lie, the seed and the machine are left out.
    """
    defaults = type(recipe)().fields()
    technical = {each.name for group in MACHINE for each, _, _ in leaves(group())} - RESULTS  # type: ignore[arg-type]
    chosen = {
        name: plain(value) for name, value in recipe.fields().items() if name not in ELSEWHERE | technical and value != defaults[name]
    }
    found: dict[str, Any] = json.loads(json.dumps(chosen))
    return found


def trials_of(blocks: Iterable[Block], seeds: int = 0, variants: Iterable[str] = ()) -> list[Trial]:
    """The trainings of blocks, each once: seed by seed, so that all variants have one before any has two.

    Args:
        blocks: of tables.
        seeds: how many each variant has; 0 for as many as the blocks say.
        variants: names; all by default.
    """
    chosen = frozenset(variants)
    found: dict[tuple[str, str, int], Trial] = {}
    listed = [(*rows(block), block.first, seeds or block.seeds) for block in blocks]
    for number in range(max((count for *_, count in listed), default=0)):
        for setting, compared, first, count in listed:
            for variant in compared:
                if number < count and (not chosen or variant.name in chosen):
                    trial = Trial(setting, variant, first + number)
                    found.setdefault(trial.key, trial)
    return list(found.values())


def same_recipe(trial: Trial, recorded: Mapping[str, Any]) -> bool:
    """Whether a recorded run had the recipe that a training has now."""
    return deciding_fields(trial.recipe()) == dict(recorded)
