"""Which split chooses the best model, and which is looked at once when all is over, in words; and that last look.

A figure on the split that chose is too good: of several models the one was taken that this split likes best. So ``val`` chooses where it is
there, and ``test`` is measured once, with the model that was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rga.training.state import RAW
from rga.training.trainable import Trainable

BEST = "best"
"""The folder of the best model; those of averaged weights have their name behind."""


def describe_choice(chooses: str, *, wanted: str = "val", kept: bool) -> str:
    """What each split is used for.

    Args:
        chooses: the split that chooses the best model; empty for none.
        wanted: the one that should choose.
        kept: whether ``test`` is measured when all is over.

    Example:
        >>> describe_choice("val", kept=True)
        'val chooses the best model; test is measured once, at the end, with the best model'
    """
    if not chooses:
        return f"{wanted} is empty: the training is not evaluated, and there is no best model"
    if kept:
        return f"{chooses} chooses the best model; test is measured once, at the end, with the best model"
    if chooses == wanted == "test":
        return "test chooses the best model, so its figure there is too good"
    if chooses == "test":
        return "test chooses the best model, as there is no val: the figure of the best model on test is too good, as test chose it"
    return f"{chooses} chooses the best model, so its figure there is too good; there is no test to measure it on"


def test_best(training: Trainable, folder: Path, names: Iterable[str]) -> dict[str, Mapping[str, float]]:
    """Measures the best models on the test split; nothing where there is none.

    Args:
        training: that is over.
        folder: of the run.
        names: of the kinds of weights.

    Returns:
        Name -> figures; empty without a test split.
    """
    found = {name: training.test_saved(folder / (BEST if name == RAW else f"{BEST}-{name}")) for name in names}
    return {name: figures for name, figures in found.items() if figures}


test_best.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test
