"""The names of the distances."""

from __future__ import annotations

from typing import Literal, get_args

Metric = Literal["cosine", "euclidean"]

METRIC_NAMES: tuple[Metric, ...] = get_args(Metric)
