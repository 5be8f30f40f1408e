"""The distance up to which an image is taken for somebody in a gallery, as it is kept with a model; ``calibration`` chooses it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rga.errors import InputError
from rga.ranking.metric import METRIC_NAMES


@dataclass(frozen=True)
class Threshold:
    """A calibrated threshold, and what it was calibrated for and on.

    Attributes:
        distance: up to which a gallery image is taken for the person.
        metric: of the distance, ``"cosine"`` or ``"euclidean"``.
        feature: of the model, ``"pooled"`` or ``"neck"``.
        flip: whether features are averaged with those of mirror images.
        false_alarm_rate: the share of unknown people that may be accepted, as it was asked for.
        fpir: the share that was accepted on the data.
        tpir: the share of known people that was accepted and rightly identified on the data.
        unknown_queries: on how many queries of unknown people the rate was measured.
        gallery: how many images the gallery held; with a larger one there are more false alarms.
        data: name of the dataset.
        fingerprint: of the dataset.
        frames: of tracklets that were seen, ``"spread"`` or ``"all"``; ``"one"`` for images. Features of several frames lie nearer to one
            another than those of single images, so the threshold of one is not that of the other.

    Raises:
        InputError: a value is out of its range.
    """

    distance: float
    metric: str
    feature: str
    flip: bool
    false_alarm_rate: float
    fpir: float
    tpir: float
    unknown_queries: int
    gallery: int
    data: str
    fingerprint: str
    frames: str = "one"

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not math.isfinite(self.distance):
            raise InputError(f"a threshold is a finite distance, got {self.distance}")
        if self.metric not in METRIC_NAMES:
            raise InputError(f"unknown metric {self.metric!r} of a threshold: choose one of {', '.join(METRIC_NAMES)}")
        for name in ("false_alarm_rate", "fpir", "tpir"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be within [0, 1], got {getattr(self, name)}")

    def accepts(self, distances: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which distances are near enough: an array of the same shape.

        Example:
            >>> threshold = Threshold(0.4, "cosine", "neck", False, 0.01, 0.01, 0.8, 500, 2000, "market1501", "0123456789abcdef")
            >>> threshold.accepts([0.1, 0.4, 0.5]).tolist()
            [True, True, False]
        """
        return np.asarray(np.asarray(distances, dtype=np.float64) <= self.distance)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Threshold:
        """From what ``to_dict`` returned, also before there were ``frames``.

        Raises:
            InputError: a field is missing or unknown.
        """
        names = {field.name for field in fields(cls)}
        if set(values) | {"frames"} != names:
            wrong = ", ".join(sorted(set(values) ^ names))
            raise InputError(f"a threshold has the fields {', '.join(sorted(names))}; missing or unknown: {wrong}")
        return cls(**values)
