"""theta and phi in 8 bits: small enough for a page, and what the affinities lose by it is measured on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rga.explanation.relations import Relations

ROWS = 1024
"""Rows of the affinity that are looked at together."""


@dataclass(frozen=True)
class QuantisedRelations:
    """theta and phi of all nodes in whole numbers: R_ij is about the sum over d of weight_d theta_id phi_jd.

    Attributes:
        theta: (M, D'), of 8 bits: from 0 to 255, or from -127 to 127 where some are negative.
        phi: (M, D'), likewise.
        weight: of each feature, (D',).
        largest_error: the largest difference of an affinity, as a share of the largest affinity.
        mean_error: the root mean square difference, likewise.
    """

    theta: NDArray[Any]
    phi: NDArray[Any]
    weight: NDArray[np.float32]
    largest_error: float
    mean_error: float

    def affinities(self, nodes: slice) -> NDArray[np.float64]:
        """Rows of the affinity, (nodes, M)."""
        rows: NDArray[np.float64] = (self.theta[nodes] * self.weight.astype(np.float64)) @ self.phi.T.astype(np.float64)
        return rows


def quantise(relations: Relations) -> QuantisedRelations:
    """Rounds theta and phi to 8 bits, each feature by a scale of its own.

    Example:
        >>> theta, phi = np.float32([[1.0], [0.5]]), np.float32([[2.0], [0.0]])
        >>> quantised = quantise(Relations("spatial", "layer1", "spatial", (1, 2), theta, phi, np.float32([0.9, 0.8])))
        >>> quantised.theta.ravel().tolist(), quantised.phi.ravel().tolist(), round(quantised.largest_error, 4)
        ([255, 128], [255, 0], 0.002)
    """
    theta, theta_scale = rounded(relations.theta)
    phi, phi_scale = rounded(relations.phi)
    found = QuantisedRelations(theta, phi, (theta_scale * phi_scale).astype(np.float32), 0.0, 0.0)
    largest = worst = squares = 0.0
    count = len(relations.gates)
    for start in range(0, count, ROWS):
        nodes = slice(start, start + ROWS)
        exact = relations.theta[nodes].astype(np.float64) @ relations.phi.T.astype(np.float64)
        error = found.affinities(nodes) - exact
        largest = max(largest, float(np.abs(exact).max()))
        worst = max(worst, float(np.abs(error).max()))
        squares += float(np.square(error).sum())
    scale = largest or 1.0
    return QuantisedRelations(found.theta, found.phi, found.weight, worst / scale, (squares / count**2) ** 0.5 / scale)


def rounded(values: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Numbers (M, D') as whole ones of 8 bits, and by how much those of each feature are to be multiplied, (D',)."""
    wide = values.astype(np.float64)
    signed = bool((wide < 0).any())
    scale = np.abs(wide).max(0) / (127 if signed else 255)
    whole = np.rint(wide / np.where(scale > 0, scale, 1))
    return whole.astype(np.int8 if signed else np.uint8), scale
