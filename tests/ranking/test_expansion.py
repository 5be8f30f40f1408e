"""Expansion against loops written from the definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from rga.ranking.rerank import expansion
from rga.reid import augment_gallery, expand_queries

Floats = npt.NDArray[np.float64]


def unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    directions: Floats = rows / np.where(lengths > 0, lengths, 1)
    return directions


def naive(image: Floats, others: Floats, k: int, alpha: float) -> Floats:
    """One image plus its k most similar others."""
    similarities = others @ image
    total = image.copy()
    for index in np.argsort(-similarities, kind="stable")[:k]:
        if similarities[index] > 0:
            total += similarities[index] ** alpha * others[index]
    return unit(total)


def features(images: int, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    rows: Floats = generator.normal(size=(images, 7)) * generator.uniform(0.1, 10, (images, 1))
    return rows


@pytest.mark.parametrize("alpha", [0, 1, 3.0])
@pytest.mark.parametrize("k", [1, 4, 100])
def test_queries(k: int, alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = features(9, 0), features(25, 1)
    expected = [naive(image, unit(gallery), k, alpha) for image in unit(query)]
    np.testing.assert_allclose(expand_queries(query, gallery, k, alpha), expected, atol=1e-12)
    monkeypatch.setattr(expansion, "GROUP_BYTES", 1)  # one at a time
    np.testing.assert_allclose(expand_queries(query, gallery, k, alpha), expected, atol=1e-12)
    single = expand_queries(query.astype(np.float32), torch.from_numpy(gallery.astype(np.float32)), k, alpha)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, atol=1e-5)


@pytest.mark.parametrize("alpha", [0, 3.0])
@pytest.mark.parametrize("k", [1, 4, 100])
def test_gallery(k: int, alpha: float) -> None:
    gallery = features(25, 1)
    expected = [naive(image, np.delete(unit(gallery), index, axis=0), k, alpha) for index, image in enumerate(unit(gallery))]
    np.testing.assert_allclose(augment_gallery(gallery, k, alpha), expected, atol=1e-12)


def test_no_neighbour_changes_nothing() -> None:
    apart = np.array([[2.0, 0], [-1.0, 0]])
    np.testing.assert_array_equal(augment_gallery(apart, 1), unit(apart))
    np.testing.assert_array_equal(expand_queries(apart[:1], apart[1:], 1, 0), unit(apart[:1]))


def test_a_feature_of_length_zero_stays_and_changes_nobody() -> None:
    gallery = features(10, 0)
    gallery[3] = 0
    for alpha in (0, 3):
        augmented = augment_gallery(gallery, 3, alpha).numpy()
        assert not augmented[3].any()
        without = augment_gallery(np.delete(gallery, 3, axis=0), 3, alpha).numpy()
        np.testing.assert_allclose(np.delete(augmented, 3, axis=0), without, atol=1e-12)
    assert not expand_queries(np.zeros((1, 7)), gallery, 3, 0).any()


def test_helps_where_images_are_noisy() -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(20, 32))
    query, gallery = (np.repeat(centres, each, 0) + 1.2 * generator.normal(size=(20 * each, 32)) for each in (2, 6))
    true = unit(np.repeat(centres, 2, 0))
    error = [np.linalg.norm(true - side, axis=1).mean() for side in (unit(query), expand_queries(query, gallery).numpy())]
    assert error[1] < 0.9 * error[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"alpha": -1}, "alpha must not be negative"),
        ({"alpha": float("nan")}, "alpha must not be negative"),
        ({"gallery_features": np.full((3, 7), np.inf)}, "gallery features: row 0 holds NaN or infinity"),
        ({"gallery_features": np.ones(3)}, "gallery features must be a matrix"),
        ({"gallery_features": np.ones((0, 7))}, "gallery features are empty"),
    ],
)
def test_wrong_input(changes: dict[str, Any], message: str) -> None:
    arguments = {"gallery_features": features(5, 0), **changes}
    with pytest.raises(ValueError, match=message):
        augment_gallery(**arguments)
    with pytest.raises(ValueError, match=message):
        expand_queries(features(2, 1), **arguments)
