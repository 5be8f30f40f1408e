"""Re-ranking against the published algorithm, written down densely, and against another implementation's figures."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.ranking.distances import distances, read_features
from rga.ranking.evaluation import evaluate_distances
from rga.ranking.metric import Metric
from rga.ranking.rerank import neighbours, reranking
from rga.ranking.rerank.neighbours import nearest, nearest_among
from rga.ranking.rerank.reranking import rerank

Floats = npt.NDArray[np.float64]


# ---- the paper, densely


def naive_rerank(query: Floats, gallery: Floats, *, k1: int, k2: int, lambda_: float, metric: Metric) -> Floats:
    """Section 3 of Zhong et al. (CVPR 2017), on matrices of all images by all images."""
    both = np.concatenate([query, gallery])
    images = len(both)
    squared = distances(both, both, metric).numpy().clip(0) ** 2
    largest = squared.max(1, keepdims=True)
    original = np.divide(squared, largest, out=np.zeros_like(squared), where=largest > 0)
    ranking = np.argsort(squared, axis=1, kind="stable")

    def reciprocal(image: int, k: int) -> set[int]:
        """R(p, k): the k nearest neighbours that have p among theirs, (3); every image is its own nearest, hence k + 1."""
        return {int(j) for j in ranking[image, : k + 1] if image in ranking[j, : k + 1]}

    codes = np.zeros((images, images))
    for image in range(images):
        mutual = reciprocal(image, k1)
        extended = set(mutual)
        for candidate in mutual:  # (4)
            theirs = reciprocal(candidate, int(np.around(k1 / 2)))
            if len(mutual & theirs) > 2 / 3 * len(theirs):
                extended |= theirs
        members = sorted(extended)
        if not members:  # not even the image itself: it is a feature of length 0
            continue
        weights = np.exp(-original[image, members])  # (7)
        codes[image, members] = weights / weights.sum()
    codes = np.array([codes[ranking[image, :k2]].mean(0) if codes[image].any() else codes[image] for image in range(images)])  # (11)
    jaccard = np.empty((len(query), len(gallery)))
    for i in range(len(query)):
        for j in range(len(gallery)):
            pair = codes[i], codes[len(query) + j]
            larger = np.maximum(*pair).sum()
            jaccard[i, j] = 1 - np.minimum(*pair).sum() / larger if larger > 0 else 1  # (10)
    final: Floats = (1 - lambda_) * jaccard + lambda_ * original[: len(query), len(query) :]  # (12)
    return final


def clustered(queries: int, gallery: int, dimensions: int = 6, seed: int = 0) -> tuple[Floats, Floats]:
    """Features around a few centres."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(5, dimensions))
    both = centres[generator.integers(0, 5, queries + gallery)] + 0.4 * generator.normal(size=(queries + gallery, dimensions))
    return both[:queries], both[queries:]


EXACT = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, -2, 0, 0], [1, 1, 1, 1], [1, -1, 1, 1], [2, 2, -2, 2], [0, 0, 4, 0]], dtype=np.float64)
"""Features whose lengths are powers of two or 0, so that distances hold no rounding, and equals are equal."""


def drawn(images: int, seed: int, choices: int = len(EXACT)) -> Floats:
    """Features out of the first few of these."""
    features: Floats = EXACT[np.random.default_rng(seed).integers(0, choices, images)]
    return features


@given(
    sizes=st.tuples(st.integers(1, 8), st.integers(1, 30)),
    seed=st.integers(0, 999),
    k1=st.integers(1, 12),
    k2=st.integers(1, 5),
    lambda_=st.sampled_from([0.0, 0.3, 1.0]),
    metric=st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=80)
def test_equals_the_papers_algorithm(sizes: tuple[int, int], seed: int, k1: int, k2: int, lambda_: float, metric: Metric) -> None:
    features = clustered(*sizes, seed=seed)
    expected = naive_rerank(*features, k1=k1, k2=k2, lambda_=lambda_, metric=metric)
    ours = rerank(*features, k1, k2, lambda_, metric=metric)
    assert ours.shape == sizes
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=1e-9)


@given(seed=st.integers(0, 999), tile=st.sampled_from([1, 300, 2000, 10**6]), group=st.sampled_from([0, 4000]), at_once=st.integers(1, 20))
@settings(max_examples=40)
def test_parts_of_any_size_give_the_same_with_many_ties(seed: int, tile: int, group: int, at_once: int) -> None:
    both = drawn(25, seed)
    expected = rerank(both[:5], both[5:], 4, 3)
    with (
        patch.object(neighbours, "TILE_BYTES", tile),
        patch.object(neighbours, "PENDING", tile),
        patch.object(neighbours, "ROWS", at_once),
        patch.object(reranking, "GROUP_BYTES", group),
        patch.object(reranking, "ENTRIES_AT_ONCE", group),
        patch.object(reranking, "KEPT_BYTES", group),  # enough to keep the distances of queries to the gallery, or not
        patch.object(reranking, "ROWS_AT_ONCE", at_once),
    ):
        ours = rerank(both[:5], both[5:], 4, 3)
        np.testing.assert_allclose(np.asarray(ours), np.asarray(expected), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.asarray(expected), naive_rerank(both[:5], both[5:], k1=4, k2=3, lambda_=0.3, metric="cosine"), rtol=0, atol=1e-12
    )


def test_agrees_with_another_implementation(reference: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    (query, query_ids, query_cameras, gallery, gallery_ids, gallery_cameras), figures = reference
    expected = figures["torchreid-0.2.5 re_ranking k1=20 k2=6 lambda=0.3 on cosine distance, then evaluate_rank"]
    reranked = rerank(query.astype(np.float32), gallery.astype(np.float32), k1=20, k2=6, lambda_=0.3)
    result = evaluate_distances(reranked, query_ids, query_cameras, gallery_ids, gallery_cameras, metric="re-ranked")
    assert result.mAP == pytest.approx(expected["mAP"], abs=1e-5)
    np.testing.assert_allclose(result.cmc[:10], expected["cmc1_10"], atol=1e-6)


# ---- how it is handed on


def test_is_evaluated_in_blocks_as_the_array_is() -> None:
    query, gallery = clustered(9, 40)
    generator = np.random.default_rng(0)
    labels = (generator.integers(1, 6, 9), generator.integers(1, 3, 9), generator.integers(-1, 6, 40), generator.integers(1, 3, 40))
    reranked = rerank(query, gallery, 5, 3)
    expected = evaluate_distances(np.asarray(reranked), *labels)
    for block in (None, 1, 4):
        assert evaluate_distances(reranked, *labels, block=block).to_dict() == expected.to_dict()


def test_rows_and_arrays() -> None:
    query, gallery = clustered(7, 20)
    reranked = rerank(query.astype(np.float32), gallery.astype(np.float32), 5, 3)
    whole = np.asarray(reranked)
    assert (whole.dtype.name, whole.shape, len(reranked)) == ("float32", (7, 20), 7)
    np.testing.assert_allclose(reranked.rows(slice(2, 5)), whole[2:5], atol=1e-6)
    np.testing.assert_allclose(reranked.rows(slice(-3, None)), whole[-3:], atol=1e-6)
    assert reranked.rows(slice(7, 9)).shape == (0, 20)
    assert np.asarray(reranked, dtype=np.float64).dtype == np.float64
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, copy=False allowed one
        with pytest.raises(ValueError, match="without a copy"):
            np.array(reranked, copy=False)
    assert 0 <= whole.min() <= whole.max() <= 1


def test_lambda_mixes_the_original_distance_in() -> None:
    query, gallery = clustered(4, 20)
    both = np.concatenate([query, gallery])
    squared = distances(both, both).numpy()[:4] ** 2
    original = squared[:, 4:] / squared.max(1, keepdims=True)
    np.testing.assert_allclose(np.asarray(rerank(query, gallery, 5, 3, 1.0)), original, atol=1e-12)
    jaccard = np.asarray(rerank(query, gallery, 5, 3, 0.0))
    np.testing.assert_allclose(np.asarray(rerank(query, gallery, 5, 3, 0.4)), 0.6 * jaccard + 0.4 * original, atol=1e-12)


# ---- conventions and wrong input


def test_features_of_length_zero_are_far_from_everybody() -> None:
    query, gallery = clustered(3, 30)
    gallery[7] = 0
    reranked = np.asarray(rerank(query, gallery, 4, 2))
    assert np.isfinite(reranked).all()
    both = np.concatenate([query, gallery])
    farthest = distances(query, both).numpy().max(1)
    np.testing.assert_allclose(reranked[:, 7], 0.7 + 0.3 / farthest**2, atol=1e-9)  # nothing in common, and a distance of 1


def test_images_that_are_all_the_same() -> None:
    same = np.ones((30, 4))  # cosines of exactly 1: half's powers
    reranked = np.asarray(rerank(same[:5], same[5:], 4, 2))
    assert np.isfinite(reranked).all()
    assert np.asarray(rerank(same[:1], same[1:2])).tolist() == [[0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": 0}, "k1 must be at least 1, got 0"),
        ({"k2": 0}, "k2 must be at least 1, got 0"),
        ({"lambda_": 1.5}, "lambda_ must lie between 0 and 1, got 1.5"),
        ({"lambda_": float("nan")}, "lambda_ must lie between 0 and 1"),
        ({"metric": "hamming"}, "unknown metric 'hamming'"),
        ({"query_features": np.full((3, 6), np.nan)}, "query features: row 0 holds NaN"),
        ({"gallery_features": np.ones((0, 6))}, "gallery features are empty"),
        ({"gallery_features": np.ones((4, 5))}, "query features have 6 dimensions, gallery features 5"),
    ],
)
def test_wrong_input(changes: dict[str, Any], message: str) -> None:
    query, gallery = clustered(3, 9)
    with pytest.raises(ValueError, match=message):
        rerank(**{"query_features": query, "gallery_features": gallery, **changes})


# ---- neighbours


@given(
    images=st.integers(1, 40),
    count=st.integers(1, 12),
    seed=st.integers(0, 999),
    tile=st.sampled_from([1, 200, 900, 10**6]),
    few=st.booleans(),
    metric=st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=80)
def test_neighbours_are_those_of_a_stable_sort(images: int, count: int, seed: int, tile: int, few: bool, metric: Metric) -> None:
    features, _ = read_features(*2 * (drawn(images, seed, 3 if few else len(EXACT)),), metric)
    matrix = distances(features.rows, features.rows, metric)
    order = matrix.argsort(dim=1, stable=True)[:, :count]
    keep = features.rows.new_empty(images // 3, images - images // 3)
    with patch.object(neighbours, "TILE_BYTES", tile), patch.object(neighbours, "PENDING", tile):
        for found in (nearest_among(features, metric, count, keep), nearest(features, features, metric, count)):
            assert found.indices.tolist() == order.tolist()
            assert found.distances.tolist() == matrix.gather(1, order).tolist()
            assert found.farthest.tolist() == matrix.amax(1).tolist()
    assert keep.tolist() == matrix[: images // 3, images // 3 :].tolist()
