"""Trained exact RGA on images of other sizes: how accurate it stays, by each way to serve them.

    rga reproduce ablation --scale minutes --variants plain rga-sc
    python benchmarks/other_sizes.py runs/reproduce/people --seeds 0 1 2

The same weights serve each size in four ways: moved to its grid (``rga.resample``), pooled to their own (``fit="pool"``), as sums of all
their cosines (``rga.make_spectral``), and as sums of half of them an axis, with the statistics of the batch normalisations as they were.
The plain network says what the size alone changes. Nothing is trained. mAP in percent, means over seeds of paired differences to the
training size of the same model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import rga
from rga.attention.modules import RelationAttention
from rga.recipes import recipe_from_file
from rga.reid.evaluation import rank
from rga.reid.model import ReidModel
from rga.tasks import get_task
from rga.training.run.record import RECIPE_FILE

RATIOS = (0.75, 1.0, 1.5, 2.0)


def leave(_model: ReidModel, _size: tuple[int, int]) -> None:
    """Changes nothing."""


def resample(model: ReidModel, size: tuple[int, int]) -> None:
    """Moves the weights to the grids of the size."""
    rga.resample(model.backbone, image_size=size)


def pool(model: ReidModel, _size: tuple[int, int]) -> None:
    """Lets maps be pooled to the grids of the training."""
    for module in model.modules():
        if isinstance(module, RelationAttention):
            module.fit = "pool"


def all_cosines(model: ReidModel, _size: tuple[int, int]) -> None:
    """Brings the weights into the cosine basis, all of it."""
    for attention in attentions(model):
        rga.make_spectral(attention, attention.grid)


def half_the_cosines(model: ReidModel, _size: tuple[int, int]) -> None:
    """Projects the weights onto the lower half of the frequencies an axis."""
    for attention in attentions(model):
        rga.make_spectral(attention, (-(-attention.grid[0] // 2), -(-attention.grid[1] // 2)))


def attentions(model: ReidModel) -> list[RelationAttention]:
    """RGA-S and RGA-C of a model."""
    return [module for module in model.modules() if isinstance(module, RelationAttention)]


Way = Callable[[ReidModel, tuple[int, int]], None]
WAYS: dict[str, tuple[str, Way]] = {
    "plain": ("plain", leave),
    "RGA-SC, resampled": ("rga-sc", resample),
    "RGA-SC, pooled": ("rga-sc", pool),
    "RGA-SC, spectral, all frequencies": ("rga-sc", all_cosines),
    "RGA-SC, spectral, half of them an axis": ("rga-sc", half_the_cosines),
}
"""Row -> variant of the comparison, and what is done to its model."""


@cache
def mean_ap(run: Path, ratio: float, way: Way) -> float:
    """The mAP of a run's last model on images of another size."""
    recipe = recipe_from_file(run / RECIPE_FILE)
    model = rga.load(run / "last")
    assert isinstance(model, ReidModel)
    height, width = (round(ratio * side) for side in model.preprocessing.size)
    model.preprocessing = replace(model.preprocessing, height=height, width=width)
    way(model, (height, width))
    return 100 * rank(model, get_task(recipe.task).read(recipe))[model.feature].mAP


def main(arguments: Sequence[str]) -> str:
    """Reads the command line and measures; the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", type=Path, help="folder of a setting's runs: VARIANT/seed-N in it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ratios", type=float, nargs="+", default=list(RATIOS), help="of the training's size")
    chosen = parser.parse_args(arguments)
    lines = [f"| {len(chosen.seeds)} seeds | " + " | ".join(f"{ratio:g}x" for ratio in chosen.ratios) + " |"]
    lines.append("|---|" + "--:|" * len(chosen.ratios))
    for row, (variant, way) in WAYS.items():
        cells = []
        for ratio in chosen.ratios:
            found = [mean_ap(chosen.setting / variant / f"seed-{seed}", ratio, way) for seed in chosen.seeds]
            own = [mean_ap(chosen.setting / variant / f"seed-{seed}", 1.0, leave) for seed in chosen.seeds]
            difference = statistics.mean(ours - theirs for ours, theirs in zip(found, own, strict=True))
            cells.append(f"{statistics.mean(found):.1f} ({difference:+.1f})")
            print(f"{row}, {ratio:g}x: {cells[-1]}", file=sys.stderr, flush=True)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
