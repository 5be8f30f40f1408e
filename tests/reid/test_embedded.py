"""How features are compared: the options, and that they do what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rga.ranking.blocks import DistanceRows
from rga.ranking.distances import distances
from rga.reid import augment_gallery, expand_queries, rerank
from rga.reid.comparison import Comparison
from rga.reid.embedded import Embedded


@pytest.fixture
def embedded() -> Embedded:
    generator = np.random.default_rng(0)
    ids = generator.integers(1, 5, 40)
    rows = (generator.normal(size=(40, 8)) + 2 * np.eye(8)[ids]).astype(np.float32)
    return Embedded(rows[:10], ids[:10], None, rows[10:], ids[10:], None)


def dense(rows: DistanceRows) -> torch.Tensor:
    return rows.fill(slice(0, rows.shape[0]), torch.empty(rows.shape))


def test_plain_cosine(embedded: Embedded) -> None:
    comparison = Comparison()
    assert comparison.plain
    assert comparison.name == "cosine"
    torch.testing.assert_close(dense(comparison.distances(embedded)), distances(embedded.query, embedded.gallery))


def test_re_ranking(embedded: Embedded) -> None:
    comparison = Comparison(rerank=True, k1=5, lambda_=0.5)
    expected = np.asarray(rerank(embedded.query, embedded.gallery, 5, 6, 0.5))
    np.testing.assert_allclose(dense(comparison.distances(embedded)), expected, atol=1e-6)
    assert comparison.name == "cosine, re-ranked (k1 5, k2 6, lambda 0.5)"
    assert not comparison.plain


def test_expansion_of_the_gallery_comes_first(embedded: Embedded) -> None:
    comparison = Comparison(expand_queries=3, expand_gallery=2, alpha=1)
    gallery = augment_gallery(embedded.gallery, 2, 1)
    expected = distances(expand_queries(embedded.query, gallery, 3, 1), gallery)
    torch.testing.assert_close(dense(comparison.distances(embedded)), expected)
    assert comparison.name == "cosine, gallery expanded by 2 (alpha 1), queries expanded by 3 (alpha 1)"
    assert not comparison.plain


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": 20}, "k1 is an option of re-ranking"),
        ({"lambda_": 0.0}, "lambda is an option of re-ranking"),
        ({"alpha": 3.0, "rerank": True}, "alpha is an option of expansion"),
        ({"expand_queries": -1}, "expand-queries must not be negative"),
    ],
)
def test_options_that_would_do_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Comparison(**options)
