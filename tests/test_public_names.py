"""The public names of each task's package, and what stands behind them."""

import importlib

import pytest

import rga.reid

NAMES = {
    "rga.reid": {
        "augment_gallery": "rga.ranking.rerank.expansion",
        "evaluate": "rga.ranking.evaluation",
        "evaluate_distances": "rga.ranking.evaluation",
        "evaluate_open_set": "rga.ranking.open_set.open_set",
        "expand_queries": "rga.ranking.rerank.expansion",
        "rerank": "rga.ranking.rerank.reranking",
        "row_distances": "rga.ranking.blocks",
        "split_identities": "rga.ranking.open_set.open_set",
        "verify": "rga.ranking.open_set.verification",
    },
    "rga.segmentation": {
        "Inference": "rga.segmentation.inference",
        "class_iou": "rga.segmentation.confusion",
        "confusion_matrix": "rga.segmentation.confusion",
    },
    "rga.classification": {"evaluate": "rga.classification.metrics"},
}


@pytest.mark.parametrize("name", NAMES)
def test_public_names_are_those_of_their_modules(name: str) -> None:
    package = importlib.import_module(name)
    assert set(NAMES[name]) <= set(package.__all__)
    assert set(package.__all__) == set(package.HOMES)
    assert set(package.__all__) <= set(dir(package))
    for public, home in NAMES[name].items():
        assert getattr(package, public) is getattr(importlib.import_module(home), public)


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        getattr(rga.reid, "nothing_of_the_kind")  # noqa: B009
