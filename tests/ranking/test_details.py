"""The details of a ranking against loops, and the walk that gathers them all."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rga.ranking import examination
from rga.ranking.blocks import walk
from rga.ranking.details import RECALLS
from rga.ranking.examination import examine
from rga.reid import evaluate_distances, verify


def case(seed: int, queries: int = 25, gallery: int = 60) -> tuple[Any, list[Any]]:
    generator = np.random.default_rng(seed)
    labels: list[Any] = []
    for size, lowest in ((queries, 1), (gallery, -1)):
        labels += [generator.integers(lowest, 6, size), generator.integers(3, 6, size)]
    return generator.integers(0, 30, (queries, gallery)) / 4, labels


def hits_of(distances: Any, labels: list[Any], query: int, camera: int | None = None) -> Any:
    """Which of the images that a query sees are matches, nearest first; of one camera alone, if told so."""
    ids, cameras, gallery_ids, gallery_cameras = labels
    order = np.argsort(distances[query], kind="stable")
    same = gallery_ids[order] == ids[query]
    kept = (gallery_ids[order] != -1) & ~(same & (gallery_cameras[order] == cameras[query]))
    if camera is not None:
        kept &= gallery_cameras[order] == camera
    return same[kept]


def average_precision(hits: Any) -> float:
    indices = np.flatnonzero(hits)
    return float((np.arange(1, len(indices) + 1) / (indices + 1)).mean())


@given(seed=st.integers(0, 999), block=st.sampled_from([None, 1, 7]))
@settings(max_examples=25)
def test_every_query(seed: int, block: int | None) -> None:
    distances, labels = case(seed)
    details = examine(distances, *labels, block=block).details
    expected, precisions = [], []
    for query in range(len(distances)):
        hits = hits_of(distances, labels, query)
        if not hits.any():
            continue
        expected.append((query, average_precision(hits), np.flatnonzero(hits)[0] + 1, hits.sum()))
        precision, recall = hits.cumsum() / np.arange(1, len(hits) + 1), hits.cumsum() / hits.sum()
        precisions.append([precision[recall >= level / (RECALLS - 1) - 1e-12].max() for level in range(RECALLS)])
    found = zip(details.queries, details.average_precision, details.first_rank, details.matches, strict=True)
    np.testing.assert_allclose(list(found), expected, atol=1e-12)
    np.testing.assert_allclose(details.precision, np.mean(precisions, axis=0), atol=1e-12)
    worst = details.worst(5)
    assert details.average_precision[worst].tolist() == sorted(details.average_precision)[:5]
    best = details.best(5)
    assert details.average_precision[best].tolist() == sorted(details.average_precision, reverse=True)[:5]
    pairs = list(zip(details.average_precision[best], details.matches[best], strict=True))
    assert pairs == sorted(pairs, reverse=True)


@given(seed=st.integers(0, 999), block=st.sampled_from([None, 1, 7]))
@settings(max_examples=25)
def test_every_pair_of_cameras(seed: int, block: int | None) -> None:
    distances, labels = case(seed)
    cameras = examine(distances, *labels, block=block).cameras
    assert cameras is not None
    assert cameras.query_cameras.tolist() == sorted(set(labels[1].tolist()))
    for i, own in enumerate(cameras.query_cameras):
        for j, other in enumerate(cameras.gallery_cameras):
            lists = [hits_of(distances, labels, query, int(other)) for query in np.flatnonzero(labels[1] == own).tolist()]
            lists = [hits for hits in lists if hits.any()]
            assert cameras.queries[i, j] == len(lists)
            if lists:
                assert cameras.rank1[i, j] == pytest.approx(np.mean([hits[0] for hits in lists]))
                assert cameras.mAP[i, j] == pytest.approx(np.mean([average_precision(hits) for hits in lists]))
            else:
                assert np.isnan(cameras.rank1[i, j])
                assert np.isnan(cameras.mAP[i, j])
    assert not cameras.queries[cameras.query_cameras[:, None] == cameras.gallery_cameras].any()  # nobody is found by the own camera


def test_one_walk_finds_what_several_do() -> None:
    distances, labels = case(0)
    with patch.object(examination, "walk", wraps=walk) as walked:
        found = examine(distances, *labels, metric="made")
    assert walked.call_count == 1
    assert found.result.to_dict() == evaluate_distances(distances, *labels, metric="made").to_dict()
    assert found.pairs.to_dict() == verify(distances, *labels).to_dict()
    assert found.details.average_precision.mean() == pytest.approx(found.result.mAP)


def test_json_names_the_worst() -> None:
    distances, labels = case(0)
    found = examine(distances, *labels)
    names = [f"{number}.jpg" for number in range(len(distances))]
    told = json.loads(json.dumps(found.to_dict(names)))
    worst = told["worst_queries"][0]
    assert worst["average_precision"] == found.details.average_precision.min()
    assert worst["query"] == names[found.details.queries[found.details.average_precision.argmin()]]
    assert told["cameras"]["3 -> 4"]["queries"] > 0
    assert "3 -> 3" not in told["cameras"]
    assert told["precision_at_recall"]["0.5"] == found.details.precision[50]


def test_without_cameras() -> None:
    distances, labels = case(0)
    found = examine(distances, labels[0], None, labels[2], None)
    assert found.cameras is None
    assert found.to_dict([""] * len(distances))["cameras"] is None
