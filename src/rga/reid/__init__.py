"""Person re-identification."""

from rga.reid.ranking import evaluate, evaluate_distances
from rga.reid.reranking import rerank

__all__ = ["evaluate", "evaluate_distances", "rerank"]
