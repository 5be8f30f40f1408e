"""Ranking and re-ranking against golden metrics: those of ``golden/make_golden.py``, from the papers, and those of torchreid 0.2.5."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.ranking.evaluation import evaluate, evaluate_distances
from rga.ranking.metric import Metric
from rga.ranking.rerank.reranking import rerank
from rga.ranking.result import RankingResult

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    """Features and labels."""
    with np.load(GOLDEN / "features.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """The metrics from the papers."""
    found: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
    return found


@pytest.fixture(scope="module")
def torchreid() -> dict[str, Any]:
    """The metrics of torchreid."""
    found: dict[str, Any] = json.loads((GOLDEN / "torchreid.json").read_text())
    return found


def labels_of(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in ("query_ids", "query_cameras", "gallery_ids", "gallery_cameras")}


def ranked(stored: dict[str, Any], metric: Metric, dtype: type, **options: Any) -> RankingResult:
    features = {name: stored[name].astype(dtype) for name in ("query_features", "gallery_features")}
    return evaluate(**features, **labels_of(stored), metric=metric, **options)


def reranked(stored: dict[str, Any], expected: dict[str, Any], metric: Metric, dtype: type) -> Any:
    query, gallery = (stored[f"{side}_features"].astype(dtype) for side in ("query", "gallery"))
    return rerank(query, gallery, **expected["reranking"], metric=metric)


def assert_equal(result: RankingResult, golden: dict[str, Any], tolerance: float) -> None:
    for name, value in golden.items():
        if name != "first_row":
            np.testing.assert_allclose(getattr(result, name), value, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-12)])
@pytest.mark.parametrize("block", [None, 7])
def test_ranking(
    stored: dict[str, Any], expected: dict[str, Any], metric: Metric, dtype: type, tolerance: float, block: int | None
) -> None:
    """No two distances of a query are so close that single precision could exchange them."""
    assert_equal(ranked(stored, metric, dtype, block=block), expected[metric], tolerance)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_re_ranking(stored: dict[str, Any], expected: dict[str, Any], metric: Metric, dtype: type, tolerance: float) -> None:
    golden = expected[f"{metric}, re-ranked"]
    distances = reranked(stored, expected, metric, dtype)
    np.testing.assert_allclose(np.asarray(distances)[0], golden["first_row"], rtol=0, atol=max(tolerance, 1e-9))
    assert_equal(evaluate_distances(distances, **labels_of(stored)), golden, max(tolerance, 1e-12))


def test_torchreid_agrees(stored: dict[str, Any], expected: dict[str, Any], torchreid: dict[str, Any]) -> None:
    result = ranked(stored, "cosine", np.float64)
    assert result.mAP == pytest.approx(torchreid["cosine"]["mAP"], abs=1e-9)
    np.testing.assert_allclose(result.cmc, torchreid["cosine"]["cmc"], rtol=0, atol=1e-6)
    golden = torchreid["cosine, re-ranked without junk"]
    kept = stored["gallery_ids"] != -1
    without = {name: values[kept] if name.startswith("gallery") else values for name, values in stored.items()}
    result = evaluate_distances(reranked(without, expected, "cosine", np.float64), **labels_of(without))
    assert result.mAP == pytest.approx(golden["mAP"], abs=1e-5)
    np.testing.assert_allclose(result.cmc, golden["cmc"], rtol=0, atol=1e-6)


def test_the_golden_metrics_tell_rules_apart(stored: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each rule changes the metrics of these features, so that the goldens would see its loss."""
    golden = expected["cosine"]
    assert golden["queries_without_match"] > 0
    assert {-1, 0} < set(stored["gallery_ids"].tolist())
    assert len({round(golden[name], 6) for name in ("mAP", "mAP_trapezoid", "mINP")}) == 3
    without_cameras = {**stored, "query_cameras": None, "gallery_cameras": None}
    counted_junk = {**stored, "gallery_ids": np.where(stored["gallery_ids"] == -1, 0, stored["gallery_ids"])}
    for changed in (without_cameras, counted_junk):
        assert abs(ranked(changed, "cosine", np.float64).mAP - golden["mAP"]) > 1e-3


@pytest.mark.slow
def test_the_script_makes_the_golden_metrics(stored: dict[str, Any], expected: dict[str, Any]) -> None:
    spec = importlib.util.spec_from_file_location("make_golden", GOLDEN / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = script.expected_metrics(stored)
    assert made.keys() == expected.keys()
    for name, golden in expected.items():
        assert made[name].keys() == golden.keys()
        for metric, value in golden.items():
            np.testing.assert_allclose(made[name][metric], value, rtol=0, atol=1e-9, err_msg=f"{name}: {metric}")
