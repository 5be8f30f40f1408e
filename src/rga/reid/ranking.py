"""The evaluation of person re-identification: mAP, mINP and CMC of rankings.

The rules of Market-1501 (Zheng et al., ICCV 2015), which CUHK03's new protocol and MSMT17 share: a gallery image of the query's identity
and camera is left out; so is junk (identity -1); distractors (identity 0) stay and match nobody; a query without match is in no average,
and is counted; the CMC looks at the first match. Ties go by the order of the gallery. mINP is from Ye et al., arXiv 2001.04193.

Only the ranks of matches are computed (``matches``), in blocks of queries whose memory does not depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from rga.reid.distances import METRICS, FeatureArray, Metric, as_matrix, read_features
from rga.reid.matches import ABSENT, JUNK, LabelArray, Pairing, SingleShots, hide, match_ranks, read_labels
from rga.reid.result import CameraRule, RankingResult

BLOCK_BYTES = 64 * 2**20
"""Memory for one block of distances."""

DistanceRows = Callable[[slice, Tensor], None]
"""Writes the distances of some queries to the ranked gallery into a tensor (b, G)."""


def evaluate(
    query_features: FeatureArray,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_features: FeatureArray,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    metric: Metric = "cosine",
    top_k: int = 50,
    single_gallery_shot: bool = False,
    repeats: int = 10,
    seed: int = 0,
    block: int | None = None,
) -> RankingResult:
    """Ranks the gallery for every query by the distance of their features, and measures the rankings.

    Distances are computed as ``rga.reid.distances.distances`` does: in float32, or float64 where one side is, on the gallery's device.

    Args:
        query_features: (queries, dimensions), a numpy array or a tensor of floating-point numbers.
        query_ids: (queries,), the identity of each query, positive.
        query_cameras: (queries,), the camera of each query; None where cameras are not known: then none is left out for its camera.
        gallery_features: (gallery, dimensions).
        gallery_ids: (gallery,), the identity of each gallery image; 0 for distractors, -1 for junk.
        gallery_cameras: (gallery,), None together with ``query_cameras``.
        metric: ``"cosine"`` or ``"euclidean"``.
        top_k: number of ranks of the CMC.
        single_gallery_shot: measure the CMC as CUHK03's classic protocol does, on galleries of one random image per identity; mAP and mINP
            stay those of the whole gallery.
        repeats: number of such galleries, averaged.
        seed: of their draw.
        block: queries per block; None chooses by memory. It changes no figure (but for rounding in the distances).

    Raises:
        ValueError: an empty side, shapes that do not agree, features that are not finite, labels that are not integers, cameras on one side
            only, or no query with a match.

    Example:
        >>> import numpy as np
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> gallery = np.array([[1.0, 0.1], [0.9, 0.9], [0.0, 1.0], [0.1, 1.0]])
        >>> result = evaluate(query, [1, 2], [1, 1], gallery, [1, 3, 2, 1], [2, 2, 1, 2], top_k=3)
        >>> print(result)
        mAP 83.3%, R1 100.0%, mINP 66.7%, mAP by trapezia 79.2%
        1 queries (1 more have no match and are left out), 4 gallery images, cosine distance, camera rule applied, CMC on all images
        >>> result = evaluate(query, [1, 2], None, gallery, [1, 3, 2, 1], None, metric="euclidean")
        >>> result.queries, result.camera_rule
        (2, 'not applied: no camera ids')
    """
    query, gallery = read_features(query_features, gallery_features, metric)
    pairing, kept = pair(
        query_ids, query_cameras, gallery_ids, gallery_cameras, images=(len(query), len(gallery)), device=gallery.rows.device
    )
    if len(kept) < len(gallery):
        gallery = gallery.select(kept)

    def fill(queries: slice, out: Tensor) -> None:
        METRICS[metric](query.select(queries), gallery, out)

    shots = SingleShots(pairing, positive("repeats", repeats), seed) if single_gallery_shot else None
    return measure(fill, pairing, gallery.rows.dtype, metric=metric, top_k=top_k, shots=shots, block=block)


def evaluate_distances(
    distances: FeatureArray,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    metric: str = "given",
    top_k: int = 50,
    single_gallery_shot: bool = False,
    repeats: int = 10,
    seed: int = 0,
    block: int | None = None,
) -> RankingResult:
    """Measures the rankings by given distances, such as those of a re-ranking.

    Args:
        distances: (queries, gallery), finite, small where alike; not changed.
        query_ids: as in ``evaluate``, like all that follow.
        query_cameras: (queries,) or None.
        gallery_ids: (gallery,).
        gallery_cameras: (gallery,) or None.
        metric: what the result calls the distance.
        top_k: number of ranks of the CMC.
        single_gallery_shot: measure the CMC on galleries of one random image per identity.
        repeats: number of such galleries.
        seed: of their draw.
        block: queries per block.

    Raises:
        ValueError: as ``evaluate``.

    Example:
        >>> distances = np.array([[0.1, 0.3, 0.2]])
        >>> evaluate_distances(distances, [7], None, [7, 7, 8], None).mAP
        0.8333333333333333
    """
    matrix = as_matrix(distances, "distances")
    dtype = torch.float64 if matrix.dtype == torch.float64 else torch.float32
    pairing, kept = pair(
        query_ids, query_cameras, gallery_ids, gallery_cameras, images=(matrix.shape[0], matrix.shape[1]), device=matrix.device
    )

    def fill(queries: slice, out: Tensor) -> None:
        out.copy_(matrix[queries].index_select(1, kept))
        if not out.isfinite().all():
            raise ValueError("distances hold NaN or infinity: replace them by finite numbers")

    shots = SingleShots(pairing, positive("repeats", repeats), seed) if single_gallery_shot else None
    return measure(fill, pairing, dtype, metric=metric, top_k=top_k, shots=shots, block=block)


def pair(
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    images: tuple[int, int],
    device: torch.device,
) -> tuple[Pairing, Tensor]:
    """Who matches whom among ``images`` (queries, gallery) of these labels, and the places of the gallery images that are no junk."""
    if (query_cameras is None) != (gallery_cameras is None):
        missing = "query" if query_cameras is None else "gallery"
        raise ValueError(f"{missing} cameras are missing: pass the cameras of both sides, or None for both")
    query = read_labels(query_ids, query_cameras, images[0], "query", device)
    gallery = read_labels(gallery_ids, gallery_cameras, images[1], "gallery", device)
    kept = (gallery.identities != JUNK).nonzero().flatten()
    if not len(kept):
        raise ValueError(f"the gallery is empty: all of its {images[1]} images are junk (identity {JUNK})")
    return Pairing(query, gallery.select(kept)), kept


def measure(
    fill: DistanceRows,
    pairing: Pairing,
    dtype: torch.dtype,
    *,
    metric: str,
    top_k: int,
    shots: SingleShots | None,
    block: int | None,
) -> RankingResult:
    """The figures of the rankings by the distances that ``fill`` writes, block by block."""
    positive("top_k", top_k)
    queries, images = len(pairing.query.identities), len(pairing.gallery.identities)
    bytes_per_query = dtype.itemsize * images + 64 * pairing.widest
    block = min(queries, max(1, BLOCK_BYTES // bytes_per_query) if block is None else positive("block", block))
    distances = torch.empty(block, images, dtype=dtype, device=pairing.places.device)
    figures, first_ranks = [], []
    for start in range(0, queries, block):
        some = slice(start, min(start + block, queries))
        rows = distances[: some.stop - start]
        fill(some, rows)
        candidates = pairing.candidates(some)
        hide(rows, candidates)
        matched = candidates.matches.any(1)
        ranks = match_ranks(rows, candidates)[matched]
        figures.append(torch.stack([average_precision(ranks), average_precision_trapezoid(ranks), inverse_negative_penalty(ranks)]).cpu())
        first_ranks.append((ranks[:, :1] if shots is None else shots.ranks(rows, candidates, some)[matched]).cpu())
    per_query = torch.cat(figures, 1).numpy()  # (3, queries with a match)
    evaluated = per_query.shape[1]
    if not evaluated:
        raise ValueError(
            f"none of the {queries} queries has a match in the gallery of {images} images: compare the identities of both sides "
            "(0 and below match nobody), and their cameras (a match is from another camera)"
        )
    mean_ap, mean_trapezoid, mean_inp = per_query.mean(1).tolist()
    rule: CameraRule = "not applied: no camera ids" if pairing.query.cameras is None else "applied"
    return RankingResult(
        mAP=mean_ap,
        mAP_trapezoid=mean_trapezoid,
        mINP=mean_inp,
        cmc=cumulative_matches(torch.cat(first_ranks), top_k),
        queries=evaluated,
        queries_without_match=queries - evaluated,
        gallery=images,
        metric=metric,
        camera_rule=rule,
        cmc_gallery="all images" if shots is None else f"one random image per identity, {len(shots.columns)} times",
    )


def average_precision(ranks: Tensor) -> Tensor:
    """The mean of the precision at each match: the standard average precision.

    Args:
        ranks: (b, M) int64, each row the ranks of a query's matches, ascending, counted from 1, at least one; then ``ABSENT``.

    Returns:
        (b,) float64.

    Example:
        >>> average_precision(torch.tensor([[1, 3, ABSENT]]))
        tensor([0.8333], dtype=torch.float64)
    """
    return mean_over_matches(ranks, precision(ranks, found_at(ranks)))


def average_precision_trapezoid(ranks: Tensor) -> Tensor:
    """The area under the precision-recall curve by trapezia, as scikit-learn before 0.19 computed average precision.

    The curve starts at recall 0 with precision 1 and has a point for every rank up to the last match. Recall moves only at a match, where
    the trapezium's sides are the precisions at the rank before it and at its own.

    Args:
        ranks: (b, M) int64, as for ``average_precision``.

    Returns:
        (b,) float64.

    Example:
        >>> average_precision_trapezoid(torch.tensor([[1, 3, ABSENT]]))  # ((1 + 1) / 2 + (1/2 + 2/3) / 2) / 2
        tensor([0.7917], dtype=torch.float64)
    """
    found = found_at(ranks)
    before = precision(ranks - 1, found - 1).where(ranks > 1, 1.0)
    return mean_over_matches(ranks, (before + precision(ranks, found)) / 2)


def inverse_negative_penalty(ranks: Tensor) -> Tensor:
    """Number of matches / rank of the last one (arXiv 2001.04193), from ranks (b, M) as for ``average_precision``: (b,) float64."""
    counts = (ranks != ABSENT).sum(1)
    last = ranks.gather(1, counts[:, None] - 1).squeeze(1)
    return counts.double() / last


def cumulative_matches(first_ranks: Tensor, top_k: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The share of first ranks (queries, galleries) within the first 1, 2, ... top_k: (top_k,)."""
    within = torch.bincount(first_ranks.flatten().clamp(max=top_k + 1), minlength=top_k + 2)[1:-1].cumsum(0)
    return np.asarray(within.numpy() / first_ranks.numel(), dtype=np.float64)


def found_at(ranks: Tensor) -> Tensor:
    """How many matches are found at each of the ranks: 1, 2, ... M."""
    return torch.arange(1, ranks.shape[1] + 1, device=ranks.device)


def precision(ranks: Tensor, found: Tensor) -> Tensor:
    """Matches found by rank, in float64."""
    return found.double() / ranks


def mean_over_matches(ranks: Tensor, values: Tensor) -> Tensor:
    """The mean of values (b, M) over each query's matches: (b,)."""
    present = ranks != ABSENT
    return values.where(present, 0.0).sum(1) / present.sum(1)


def positive(name: str, value: int) -> int:
    """A number that must be at least 1."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value
