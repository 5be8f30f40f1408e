"""Distances between the features of queries and of a gallery.

Both metrics are one matrix product and what is elementwise around it, so that they can be computed in blocks of query rows, in place,
without a second copy of the gallery.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rga.arrays import check_dense, read_array
from rga.errors import InputError
from rga.ranking.metric import Metric

FeatureArray = npt.NDArray[np.floating[Any]] | Tensor

CHECK_BYTES = 32 * 2**20
"""Memory for the features that are checked at a time, in bytes."""


@dataclass(frozen=True)
class Features:
    """Checked features and their lengths.

    Attributes:
        rows: (images, dimensions), float32 or float64; or groups of images, (..., images, dimensions).
        norms: (images,), the Euclidean length of each row, float64; or (..., images).
    """

    rows: Tensor
    norms: Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.rows)

    def select(self, images: slice | Tensor) -> Features:
        """Some of the images."""
        return Features(self.rows[images], self.norms[images])

    def paired(self) -> Features:
        """Groups of one image each, (images, 1, dimensions): their distances to as many others are those of pairs, not of all to all."""
        return Features(self.rows[:, None], self.norms[:, None])


def distances(query_features: FeatureArray, gallery_features: FeatureArray, metric: Metric = "cosine") -> Tensor:
    """The distance of every query to every gallery image.

    Computed in float32, or in float64 where one of the two is float64, on the gallery's device. ``"cosine"`` is 1 - cosine similarity, in
    [0, 2] but for rounding; a feature of length 0 has similarity 0 to everything. ``"euclidean"`` is the length of the difference, from
    ``|q|^2 + |g|^2 - 2 q.g``: in float32 it tells features apart down to some 3e-4 of their length; pass float64 where that matters.

    Args:
        query_features: (queries, dimensions), a numpy array or a tensor.
        gallery_features: (gallery, dimensions), a numpy array or a tensor.
        metric: ``"cosine"`` or ``"euclidean"``.

    Returns:
        (queries, gallery).

    Raises:
        InputError: an unknown metric, an empty side, shapes that do not agree, or features that are not finite.

    Example:
        >>> distances(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        tensor([[0., 1.]])
        >>> distances(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]), metric="euclidean")
        tensor([[5.]])
    """
    query, gallery = read_features(query_features, gallery_features, metric)
    return METRICS[metric](query, gallery, gallery.rows.new_empty(len(query), len(gallery)))


def cosine(query: Features, gallery: Features, out: Tensor) -> Tensor:
    """Cosine distances into ``out`` (queries, gallery); the gallery is scaled after the product, which saves a normalised copy of it."""
    directions = query.rows * inverse(query.norms, out.dtype)[..., None]
    torch.matmul(directions, gallery.rows.mT, out=out)
    return torch.addcmul(out.new_ones(()), out, inverse(gallery.norms, out.dtype)[..., None, :], value=-1, out=out)


def euclidean(query: Features, gallery: Features, out: Tensor) -> Tensor:
    """Euclidean distances into ``out`` (queries, gallery)."""
    torch.matmul(query.rows * -2, gallery.rows.mT, out=out).add_(gallery.norms.square().to(out.dtype)[..., None, :])
    return out.add_(query.norms.square().to(out.dtype)[..., None]).clamp_(min=0).sqrt_()


METRICS: dict[Metric, Callable[[Features, Features, Tensor], Tensor]] = {"cosine": cosine, "euclidean": euclidean}
"""The metrics: name -> function(query, gallery, out) that fills ``out`` (queries, gallery); all three may have leading axes in common."""


def inverse(norms: Tensor, dtype: torch.dtype) -> Tensor:
    """1 / length, and 0 for what has no length in this precision."""
    return torch.where(norms > torch.finfo(dtype).tiny, 1 / norms, 0).to(dtype)


def read_features(query_features: FeatureArray, gallery_features: FeatureArray, metric: str) -> tuple[Features, Features]:
    """Query and gallery features in one precision on the gallery's device, checked.

    Raises:
        InputError: an unknown metric, an empty side, shapes that do not agree, or features that are not finite or too long for it.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        raise InputError(f"unknown metric {metric!r}: choose one of {', '.join(METRICS)}")
    query, gallery = as_matrix(query_features, "query features"), as_matrix(gallery_features, "gallery features")
    if query.shape[1] != gallery.shape[1]:
        raise InputError(
            f"query features have {query.shape[1]} dimensions, gallery features {gallery.shape[1]}: embed both with the same model"
        )
    dtype = torch.float64 if torch.float64 in (query.dtype, gallery.dtype) else torch.float32
    sides = []
    for side, rows in (("query", query), ("gallery", gallery)):
        sides.append(Features(rows.to(gallery.device, dtype), finite_norms(rows, side).to(gallery.device)))
    longest = sum(float(features.norms.max()) for features in sides)
    if (longest * longest if metric == "euclidean" else longest) > torch.finfo(dtype).max:
        raise InputError(f"features are too long for {dtype} (the longest two add up to {longest:.1e}): scale them down")
    return sides[0], sides[1]


def read_side(features: FeatureArray, side: str) -> Features:
    """The features of one side alone, in float32 or float64, checked.

    Raises:
        InputError: no features, a shape that is no matrix, or features that are not finite.
    """
    rows = as_matrix(features, f"{side} features")
    return Features(rows if rows.dtype == torch.float64 else rows.float(), finite_norms(rows, side))


def as_matrix(values: FeatureArray, name: str) -> Tensor:
    """A non-empty floating-point matrix as a tensor, without a copy where possible."""
    if isinstance(values, Tensor):
        check_dense(values, name)
        matrix = values.detach()
    else:
        array = read_array(values, name)
        array = array if array.flags.c_contiguous and min(array.strides, default=0) >= 0 else array.copy()
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise InputError(f"{name} must be floating-point numbers of 16, 32 or 64 bits, got {array.dtype}")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # it is only read
            matrix = torch.from_numpy(array)
    if not matrix.is_floating_point():
        raise InputError(f"{name} must be floating-point numbers, got {matrix.dtype}")
    if matrix.ndim != 2:
        raise InputError(f"{name} must be a matrix, one row per image, got the shape {tuple(matrix.shape)}")
    if 0 in matrix.shape:
        raise InputError(f"{name} are empty: got the shape {tuple(matrix.shape)}")
    return matrix


def finite_norms(rows: Tensor, side: str) -> Tensor:
    """The length of each row (images,) in float64.

    Raises:
        InputError: a row holds NaN or infinity, or is too long for float64.
    """
    step = max(1, CHECK_BYTES // (8 * rows.shape[1]))
    norms = torch.cat([torch.linalg.vector_norm(part, dim=1, dtype=torch.float64) for part in torch.split(rows, step)])
    bad = (~norms.isfinite()).nonzero().flatten()
    if len(bad):
        first = int(bad[0])
        what = "is too long for float64: scale the features down" if rows[first].isfinite().all() else "holds NaN or infinity"
        raise InputError(f"{side} features: row {first} {what} ({len(bad)} such rows of {len(rows)})")
    return norms
