"""Verification against sorted lists of all pairs."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.ranking.open_set.verification import BINS, PairDistances
from rga.reid import rerank, row_distances, verify

Floats = npt.NDArray[np.float64]


def case(seed: int, queries: int = 20, gallery: int = 45) -> tuple[Floats, Floats, list[Any]]:
    generator = np.random.default_rng(seed)
    sides: list[Any] = []
    for size, lowest in ((queries, 1), (gallery, -1)):
        ids = generator.integers(lowest, 6, size)
        sides += [generator.normal(size=(size, 8)) + 1.5 * np.eye(8)[ids], ids, generator.integers(1, 4, size)]
    return sides[0], sides[3], [*sides[1:3], *sides[4:]]


def pairs(distances: Floats, labels: list[Any]) -> tuple[Floats, Floats]:
    """The distances of matching and of other pairs."""
    ids, cameras, gallery_ids, gallery_cameras = labels
    same = (ids[:, None] == gallery_ids) & (ids[:, None] > 0)
    seen = (gallery_ids != -1) & ~(same & (cameras[:, None] == gallery_cameras))
    return distances[same & seen], distances[~same & seen]


@given(seed=st.integers(0, 999), metric=st.sampled_from(["cosine", "euclidean"]), block=st.sampled_from([None, 1, 6]))
@settings(max_examples=40)
def test_counts_are_those_of_all_pairs(seed: int, metric: Any, block: int | None) -> None:
    query, gallery, labels = case(seed)
    source = row_distances(query, gallery, metric)
    result = verify(source, *labels, block=block)
    near, far = pairs(np.asarray(all_rows(source)), labels)
    width = result.edges[1] - result.edges[0]
    for counted, expected in ((result.matches, near), (result.others, far)):
        assert counted.sum() == len(expected)
        middle = np.repeat((result.edges[:-1] + result.edges[1:]) / 2, counted)
        np.testing.assert_allclose(middle, np.sort(expected), atol=0.51 * width, rtol=0)
    assert result.d_prime == pytest.approx((far.mean() - near.mean()) / np.sqrt((far.var() + near.var()) / 2), rel=1e-3)
    for rate in (0.0, 0.01, 0.1, 0.5):
        threshold = result.threshold_at(rate)
        assert (far < threshold - 1e-9).mean() <= rate
        assert (far < threshold + width + 1e-9).mean() >= rate
        exact = np.sort(far)[min(len(far) - 1, int(rate * len(far)))]  # the first that may not be accepted
        assert abs(threshold - exact) <= 1.01 * width
        assert (near < threshold - width).mean() <= result.true_match_rate_at(rate) <= (near < threshold + width).mean()


def all_rows(source: Any) -> Any:
    return source.fill(slice(0, source.shape[0]), torch.empty(source.shape, dtype=source.dtype))


def test_equal_error_rate() -> None:
    result = verify(np.array([[0.1, 0.2, 0.3, 0.6], [0.4, 0.5, 0.7, 0.8]]), [1, 1], None, [1, 2, 1, 2], None)
    # matches .1 .3 .4 .7, others .2 .5 .6 .8: at a threshold of .45 one of four is refused, one of four accepted
    assert result.equal_error_rate == pytest.approx(0.25)
    perfect = verify(np.array([[0.1, 0.9]]), [1], None, [1, 2], None)
    assert perfect.equal_error_rate == 0
    assert perfect.d_prime == math.inf
    assert perfect.to_dict()["d_prime"] is None
    hopeless = verify(np.array([[0.9, 0.1]]), [1], None, [1, 2], None)
    assert hopeless.equal_error_rate == 1
    assert verify(np.full((1, 2), 0.5), [1], None, [1, 2], None).d_prime == 0


def test_the_curve_and_the_image() -> None:
    query, gallery, labels = case(1)
    result = verify(row_distances(query, gallery), *labels)
    rates, found = result.roc(50)
    assert rates[-1] == pytest.approx(1)
    assert found[-1] == 1
    assert (np.diff(found) >= 0).all()
    for rate, share in zip(rates[:-1], found[:-1], strict=True):
        assert share == result.true_match_rate_at(rate)
    edges, near, far = result.coarse(30)
    assert len(edges) == 31
    assert near.sum() == pytest.approx(1)
    assert far.sum() == pytest.approx(1)
    assert (near + far)[[0, -1]].min() > 0  # no empty margins
    figures = json.loads(json.dumps(result.to_dict()))
    assert figures["matching_pairs"] == result.matches.sum()
    assert figures["true_match_rate"]["0.1"] == result.true_match_rate_at(0.1)
    assert "1e-05" not in figures["true_match_rate"]  # less than one pair


def test_re_ranked_distances() -> None:
    query, gallery, labels = case(2)
    reranked = rerank(query, gallery, 5, 3)
    result = verify(reranked, *labels)
    assert (result.low, result.high) == (0, 1)
    near, far = pairs(np.asarray(reranked), labels)
    assert result.matches.sum() == len(near)
    assert result.d_prime == pytest.approx((far.mean() - near.mean()) / np.sqrt((far.var() + near.var()) / 2), rel=1e-3)


def test_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no pair of the same person"):
        verify(np.array([[0.1, 0.9]]), [1], None, [3, 2], None)
    with pytest.raises(ValueError, match="no pair of different people"):
        verify(np.array([[0.1, 0.9]]), [1], None, [1, 1], None)
    with pytest.raises(ValueError, match="one number per image"):
        verify(np.array([[0.1, 0.9]]), [1, 2], None, [1, 1], None)
    result = PairDistances(0, 1, np.ones(BINS, np.int64), np.ones(BINS, np.int64))
    with pytest.raises(ValueError, match="false_match_rate must be at least 0 and below 1"):
        result.threshold_at(1)
