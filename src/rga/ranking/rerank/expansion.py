"""Features averaged with those of their nearest neighbours: alpha query expansion, and the same for the gallery.

Alpha query expansion is from Radenovic, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation" (TPAMI 2018): the feature
plus those of its nearest gallery images, each weighted by its cosine similarity to the power of alpha. Database-side augmentation (Turcot
and Lowe, ICCV workshops 2009; Arandjelovic and Zisserman, CVPR 2012) does it once for every gallery image, among the gallery. Alpha 0 is
the plain average; a large alpha trusts the very nearest alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rga.arrays import check_count, is_number
from rga.attention.precision import without_autocast
from rga.errors import InputError
from rga.ranking.distances import FeatureArray, Features, inverse, read_features, read_side
from rga.ranking.rerank.neighbours import Neighbours, nearest, nearest_among

GROUP_BYTES = 64 * 2**20
"""Memory for the features that are gathered at a time."""


def expand_queries(query_features: FeatureArray, gallery_features: FeatureArray, k: int = 5, alpha: float = 3.0) -> Tensor:
    """Adds to each query its nearest gallery images.

    Args:
        query_features: (queries, dimensions), a numpy array or a tensor; compared by cosine.
        gallery_features: (gallery, dimensions).
        k: how many neighbours; no more than there are.
        alpha: the power of the similarities; those below 0 count as 0.

    Returns:
        (queries, dimensions), each of length 1; a feature of length 0 stays as it is.

    Raises:
        InputError: as ``rga.reid.evaluate`` for features; k below 1, alpha below 0.

    Example:
        >>> expand_queries(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.8, 0.6], [0.0, 1.0]]), k=1, alpha=0)
        tensor([[0.9487, 0.3162]])
    """
    check(k, alpha)
    query, gallery = (directions(side) for side in read_features(query_features, gallery_features, "cosine"))
    return added(query, gallery, nearest(query, gallery, "cosine", k), alpha)


def augment_gallery(gallery_features: FeatureArray, k: int = 5, alpha: float = 3.0) -> Tensor:
    """Adds to each gallery image its nearest others.

    Args:
        gallery_features: (gallery, dimensions), a numpy array or a tensor; compared by cosine.
        k: how many neighbours beside itself; no more than there are.
        alpha: the power of the similarities; those below 0 count as 0.

    Returns:
        (gallery, dimensions), each of length 1; a feature of length 0 stays as it is.

    Raises:
        InputError: as ``rga.reid.evaluate`` for features; k below 1, alpha below 0.

    Example:
        >>> augment_gallery(torch.tensor([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]]), k=1, alpha=0)
        tensor([[ 0.9487,  0.3162],
                [ 0.9487,  0.3162],
                [-1.0000,  0.0000]])
    """
    check(k, alpha)
    gallery = directions(read_side(gallery_features, "gallery"))
    found = nearest_among(gallery, "cosine", k + 1)
    itself = found.indices == torch.arange(len(gallery), device=found.indices.device)[:, None]
    others = Neighbours(found.indices, found.distances.masked_fill(itself, torch.inf), found.farthest)  # it has its own weight, 1
    return added(gallery, gallery, others, alpha)


def check(k: int, alpha: float) -> None:
    """Refuses numbers that make no sense."""
    check_count("k", k)
    if not is_number(alpha) or not alpha >= 0:
        raise InputError(f"alpha must not be negative, got {alpha}")


def directions(features: Features) -> Features:
    """Features brought to length 1; those of length 0 stay."""
    rows = features.rows * inverse(features.norms, features.rows.dtype)[:, None]
    return Features(rows, rows.any(1).double())


def added(images: Features, gallery: Features, neighbours: Neighbours, alpha: float) -> Tensor:
    """Directions (n, d) plus those of their neighbours in the gallery by weight, brought to length 1."""
    similarities = 1 - neighbours.distances
    weights = torch.where(similarities > 0, similarities.clamp(min=0) ** alpha, 0)  # (n, k)
    sums = images.rows.clone()
    step = max(1, GROUP_BYTES // (weights.shape[1] * sums.shape[1] * sums.dtype.itemsize))
    with without_autocast(sums.device):
        for start in range(0, len(sums), step):
            some = slice(start, start + step)
            sums[some] += torch.bmm(weights[some, None], gallery.rows[neighbours.indices[some]]).squeeze(1)
    return torch.nn.functional.normalize(sums, dim=1)
