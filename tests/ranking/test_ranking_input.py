"""What the evaluation takes: distances, arrays of any kind, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from cases import random_case

from rga.ranking.distances import distances
from rga.ranking.evaluation import evaluate, evaluate_distances

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]
Labels = tuple[Integers, Integers | None, Integers, Integers | None]


def test_distances() -> None:
    generator = np.random.default_rng(0)
    query, gallery = generator.normal(size=(5, 8)), generator.normal(size=(9, 8))
    expected = np.linalg.norm(query[:, None] - gallery, axis=2)
    np.testing.assert_allclose(distances(query, gallery, "euclidean"), expected, atol=1e-12)
    similarity = (query @ gallery.T) / np.outer(np.linalg.norm(query, axis=1), np.linalg.norm(gallery, axis=1))
    np.testing.assert_allclose(distances(query, gallery, "cosine"), 1 - similarity, atol=1e-12)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        assert distances(torch.from_numpy(query).to(dtype), torch.from_numpy(gallery).to(dtype)).dtype == torch.float32
    assert distances(query, gallery.astype(np.float32)).dtype == torch.float64


def test_cosine_holds_over_the_whole_range_of_float32() -> None:
    directions = np.array([[3.0, 4.0], [4.0, 3.0]])
    for scale in (1e-30, 1e-20, 1e20, 1e30):
        scaled = (scale * directions).astype(np.float32)
        np.testing.assert_allclose(distances(scaled, scaled), [[0, 0.04], [0.04, 0]], atol=1e-6)


def test_read_only_and_transposed_arrays_are_read() -> None:
    query, ids, cameras, gallery, gallery_ids, gallery_cameras = random_case()
    expected = evaluate(query, ids, cameras, gallery, gallery_ids, gallery_cameras)
    query.setflags(write=False)
    transposed = np.ascontiguousarray(gallery.T).T
    assert evaluate(query, ids, cameras, transposed, gallery_ids, gallery_cameras).to_dict() == expected.to_dict()


def test_a_feature_of_length_zero_resembles_nothing() -> None:
    zero, some = np.zeros((1, 2), np.float32), np.array([[1.0, 0], [0, 0], [-1, 0]], np.float32)
    assert distances(zero, some).tolist() == [[1, 1, 1]]
    assert distances(some, zero).tolist() == [[1], [1], [1]]
    result = evaluate(zero, [1], None, some, [2, 1, 1], None)
    assert result.cmc[:2].tolist() == [0, 1]


# ---- the result


def test_the_result_is_json_and_readable() -> None:
    result = evaluate(*random_case())
    assert json.loads(json.dumps(result.to_dict()))["cmc"] == result.cmc.tolist()
    assert f"mAP {result.mAP:.1%}" in str(result)
    with pytest.raises(ValueError, match="read-only"):
        result.cmc[0] = 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mAP": 1.5}, "mAP must be within"),
        ({"mINP": float("nan")}, "mINP must be within"),
        ({"cmc": np.array([0.5, 0.4])}, "cmc must rise"),
        ({"cmc": np.ones((1, 2))}, "one curve"),
        ({"queries": 0}, "queries=0"),
    ],
)
def test_the_result_checks_itself(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(evaluate(*random_case()), **changes)


# ---- wrong input


def spoilt(name: str, value: Any) -> dict[str, Any]:
    names = ("query_features", "query_ids", "query_cameras", "gallery_features", "gallery_ids", "gallery_cameras")
    return {**dict(zip(names, random_case(), strict=True)), name: value}


def with_value(value: float, row: int, side: int = 0) -> Floats:
    features: Floats = random_case()[side].copy()
    features[row, 3] = value
    return features


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("query_features", with_value(np.nan, 5), "query features: row 5 holds NaN or infinity"),
        ("gallery_features", with_value(np.inf, 7, side=3), "gallery features: row 7 holds NaN or infinity"),
        ("gallery_features", with_value(1e300, 7, side=3), "gallery features: row 7 is too long"),
        ("query_features", np.ones((40, 15)), "query features have 15 dimensions, gallery features 16"),
        ("query_features", np.ones(40), "query features must be a matrix"),
        ("query_features", np.ones((40, 16), np.int64), "query features must be floating-point"),
        ("query_features", np.ones((0, 16)), "query features are empty"),
        ("gallery_features", np.ones((0, 16)), "gallery features are empty"),
        ("gallery_features", np.ones((149, 16)), r"gallery identities must be one number per image, \(149,\), got the shape \(150,\)"),
        ("query_ids", np.ones(39, np.int64), r"query identities must be one number per image, \(40,\)"),
        ("query_ids", np.ones(40), "query identities must be integers, got float64"),
        ("query_cameras", np.ones(39, np.int64), "query cameras must be one number per image"),
        ("query_cameras", None, "query cameras are missing"),
        ("gallery_cameras", None, "gallery cameras are missing"),
        ("query_ids", np.arange(40) % 7, "query identities must be 1 or more, got 0 .6 of 40 such.*add 1 to the identities of both"),
        ("query_ids", np.full(40, -1), "query identities must be 1 or more, got -1"),
        ("gallery_ids", np.full(150, -2), "gallery identities must be -1 or more, got -2 .150 of 150 such.*-1 is junk"),
        ("gallery_ids", np.full(150, -1), "all of its 150 images are junk"),
        ("gallery_ids", np.full(150, 99), "none of the 40 queries has a match"),
        ("gallery_ids", np.zeros(150, np.int64), "none of the 40 queries has a match"),
        ("metric", "hamming", "unknown metric 'hamming': choose one of cosine, euclidean"),
        ("top_k", 0, "top_k must be at least 1"),
        ("block", 0, "block must be at least 1"),
    ],
)
def test_wrong_input(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(**spoilt(name, value))


def test_wrong_input_elsewhere() -> None:
    with pytest.raises(ValueError, match="distances hold NaN or infinity"):
        evaluate_distances(np.array([[1.0, np.inf]]), [1], None, [1, 2], None)
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        evaluate(*random_case(), single_gallery_shot=True, repeats=0)
    with pytest.raises(ValueError, match="too long"):
        distances(np.full((1, 4), 1e19, np.float32), np.full((1, 4), 1e19, np.float32), "euclidean")
