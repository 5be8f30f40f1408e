"""The evaluation against another evaluator's figures, and against a loop written from the definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
import torch
from cases import random_case
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rga.ranking import blocks, matches
from rga.ranking.distances import distances
from rga.ranking.evaluation import evaluate, evaluate_distances
from rga.ranking.metric import Metric
from rga.ranking.result import RankingResult

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]
Labels = tuple[Integers, Integers | None, Integers, Integers | None]


# ---- the definitions, one query at a time


def naive_kept(distance: Floats, labels: Labels, query: int) -> Integers:
    """The gallery that a query sees, nearest first."""
    query_ids, query_cameras, gallery_ids, gallery_cameras = labels
    order = np.argsort(distance[query], kind="stable")
    kept = gallery_ids[order] != -1
    if query_cameras is not None and gallery_cameras is not None:
        kept &= (gallery_ids[order] != query_ids[query]) | (gallery_cameras[order] != query_cameras[query])
    seen: Integers = order[kept]
    return seen


def naive(distance: Floats, labels: Labels, top_k: int) -> dict[str, Any] | None:
    """The figures from the definitions; None where no query has a match."""
    steps, trapezoids, penalties = [], [], []
    cmc = np.zeros(top_k)
    for query, identity in enumerate(labels[0]):
        hits = labels[2][naive_kept(distance, labels, query)] == identity
        if not hits.any():
            continue
        positions = np.flatnonzero(hits)
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        recall = np.cumsum(hits) / hits.sum()
        steps.append(precision[positions].mean())
        end = positions[-1] + 1
        heights, widths = np.array([1.0, *precision[:end]]), np.diff([0.0, *recall[:end]])
        trapezoids.append((widths * (heights[1:] + heights[:-1]) / 2).sum())
        penalties.append(len(positions) / end)
        cmc[positions[0] :] += 1
    if not steps:
        return None
    return {
        "mAP": np.mean(steps),
        "mAP_trapezoid": np.mean(trapezoids),
        "mINP": np.mean(penalties),
        "cmc": cmc / len(steps),
        "queries": len(steps),
        "queries_without_match": len(labels[0]) - len(steps),
    }


def assert_same(result: RankingResult, expected: dict[str, Any], tolerance: float = 1e-12) -> None:
    for name, value in expected.items():
        if isinstance(value, str):
            assert getattr(result, name) == value
            continue
        np.testing.assert_allclose(getattr(result, name), value, rtol=0, atol=tolerance, err_msg=name)


# ---- random cases


@st.composite
def labelled(draw: st.DrawFn) -> Labels:
    """Labels with junk, distractors, queries without match, and sometimes no cameras."""
    queries, gallery = draw(st.integers(1, 7)), draw(st.integers(1, 14))

    def numbers(size: int, low: int, high: int) -> Integers:
        return np.array(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)), dtype=np.int64)

    cameras = draw(st.booleans())
    return (
        numbers(queries, 1, 4),
        numbers(queries, 1, 2) if cameras else None,
        numbers(gallery, -1, 4),
        numbers(gallery, 1, 2) if cameras else None,
    )


def rows(seed: int, count: int, choices: list[list[int]]) -> Floats:
    """Features drawn from a few, so that many distances are equal."""
    return np.array(choices, dtype=np.float64)[np.random.default_rng(seed).integers(0, len(choices), count)]


EXACT = [[0, 0, 0, 0], [1, 0, 0, 0], [0, -2, 0, 0], [1, 1, 1, 1], [1, -1, 1, 1], [-1, 1, -1, 1], [2, 2, -2, 2], [0, 0, 4, 0]]
"""Features whose cosines and differences hold no rounding: their lengths are powers of two."""


def check(result_of: Any, distance: Floats, labels: Labels) -> None:
    expected = naive(distance, labels, top_k=6)
    if expected is None:
        with pytest.raises(ValueError, match=r"has a match|all of its .* junk"):
            result_of()
    else:
        assert_same(result_of(), expected)


@given(labels=labelled(), seed=st.integers(0, 99), block=st.sampled_from([None, 1, 2, 3, 100]), dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=80)
def test_given_distances_with_many_ties(labels: Labels, seed: int, block: int | None, dtype: str) -> None:
    given_distances = np.random.default_rng(seed).integers(-2, 3, (len(labels[0]), len(labels[2]))).astype(dtype)
    before = given_distances.copy()
    check(lambda: evaluate_distances(given_distances, *labels, top_k=6, block=block), given_distances, labels)
    with patch.object(matches, "COUNTED_AT_ONCE", 30), patch.object(matches, "KEYS", 4):  # parts of the rows, many images for each key
        check(lambda: evaluate_distances(given_distances, *labels, top_k=6, block=block), given_distances, labels)
    np.testing.assert_array_equal(given_distances, before)


@given(
    labels=labelled(),
    seed=st.integers(0, 99),
    block=st.sampled_from([None, 1, 2]),
    dtype=st.sampled_from(["f2", "f4", "f8"]),
    as_tensor=st.booleans(),
)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@settings(max_examples=60)
def test_features_with_many_ties(metric: Metric, *, labels: Labels, seed: int, block: int | None, dtype: str, as_tensor: bool) -> None:
    query, gallery = rows(seed, len(labels[0]), EXACT), rows(seed + 100, len(labels[2]), EXACT)
    if metric == "euclidean":
        expected = np.sqrt(((query[:, None] - gallery) ** 2).sum(2))
    else:
        lengths = [np.linalg.norm(side, axis=1, keepdims=True) for side in (query, gallery)]
        expected = 1 - (query / np.maximum(lengths[0], 1e-9)) @ (gallery / np.maximum(lengths[1], 1e-9)).T
    query_in, gallery_in = query.astype(dtype), gallery.astype(dtype)
    query_ids, query_cameras, gallery_ids, gallery_cameras = labels
    check(
        lambda: evaluate(
            torch.from_numpy(query_in) if as_tensor else query_in,
            torch.from_numpy(query_ids) if as_tensor else query_ids.tolist(),
            query_cameras,
            torch.from_numpy(gallery_in) if as_tensor else gallery_in,
            gallery_ids,
            gallery_cameras,
            metric=metric,
            top_k=6,
            block=block,
        ),
        expected,
        labels,
    )


@given(labels=labelled(), seed=st.integers(0, 99), widest=st.sampled_from([1.0, 1e3, 1e300]))
@settings(max_examples=60)
def test_distances_far_closer_than_their_range(labels: Labels, seed: int, widest: float) -> None:
    close = np.array([0, 1e-9, 2e-9, 2e-9, 1, 1 + 1e-9, -widest, widest])
    given_distances = np.random.default_rng(seed).choice(close, (len(labels[0]), len(labels[2])))
    check(lambda: evaluate_distances(given_distances, *labels, top_k=6), given_distances, labels)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_random_features(metric: Metric) -> None:
    case = random_case()
    labels = (*case[1:3], *case[4:])
    ours = evaluate(*case, metric=metric)
    expected = naive(distances(case[0], case[3], metric).numpy(), labels, 50)
    assert expected is not None
    assert_same(ours, expected)
    assert ours.camera_rule == "applied"
    single = evaluate(*(array.astype(np.float32) if array.dtype.kind == "f" else array for array in case), metric=metric)
    assert_same(single, expected, tolerance=1e-3)
    for block in (1, 7, 40, 1000):
        assert_same(evaluate(*case, metric=metric, block=block), ours.to_dict())


def test_parts_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case()
    expected = evaluate(*case)
    monkeypatch.setattr(matches, "COUNTED_AT_ONCE", 500)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 20_000)
    assert_same(evaluate(*case), expected.to_dict())


@given(labels=labelled(), seed=st.integers(0, 99), block=st.integers(1, 8), metric=st.sampled_from(["cosine", "euclidean"]))
@settings(max_examples=60)
def test_the_block_size_changes_nothing(labels: Labels, seed: int, block: int, metric: Metric) -> None:
    """Not a bit, where distances hold no rounding: ties are everywhere."""
    query, gallery = (rows(number, len(side), EXACT).astype(np.float32) for number, side in ((seed, labels[0]), (seed + 100, labels[2])))
    assume(naive(np.zeros((len(query), len(gallery))), labels, 1) is not None)
    case = (query, *labels[:2], gallery, *labels[2:])
    whole = evaluate(*case, metric=metric, top_k=6)
    assert evaluate(*case, metric=metric, top_k=6, block=block).to_dict() == whole.to_dict()


@given(seed=st.integers(0, 10_000), dimensions=st.sampled_from([8, 64, 300]), block=st.sampled_from([None, 1, 3]))
@settings(max_examples=40)
def test_single_precision_is_as_good_as_double_but_for_ties(seed: int, dimensions: int, block: int | None) -> None:
    generator = np.random.default_rng(seed)
    query, gallery = (generator.normal(size=(size, dimensions)).astype(np.float32) for size in (6, 40))
    labels: Labels = (np.arange(1, 7), None, generator.integers(1, 7, 40), None)
    distance = distances(query.astype(np.float64), gallery.astype(np.float64)).numpy()
    apart = np.diff(np.sort(distance, axis=1), axis=1)
    assume(apart.min() > 2e-6)
    expected = naive(distance, labels, 50)
    assume(expected is not None and expected["queries"] == 6)
    assert expected is not None
    assert_same(evaluate(query, *labels[:2], gallery, *labels[2:], block=block), expected)


def test_junk_costs_no_copy_and_is_never_ranked() -> None:
    case = random_case()
    labels: Labels = (case[1], case[2], case[4], case[5])
    junk = case[4] == -1
    assert junk.any()
    nearer = case[3].copy()
    nearer[junk] = case[0][0]  # as near as can be
    expected = evaluate(*(np.delete(side, np.flatnonzero(junk), axis=0) if len(side) == len(junk) else side for side in case))
    assert_same(evaluate(case[0], *labels[:2], nearer, *labels[2:]), expected.to_dict())
    assert expected.gallery == (~junk).sum()


def test_cameras_change_the_figures_only_where_they_are_known() -> None:
    query, ids, cameras, gallery, gallery_ids, gallery_cameras = random_case()
    without = evaluate(query, ids, None, gallery, gallery_ids, None)
    assert without.camera_rule == "not applied: no camera ids"
    assert without.mAP != evaluate(query, ids, cameras, gallery, gallery_ids, gallery_cameras).mAP
    apart = evaluate(query, ids, np.zeros_like(cameras), gallery, gallery_ids, gallery_cameras)
    assert replace(apart, camera_rule=without.camera_rule).to_dict() == without.to_dict()


def test_average_precision_of_a_known_ranking() -> None:
    result = evaluate_distances(np.arange(5.0)[None], [3], None, [1, 3, 1, 3, 0], None, top_k=3)
    assert result.mAP == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert result.mAP_trapezoid == pytest.approx(((0 + 1 / 2) / 2 + (1 / 3 + 2 / 4) / 2) / 2)
    assert result.mINP == 2 / 4
    assert result.cmc.tolist() == [0, 1, 1]


# ---- single gallery shot


def test_single_shot_is_the_cmc_where_every_identity_has_one_image() -> None:
    generator = np.random.default_rng(1)
    given_distances = generator.normal(size=(30, 20))
    ids = generator.integers(1, 21, 30)
    whole = evaluate_distances(given_distances, ids, None, np.arange(1, 21), None)
    shots = evaluate_distances(given_distances, ids, None, np.arange(1, 21), None, single_gallery_shot=True, repeats=3)
    np.testing.assert_allclose(shots.cmc, whole.cmc, atol=1e-12)


def test_single_shot_has_the_expectation_of_a_draw_per_query() -> None:
    case = random_case(queries=60, gallery=120)
    labels: Labels = (case[1], case[2], case[4], case[5])
    distance = distances(case[0], case[3]).numpy()
    generator, repeats = np.random.default_rng(2), 100
    cmc, drawn = np.zeros(12), 0
    for query, identity in enumerate(labels[0]):
        seen = naive_kept(distance, labels, query)
        if identity not in labels[2][seen]:
            continue
        for _ in range(repeats):
            chosen = {int(i): generator.choice(np.flatnonzero(labels[2][seen] == i)) for i in np.unique(labels[2][seen])}
            cmc[sum(index < chosen[int(identity)] for index in chosen.values()) :] += 1
            drawn += 1
    ours = evaluate(*case, single_gallery_shot=True, repeats=400, top_k=12)
    np.testing.assert_allclose(ours.cmc, cmc / drawn, atol=0.02)
    assert ours.mAP == evaluate(*case).mAP


def test_single_shot_depends_on_the_seed_alone() -> None:
    case = random_case()
    first = evaluate(*case, single_gallery_shot=True, seed=4)
    assert first.cmc.tolist() == evaluate(*case, single_gallery_shot=True, seed=4, block=3).cmc.tolist()
    assert first.cmc.tolist() != evaluate(*case, single_gallery_shot=True, seed=5).cmc.tolist()
    assert first.cmc_gallery == "one random image per identity, 10 times"


# ---- another evaluator


def test_agrees_with_other_evaluators(reference: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    (query, query_ids, query_cameras, gallery, gallery_ids, gallery_cameras), expected = reference
    labels = (query_ids, query_cameras, gallery_ids, gallery_cameras)
    result = evaluate(query.astype(np.float64), query_ids, query_cameras, gallery.astype(np.float64), gallery_ids, gallery_cameras)
    for evaluator in (
        "torchreid-0.2.5 evaluate_rank (Market-1501 metric)",
        "microsoft RGA ranking.py (cmc first_match_break=True; sklearn AP)",
    ):
        assert result.mAP == pytest.approx(expected[evaluator]["mAP"], abs=1e-9)
        np.testing.assert_allclose(result.cmc, expected[evaluator]["cmc1_50"], atol=1e-6)
    ours = naive(distances(query.astype(np.float64), gallery.astype(np.float64)).numpy(), labels, 50)
    assert ours is not None
    assert_same(result, ours)
    assert (result.queries, result.queries_without_match, result.gallery) == (832, 0, 3200)
    half = evaluate(query, query_ids, query_cameras, gallery, gallery_ids, gallery_cameras)
    assert half.mAP == pytest.approx(result.mAP, abs=1e-5)


def test_single_shot_agrees_with_another_evaluator(reference: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    case, expected = reference
    result = evaluate(*case, single_gallery_shot=True, repeats=20)
    np.testing.assert_allclose(
        result.cmc[:20], expected["torchreid-0.2.5 eval_cuhk03 (single-shot, RANDOM seed 0, 10 repeats)"]["cmc1_20"], atol=0.015
    )


# ---- distances
