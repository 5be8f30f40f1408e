"""The evaluation of person re-identification: mAP, mINP and CMC of rankings.

The rules of Market-1501 (Zheng et al., ICCV 2015), which CUHK03's new protocol and MSMT17 share: a gallery image of the query's identity
and camera is left out; so is junk (identity -1); distractors (identity 0) stay and match nobody; a query without match is in no average,
and is counted; the CMC looks at the first match. Ties go by the order of the gallery. mINP is from Ye et al., arXiv 2001.04193.

Only the ranks of matches are computed (``matches``), in blocks of queries (``blocks``) whose memory does not depend on their number.
In float32, distances closer than its rounding (some 1e-6 of the largest) are as good as equal: their order may not be that of float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rga.arrays import check_count
from rga.errors import InputError
from rga.ranking.average_precision import average_precision, average_precision_trapezoid, cumulative_matches, inverse_negative_penalty
from rga.ranking.blocks import DistanceRows, RankedBlock, as_rows, row_distances, walk
from rga.ranking.distances import FeatureArray
from rga.ranking.labels import JUNK
from rga.ranking.matches import FileNumbers, LabelArray, Pairing, SingleShots, read_labels
from rga.ranking.metric import Metric
from rga.ranking.result import CameraRule, RankingResult


def evaluate(
    query_features: FeatureArray,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_features: FeatureArray,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    files: FileNumbers | None = None,
    metric: Metric = "cosine",
    top_k: int = 50,
    single_gallery_shot: bool = False,
    repeats: int = 10,
    seed: int = 0,
    block: int | None = None,
) -> RankingResult:
    """Ranks the gallery for every query by the distance of their features, and measures the rankings.

    Distances are computed as ``rga.ranking.distances.distances`` does: in float32, or float64 where one side is, on the gallery's device.

    Args:
        query_features: (queries, dimensions), a numpy array or a tensor of floating-point numbers.
        query_ids: (queries,), the identity of each query, from 1 on.
        query_cameras: (queries,), the camera of each query; None where cameras are not known: then none is left out for its camera.
        gallery_features: (gallery, dimensions).
        gallery_ids: (gallery,), the identity of each gallery image; 0 for distractors, -1 for junk.
        gallery_cameras: (gallery,), None together with ``query_cameras``.
        files: numbers of the files of queries and gallery, the same for the same image: a query that is in the gallery itself does not find
            itself. Only needed without cameras.
        metric: ``"cosine"`` or ``"euclidean"``.
        top_k: number of ranks of the CMC.
        single_gallery_shot: measure the CMC as CUHK03's classic protocol does, on galleries of one random image per identity; mAP and mINP
            stay those of the whole gallery.
        repeats: number of such galleries, averaged.
        seed: of their draw.
        block: queries per block; None chooses by memory. It changes no figure (but for rounding in the distances).

    Raises:
        InputError: an empty side, shapes that do not agree, features that are not finite, labels that are not integers, query identities
            below 1, gallery identities below -1, cameras on one side only, or no query with a match.

    Example:
        >>> import numpy as np
        >>> query = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> gallery = np.array([[1.0, 0.1], [0.9, 0.9], [0.0, 1.0], [0.1, 1.0]])
        >>> result = evaluate(query, [1, 2], [1, 1], gallery, [1, 3, 2, 1], [2, 2, 1, 2], top_k=3)
        >>> print(result)
        mAP 83.3%, R1 100.0%, mINP 66.7%, trapezoidal mAP 79.2%
        1 queries (1 more have no match and are left out), 4 gallery images, cosine distance, camera rule applied, CMC on all images
        >>> result = evaluate(query, [1, 2], None, gallery, [1, 3, 2, 1], None, metric="euclidean")
        >>> result.queries, result.camera_rule
        (2, 'not applied: no camera ids')
    """
    return evaluate_distances(
        row_distances(query_features, gallery_features, metric),
        query_ids,
        query_cameras,
        gallery_ids,
        gallery_cameras,
        files=files,
        metric=metric,
        top_k=top_k,
        single_gallery_shot=single_gallery_shot,
        repeats=repeats,
        seed=seed,
        block=block,
    )


def evaluate_distances(
    distances: FeatureArray | DistanceRows,
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    *,
    files: FileNumbers | None = None,
    metric: str = "given",
    top_k: int = 50,
    single_gallery_shot: bool = False,
    repeats: int = 10,
    seed: int = 0,
    block: int | None = None,
) -> RankingResult:
    """Measures the rankings by given distances, such as those of a re-ranking.

    Args:
        distances: (queries, gallery), finite, small where alike; not changed. An array or a tensor, or what ``rga.reid.rerank`` returns.
        query_ids: as in ``evaluate``, like all that follow.
        query_cameras: (queries,) or None.
        gallery_ids: (gallery,).
        gallery_cameras: (gallery,) or None.
        files: as in ``evaluate``.
        metric: what the result calls the distance.
        top_k: number of ranks of the CMC.
        single_gallery_shot: measure the CMC on galleries of one random image per identity.
        repeats: number of such galleries.
        seed: of their draw.
        block: queries per block.

    Raises:
        InputError: as ``evaluate``.

    Example:
        >>> import numpy as np
        >>> distances = np.array([[0.1, 0.3, 0.2]])
        >>> evaluate_distances(distances, [7], None, [7, 7, 8], None).mAP
        0.8333333333333333
    """
    source = as_rows(distances)
    pairing = pair(query_ids, query_cameras, gallery_ids, gallery_cameras, source, files)
    figures = Figures(pairing, metric, top_k, SingleShots(pairing, check_count("repeats", repeats), seed) if single_gallery_shot else None)
    walk(source, pairing, [figures], block if block is None else check_count("block", block))
    return figures.result()


def pair(
    query_ids: LabelArray,
    query_cameras: LabelArray | None,
    gallery_ids: LabelArray,
    gallery_cameras: LabelArray | None,
    source: DistanceRows,
    files: FileNumbers | None = None,
) -> Pairing:
    """Who matches whom by these labels, of which there must be as many as there are distances.

    Raises:
        InputError: there are not, they are not integers, query identities are below 1 or gallery identities below -1, cameras are there on
            one side only, or all of the gallery is junk.
    """
    if (query_cameras is None) != (gallery_cameras is None):
        missing = "query" if query_cameras is None else "gallery"
        raise InputError(f"{missing} cameras are missing: pass the cameras of both sides, or None for both")
    own, others = files or (None, None)
    query = read_labels(query_ids, query_cameras, source.shape[0], "query", source.device, own)
    gallery = read_labels(gallery_ids, gallery_cameras, source.shape[1], "gallery", source.device, others)
    if (gallery.identities == JUNK).all():
        raise InputError(f"the gallery is empty: all of its {source.shape[1]} images are junk (identity {JUNK})")
    return Pairing(query, gallery)


class Figures:
    """Watches a ranking for its figures.

    Args:
        pairing: who matches whom.
        metric: what the result calls the distance.
        top_k: number of ranks of the CMC.
        shots: the draws of a single-gallery-shot CMC; None for that of all images.
    """

    def __init__(self, pairing: Pairing, metric: str, top_k: int = 50, shots: SingleShots | None = None) -> None:
        self.pairing = pairing
        self.metric = metric
        self.top_k = check_count("top_k", top_k)
        self.shots = shots
        self.figures: list[Tensor] = []
        self.first_ranks: list[Tensor] = []

    def see(self, block: RankedBlock) -> None:
        """See ``Watcher``."""
        ranks = block.ranks[block.matched]
        figures = [average_precision(ranks), average_precision_trapezoid(ranks), inverse_negative_penalty(ranks)]
        self.figures.append(torch.stack(figures).cpu())
        shots = self.shots
        first = ranks[:, :1] if shots is None else shots.ranks(block.distances, block.candidates, block.queries)[block.matched]
        self.first_ranks.append(first.cpu())

    def result(self) -> RankingResult:
        """The figures of all blocks.

        Raises:
            InputError: no query has a match.
        """
        per_query = torch.cat(self.figures, 1).numpy()  # (3, queries with a match)
        queries, images, evaluated = len(self.pairing.query.identities), len(self.pairing.indices), per_query.shape[1]
        if not evaluated:
            raise InputError(
                f"none of the {queries} queries has a match in the gallery of {images} images: compare the identities of both sides "
                "(distractors, 0, and junk, -1, match nobody), and their cameras (a match is from another camera, never the query itself)"
            )
        mean_ap, mean_trapezoid, mean_inp = per_query.mean(1).tolist()
        rule: CameraRule = "not applied: no camera ids" if self.pairing.query.cameras is None else "applied"
        return RankingResult(
            mAP=mean_ap,
            mAP_trapezoid=mean_trapezoid,
            mINP=mean_inp,
            cmc=cumulative_matches(torch.cat(self.first_ranks), self.top_k),
            queries=evaluated,
            queries_without_match=queries - evaluated,
            gallery=images,
            metric=self.metric,
            camera_rule=rule,
            queries_in_gallery=self.pairing.queries_in_gallery,
            cmc_gallery="all images" if self.shots is None else f"one random image per identity, {len(self.shots.columns)} times",
        )
