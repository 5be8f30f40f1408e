"""Projections of features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rga.errors import InputError
from rga.explanation.embedding_map import has_umap, principal_components, umap_points


@settings(deadline=None, max_examples=30)
@given(arrays(np.float64, (12, 5), elements=st.floats(-10, 10)).filter(lambda each: np.linalg.norm(each, axis=1).min() > 1e-3))
def test_principal_components_are_the_directions_of_the_largest_variance(features: np.ndarray) -> None:
    points, kept = principal_components(features)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    variances, directions = np.linalg.eigh(np.cov(unit.T))
    expected = (unit - unit.mean(0)) @ directions[:, ::-1][:, :2]
    np.testing.assert_allclose(points.var(0), expected.var(0), rtol=1e-6, atol=1e-9)
    if variances.sum() > 1e-6:
        assert kept == pytest.approx(variances[-2:].sum() / variances.sum(), abs=1e-6)
    if np.diff(variances)[-2:].min() > 1e-3:  # otherwise the directions are anybody's choice
        again, _ = principal_components(7 * features)  # lengths do not count
        np.testing.assert_allclose(again, points, atol=1e-7)


def test_the_signs_do_not_hang_on_roundings() -> None:
    features = np.ones((12, 5))
    features[0, 0] = features[1, 2] = 2  # two numbers of the first component are equally large, and of opposite signs
    points, _ = principal_components(features)
    again, _ = principal_components(7 * features)
    np.testing.assert_allclose(again, points, atol=1e-9)
    assert points[0, 0] > 0 > points[1, 0]


def test_in_a_plane_distances_are_kept() -> None:
    angles = np.linspace(0, 5, 9)
    features = np.stack([np.cos(angles), np.sin(angles)], 1)
    points, kept = principal_components(features)
    assert kept == pytest.approx(1)
    np.testing.assert_allclose(
        np.linalg.norm(points[:, None] - points, axis=2), np.linalg.norm(features[:, None] - features, axis=2), atol=1e-12
    )


@pytest.mark.parametrize(
    ("features", "message"), [(np.ones((1, 3)), "at least two features"), (np.full((3, 2), np.nan), "NaN or infinity")], ids=["one", "NaN"]
)
def test_bad_features_are_refused(features: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        principal_components(features)


def test_equal_features_are_one_point() -> None:
    points, kept = principal_components(np.ones((4, 3)))
    np.testing.assert_allclose(points, 0, atol=1e-12)
    assert 0 <= kept <= 1


@pytest.mark.skipif(not has_umap(), reason="umap-learn is not installed")
def test_umap_keeps_groups_together() -> None:
    generator = np.random.default_rng(0)
    centres = np.eye(3, 8)
    features = np.repeat(centres, 20, 0) + 0.02 * generator.normal(size=(60, 8))
    points = umap_points(features)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    nearest = np.argsort(distances, axis=1)[:, 1]
    assert (nearest // 20 == np.arange(60) // 20).all()
