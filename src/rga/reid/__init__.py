"""Person re-identification."""

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
