"""Chooses, on labelled data, the distance up to which an image is taken for somebody in a gallery, and keeps it with a model."""

from __future__ import annotations

import json
from pathlib import Path

from rga.errors import MissingFileError
from rga.ranking.open_set.open_set import OpenSetResult
from rga.ranking.open_set.threshold import Threshold
from rga.storage.files import write_json

KEY = "threshold"
"""Where it stands in a model's configuration."""


def calibrate(
    result: OpenSetResult, false_alarm_rate: float, *, feature: str, flip: bool, data: str, fingerprint: str, frames: str = "one"
) -> Threshold:
    """The greatest threshold with at most this false alarm rate on a labelled set.

    Args:
        result: on that set, by plain distances of features.
        false_alarm_rate: the share of unknown people that may be accepted.
        feature: of the model, from which the distances are.
        flip: whether features were averaged with those of mirror images.
        data: name of the set.
        fingerprint: of the set.
        frames: of tracklets that were seen; ``"one"`` for images.

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
        frames=frames,
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
