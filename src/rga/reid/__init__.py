"""Person re-identification."""

from rga.reid.expansion import augment_gallery, expand_queries
from rga.reid.ranking import evaluate, evaluate_distances
from rga.reid.reranking import rerank

__all__ = ["augment_gallery", "evaluate", "evaluate_distances", "expand_queries", "rerank"]
