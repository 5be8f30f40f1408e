"""A map cut into horizontal stripes, and what becomes of each.

Where the rows do not divide evenly, stripe i of n has the rows from floor(i H / n) to ceil((i + 1) H / n), as adaptive pooling does it, so
that neighbours share a row.
"""

from __future__ import annotations

from torch import Tensor

from rga.errors import InputError


def rows_of(stripe: int, stripes: int, height: int) -> tuple[int, int]:
    """The first row of a stripe and the row behind its last one.

    Example:
        >>> [rows_of(stripe, 6, 24) for stripe in range(2)], [rows_of(stripe, 3, 8) for stripe in range(3)]
        ([(0, 4), (4, 8)], [(0, 3), (2, 6), (5, 8)])
    """
    return stripe * height // stripes, -(-(stripe + 1) * height // stripes)


def cut(maps: Tensor, stripes: int) -> list[Tensor]:
    """The stripes of maps (B, C, H, W) from top to bottom, (B, C, h, W) each.

    Example:
        >>> import torch
        >>> [tuple(stripe.shape) for stripe in cut(torch.rand(2, 5, 8, 4), 2)]
        [(2, 5, 4, 4), (2, 5, 4, 4)]
    """
    return [maps[:, :, first:end] for first, end in (rows_of(stripe, stripes, maps.shape[2]) for stripe in range(stripes))]


def mean(maps: Tensor) -> Tensor:
    """The mean over all positions, (B, C, H, W) -> (B, C)."""
    return maps.mean((2, 3))


def maximum(maps: Tensor) -> Tensor:
    """The maximum over all positions, (B, C, H, W) -> (B, C)."""
    return maps.amax((2, 3))


def mean_and_maximum(maps: Tensor) -> Tensor:
    """The sum of mean and maximum over all positions, (B, C, H, W) -> (B, C)."""
    return mean(maps) + maximum(maps)


def names_of(stripes: int) -> list[str]:
    """The names of the stripes of a map in features and weights, from top to bottom.

    Example:
        >>> names_of(2)
        ['1_of_2', '2_of_2']
    """
    return [f"{stripe + 1}_of_{stripes}" for stripe in range(stripes)]


def check_stripes(stripes: int, height: int) -> None:
    """Refuses to cut a map into more stripes than it has rows.

    Raises:
        InputError: it has fewer rows.
    """
    if not 1 <= stripes <= height:
        raise InputError(
            f"a map of {height} rows cannot be cut into {stripes} parts: choose parts from 1 to {height}, larger images (image_size), or "
            "last_stride 1"
        )
