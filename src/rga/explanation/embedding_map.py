"""Features of images as points of a plane: by principal components always, by UMAP where it is installed.

UMAP: McInnes, Healy, Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction" (arXiv 1802.03426). Principal
components keep distances as far as a plane can; UMAP keeps neighbours, and its distances between groups mean nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.errors import InputError
from rga.extras import is_installed, require


def principal_components(features: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """The first two principal components of features of length 1, whose distances are those of the cosine.

    Args:
        features: (n, D), of any length, at least two.

    Returns:
        (n, 2), and the share of the variance that they keep.

    Raises:
        InputError: there are fewer than two features, or they are not finite.

    Example:
        >>> points, kept = principal_components(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]))
        >>> points.shape, round(kept, 3)
        ((3, 2), 1.0)
    """
    if features.ndim != 2 or len(features) < 2:
        raise InputError(f"a map needs at least two features, one row each; got the shape {features.shape}")
    if not np.isfinite(features).all():
        raise InputError("features hold NaN or infinity: the model's weights are those of a training that diverged, or damaged")
    wide = features.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = wide / np.where(lengths > 0, lengths, 1)
    centred = unit - unit.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(features), 2))
    kept = min(2, len(sizes))
    points[:, :kept] = left[:, :kept] * sizes[:kept]
    for axis in range(kept):  # the sign is nobody's choice: the first of the largest numbers is positive, to the last rounding
        amounts = np.abs(points[:, axis])
        points[:, axis] *= np.sign(points[(amounts >= (1 - 1e-9) * amounts.max()).argmax(), axis]) or 1
    total = float(np.square(sizes).sum())
    return points, float(np.square(sizes[:2]).sum()) / total if total > 0 else 1.0


def has_umap() -> bool:
    """Whether UMAP is installed."""
    return is_installed("umap")


def umap_points(features: NDArray[np.floating], seed: int = 0) -> NDArray[np.float64]:
    """Features (n, D) as points (n, 2) whose neighbours are those by cosine.

    Raises:
        MissingPackageError: umap-learn is not installed.
    """
    require("umap")
    from umap import UMAP  # noqa: PLC0415  an optional dependency, slow to import

    reducer: Any = UMAP(n_components=2, metric="cosine", n_neighbors=max(2, min(15, len(features) - 1)), random_state=seed, n_jobs=1)
    points: NDArray[np.float64] = np.asarray(reducer.fit_transform(features), np.float64)
    return points
