"""Person re-identification."""

from rga.reid.blocks import row_distances
from rga.reid.expansion import augment_gallery, expand_queries
from rga.reid.open_set import evaluate_open_set, split_identities
from rga.reid.ranking import evaluate, evaluate_distances
from rga.reid.reranking import rerank
from rga.reid.verification import verify

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
