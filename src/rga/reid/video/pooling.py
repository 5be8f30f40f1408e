"""How the features of several frames become that of the tracklet.

``mean``, ``max`` and ``attention`` (weights of the frames that are learned) join the features of frames, (B, T, D) -> (B, D). ``sta`` is
the spatial-temporal attention of Fu, Wang, Wei, Huang, "STA: Spatial-Temporal Attention for Large-Scale Video-based Person
Re-Identification" (AAAI 2019, arXiv 1811.04129): it joins the last maps, of which each frame is scored part by part, without weights that
learn. Of the paper we have the scores and the fusion, and neither its further layer of 1,024 features nor its loss between frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from rga.arrays import check_count
from rga.attention.precision import in_float32
from rga.backbones.pooling import pooled_features
from rga.errors import InputError

TemporalPooling = Literal["mean", "max", "attention", "sta"]
"""Names of poolings over the frames of a tracklet."""

PARTS = 4
"""Horizontal parts of ``sta`` by default, as in the paper."""

HIDDEN = 128
"""Width between the two linear maps that weigh frames."""


class MeanOverFrames(nn.Module):
    """The mean of the features of all frames."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, D)."""
        return features.mean(1)


class MaxOverFrames(nn.Module):
    """The maximum of each feature over all frames."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, D)."""
        return features.amax(1)


class WeightedFrames(nn.Module):
    """A mean with weights that follow from the features: softmax over the frames of w . tanh(V f). It starts as the plain mean.

    Args:
        dimensions: D of the features.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimensions, HIDDEN)
        self.score = nn.Linear(HIDDEN, 1, bias=False)  # the same for all frames makes no difference
        nn.init.zeros_(self.score.weight)

    def weights(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, T), which sum to 1 over the frames."""
        scores: Tensor = self.score(torch.tanh(self.hidden(features)))  # (B, T, 1)
        return scores.squeeze(-1).softmax(1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, D)."""
        return (self.weights(features).unsqueeze(-1) * features).sum(1)


class SpatialTemporalFusion(nn.Module):
    """STA: maps of several frames -> two maps of the tracklet.

    Maps are divided into horizontal parts. Of each part the first map has that of the frame with the highest score, the second the mean of
    all frames, weighted by their scores.

    Args:
        parts: K, 4 in the paper; no more than the maps have rows.
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = check_count("sta_parts", parts)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, T, C, H, W) -> (B, 2, C, H, W).

        Raises:
            InputError: the maps have fewer rows than parts.
        """
        scores = part_scores(maps, self.parts).to(maps.dtype)  # (B, T, K)
        of_rows = part_of_rows(maps.shape[3], self.parts).to(maps.device)
        weights = scores[:, :, of_rows, None].unsqueeze(2)  # (B, T, K) -> (B, T, 1, H, 1)
        best = scores.argmax(1)[:, of_rows]  # (B, K) -> (B, H)
        chosen = nn.functional.one_hot(best, maps.shape[1]).mT.to(maps.dtype)[:, :, None, :, None]  # (B, H, T) -> (B, T, 1, H, 1)
        return torch.stack([(chosen * maps).sum(1), (weights * maps).sum(1)], 1)


@in_float32
def part_scores(maps: Tensor, parts: int) -> Tensor:
    """The scores of frames and horizontal parts (section 3.2 of STA), computed in float32 at least.

    The attention of a frame at a position is the sum of squares of its features there, divided by that of the whole frame. A part's score
    is the sum of its attention, divided by that of the same part in all frames.

    Args:
        maps: (B, T, C, H, W).
        parts: K.

    Returns:
        (B, T, K), which sum to 1 over the frames.

    Example:
        >>> maps = torch.tensor([[[2.0, 1.0], [1.0, 1.0]]]).sqrt().view(1, 2, 1, 2, 1)  # two frames of two rows
        >>> part_scores(maps, 2)[0]
        tensor([[0.5714, 0.4000],
                [0.4286, 0.6000]])
    """
    energy = maps.square().sum(2)  # (B, T, C, H, W) -> (B, T, H, W)
    smallest = torch.finfo(energy.dtype).tiny
    attention = energy / energy.sum((2, 3), keepdim=True).clamp(min=smallest)
    of_rows = part_of_rows(maps.shape[3], parts).to(maps.device)
    rows = attention.sum(3)  # (B, T, H)
    sums = rows.new_zeros(*rows.shape[:2], parts).index_add(2, of_rows, rows)  # (B, T, K)
    total = sums.sum(1, keepdim=True)
    equal = torch.full_like(sums, 1 / sums.shape[1])  # where no frame has anything
    return torch.where(total > 0, sums / total.clamp(min=smallest), equal)


def part_of_rows(rows: int, parts: int) -> Tensor:
    """Which part each row belongs to, (rows,); parts differ by one row at most.

    Raises:
        InputError: there are fewer rows than parts.

    Example:
        >>> part_of_rows(5, 2).tolist()
        [0, 0, 0, 1, 1]
    """
    if parts > rows:
        raise InputError(f"a map of {rows} rows cannot be divided into {parts} horizontal parts: lower sta_parts (--sta-parts) to {rows}")
    return torch.arange(rows) * parts // rows


def create_temporal_pooling(name: str, dimensions: int, parts: int) -> nn.Module:
    """A pooling over frames by its name.

    Args:
        name: one of ``TemporalPooling``.
        dimensions: of a frame's feature.
        parts: of ``sta``.

    Raises:
        InputError: there is no such pooling.
    """
    known: dict[str, Callable[[], nn.Module]] = {
        "mean": MeanOverFrames,
        "max": MaxOverFrames,
        "attention": lambda: WeightedFrames(dimensions),
        "sta": lambda: SpatialTemporalFusion(parts),
    }
    if name not in known:
        raise InputError(f"temporal_pooling is one of {', '.join(known)}, got {name!r}")
    return known[name]()


def tracklet_width(name: str, dimensions: int) -> int:
    """The width of a tracklet's feature; ``sta`` has those of two maps side by side."""
    return 2 * dimensions if name == "sta" else dimensions


def tracklet_features(backbone: nn.Module, pooling: nn.Module | None, temporal: nn.Module, images: Tensor) -> Tensor:
    """The features of tracklets.

    Args:
        backbone: computes the frames, all at once.
        pooling: of the last map; None for the backbone's own.
        temporal: from ``create_temporal_pooling``.
        images: (B, T, C, H, W), normalised.

    Returns:
        (B, D); of ``sta`` (B, 2 D).
    """
    frames = images.flatten(0, 1)  # (B, T, C, H, W) -> (B*T, C, H, W)
    if not isinstance(temporal, SpatialTemporalFusion):
        joined: Tensor = temporal(pooled_features(backbone, pooling, frames).unflatten(0, images.shape[:2]))
        return joined
    maps: Tensor = backbone.forward_features(frames).unflatten(0, images.shape[:2])  # type: ignore[operator]
    fused = temporal(maps).flatten(0, 1)  # (B, 2, C, H, W) -> (2 B, C, H, W)
    features: Tensor = backbone.forward_head(fused if pooling is None else pooling(fused))  # type: ignore[operator]
    both: Tensor = features.unflatten(0, (images.shape[0], 2)).flatten(1)  # (2 B, D) -> (B, 2 D)
    return both
