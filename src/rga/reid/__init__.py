"""Person re-identification: its datasets, model, losses, recipes and training.

Its evaluation is handed on from ``rga.ranking``, where it lives. Names are imported when they are first used, so that recipes need no
PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rga.lazy import lazily

if TYPE_CHECKING:
    from rga.ranking.blocks import row_distances
    from rga.ranking.evaluation import evaluate, evaluate_distances
    from rga.ranking.open_set.open_set import evaluate_open_set, split_identities
    from rga.ranking.open_set.verification import verify
    from rga.ranking.rerank.expansion import augment_gallery, expand_queries
    from rga.ranking.rerank.reranking import rerank

__all__ = [
    "augment_gallery",
    "evaluate",
    "evaluate_distances",
    "evaluate_open_set",
    "expand_queries",
    "rerank",
    "row_distances",
    "split_identities",
    "verify",
]

HOMES = {
    "augment_gallery": "rga.ranking.rerank.expansion",
    "evaluate": "rga.ranking.evaluation",
    "evaluate_distances": "rga.ranking.evaluation",
    "evaluate_open_set": "rga.ranking.open_set.open_set",
    "expand_queries": "rga.ranking.rerank.expansion",
    "rerank": "rga.ranking.rerank.reranking",
    "row_distances": "rga.ranking.blocks",
    "split_identities": "rga.ranking.open_set.open_set",
    "verify": "rga.ranking.open_set.verification",
}
"""The module in which each name lives."""

__getattr__, __dir__ = lazily(__name__, HOMES)
