"""The distance up to which an image is taken for somebody in a gallery: chosen on labelled data, kept with the model, used later."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rga.errors import InputError, MissingFileError
from rga.ranking.distances import METRICS
from rga.ranking.open_set.open_set import OpenSetResult
from rga.storage.files import write_json

KEY = "threshold"
"""Where it stands in a model's configuration."""


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

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not math.isfinite(self.distance):
            raise InputError(f"a threshold is a finite distance, got {self.distance}")
        if self.metric not in METRICS:
            raise InputError(f"unknown metric {self.metric!r} of a threshold: choose one of {', '.join(METRICS)}")
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
        """From what ``to_dict`` returned.

        Raises:
            InputError: a field is missing or unknown.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            wrong = ", ".join(sorted(set(values) ^ names))
            raise InputError(f"a threshold has the fields {', '.join(sorted(names))}; missing or unknown: {wrong}")
        return cls(**values)


def calibrate(result: OpenSetResult, false_alarm_rate: float, *, feature: str, flip: bool, data: str, fingerprint: str) -> Threshold:
    """The greatest threshold with at most this false alarm rate on a labelled set.

    Args:
        result: on that set, by plain distances of features.
        false_alarm_rate: the share of unknown people that may be accepted.
        feature: of the model, from which the distances are.
        flip: whether features were averaged with those of mirror images.
        data: name of the set.
        fingerprint: of the set.

    Raises:
        InputError: the rate is not a share, or the distances are not those of features alone, but of a re-ranking.
    """
    distance = result.threshold_at(false_alarm_rate)
    return Threshold(
        distance=distance,
        metric=result.metric,
        feature=feature,
        flip=flip,
        false_alarm_rate=false_alarm_rate,
        fpir=result.fpir(distance),
        tpir=result.tpir(distance),
        unknown_queries=len(result.unknown),
        gallery=result.gallery,
        data=data,
        fingerprint=fingerprint,
    )


def save_threshold(folder: Path, threshold: Threshold) -> None:
    """Writes a threshold into the ``config.json`` of a saved model, atomically; the rest of it stays.

    Raises:
        MissingFileError: there is no saved model in the folder.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise MissingFileError(f"there is no saved model in {folder}: a folder with config.json was expected")
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), KEY: threshold.to_dict()})
