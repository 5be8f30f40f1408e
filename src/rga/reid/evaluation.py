"""A re-ID model measured on a dataset's query and gallery: closed-set ranking, and open-set identification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import tyro

from rga.errors import InputError
from rga.ranking.blocks import DistanceRows, row_distances
from rga.ranking.evaluation import evaluate_distances
from rga.ranking.examination import Examination, examine, query_details
from rga.ranking.open_set.calibration import calibrate as choose_threshold
from rga.ranking.open_set.open_set import OpenSetResult, evaluate_open_set, split_identities
from rga.ranking.open_set.threshold import Threshold
from rga.ranking.result import RankingResult
from rga.reid.comparison import Comparison
from rga.reid.conditions import by_condition, query_groups
from rga.reid.datasets.samples import ReidData
from rga.reid.embedded import Embedded, embed_data
from rga.reid.model import Feature, ReidModel
from rga.reid.video.frames import TestFrames
from rga.training.distributed import processes
from rga.training.input.reading import Progress

COSINE = Comparison()
"""Features as they are."""


@dataclass(frozen=True)
class ReidOptions:
    """How a re-ID model is evaluated.

    Attributes:
        flip: Average the features of each image and its mirror image.
        feature: Evaluate the feature before the neck (pooled), after it (neck), or both.
        frames: Frames of tracklets that are seen: as many as in training spread evenly, all in clips of so many, or the middle one alone.
        comparison: How features are compared.
    """

    flip: bool = False
    feature: Literal["both", "neck", "pooled"] = "both"
    frames: Literal["spread", "all", "one"] = "spread"
    comparison: Annotated[Comparison, tyro.conf.arg(name="")] = COSINE

    @property
    def label(self) -> str:
        """What the name of a file with results says besides the dataset."""
        return "" if self.frames == "spread" else f"frames-{self.frames}"


@dataclass(frozen=True, eq=False)
class ReidEvaluation:
    """The result of an evaluation.

    Attributes:
        data: that was evaluated on.
        results: feature -> figures.
        distances: feature -> distances of all queries to the gallery.
        labels: identities and cameras of queries and gallery, as ``rga.reid.evaluate_distances`` takes them.
        shown: the model's own feature, or the one that was chosen.
        options: of the evaluation.
        conditions: feature -> group of queries -> its figures, as ``by_condition`` gives them; empty for data without ``conditions.csv``.
    """

    data: ReidData
    results: Mapping[Feature, RankingResult]
    distances: Mapping[Feature, DistanceRows]
    labels: tuple[Any, Any, Any, Any] = field(repr=False)
    shown: Feature
    options: ReidOptions
    conditions: Mapping[Feature, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(f"{name}: {result}" for name, result in self.results.items())

    def examine(self) -> dict[Feature, Examination]:
        """The rankings from all sides, for a report: another walk over the distances."""
        return {name: self.examined(name) for name in self.distances}

    def examined(self, feature: Feature) -> Examination:
        """The ranking by one feature from all sides."""
        return examine(self.distances[feature], *self.labels, files=self.data.files, metric=self.options.comparison.name)

    def to_dict(self) -> dict[str, Any]:
        """The figures of each feature, as JSON can hold them."""
        found = {"results": {name: result.to_dict() for name, result in self.results.items()}}
        return {**found, "conditions": dict(self.conditions)} if self.conditions else found


def evaluate(
    model: ReidModel,
    data: ReidData,
    options: ReidOptions | None = None,
    *,
    batch_size: int = 128,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> ReidEvaluation:
    """Embeds a dataset's query and gallery and ranks the gallery for each query.

    Args:
        model: to measure.
        data: with query and gallery.
        options: which features, and how they are compared.
        batch_size: images at a time.
        num_workers: processes that read images; 0 reads in this one.
        progress: called after each batch with the images that are done, and of how many.

    Raises:
        InputError: the data have no query and gallery, no query has anything to find, or their ``conditions.csv`` is wrong.
    """
    options = options or ReidOptions()
    groups = query_groups(data)
    embedded = embed_data(
        model, data, batch_size=batch_size, num_workers=num_workers, flip=options.flip, frames=options.frames, progress=progress
    )
    chosen = {name: features for name, features in embedded.items() if options.feature in ("both", name)}
    distances = {name: options.comparison.distances(features) for name, features in chosen.items()}
    labels = next(iter(chosen.values())).labels
    metric = options.comparison.name
    results = {name: evaluate_distances(rows, *labels, files=data.files, metric=metric) for name, rows in distances.items()}
    conditions = {
        name: by_condition(query_details(rows, *labels, files=data.files), groups) for name, rows in distances.items() if groups is not None
    }
    shown: Feature = model.feature if model.feature in chosen else next(iter(chosen))
    return ReidEvaluation(data, results, distances, labels, shown, options, conditions)


def rank(
    model: ReidModel, data: ReidData, *, batch_size: int = 128, num_workers: int = 0, frames: TestFrames = "spread"
) -> dict[Feature, RankingResult]:
    """Embeds query and gallery and ranks them by both features, by cosine distance as in the paper's code.

    Several processes embed a part each; the first ranks, and the others have nothing to return.

    Raises:
        InputError: the data have no query and gallery, or no query has anything to find.
    """
    embedded = embed_data(model, data, batch_size=batch_size, num_workers=num_workers, frames=frames)
    if not processes.first():
        return {}
    return {
        feature: evaluate_distances(row_distances(each.query, each.gallery), *each.labels, files=data.files, metric="cosine")
        for feature, each in embedded.items()
    }


@dataclass(frozen=True)
class CalibrationOptions:
    """How the threshold is chosen that rejects strangers.

    Attributes:
        unknown: Share of the identities that are taken out of the gallery, as strangers.
        false_alarms: Share of the strangers' queries that may be accepted.
        seed: Seed of the split into known and unknown identities.
        flip: Average the features of each image and its mirror image.
        feature: Feature whose threshold is kept; by default the model's own.
        frames: Frames of tracklets that are seen: as many as in training spread evenly, all in clips of so many, or the middle one alone.
    """

    unknown: float = 0.5
    false_alarms: float = 0.01
    seed: int = 0
    flip: bool = False
    feature: Literal["neck", "pooled"] | None = None
    frames: Literal["spread", "all", "one"] = "spread"

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not 0 < self.unknown < 1:
            raise InputError(f"the share of unknown identities must lie between 0 and 1, got --unknown {self.unknown}")
        if not 0 <= self.false_alarms < 1:
            raise InputError(f"the share of false alarms must be at least 0 and below 1, got --false-alarms {self.false_alarms}")


@dataclass(frozen=True, eq=False)
class Calibration:
    """A threshold and the open-set identification that it was chosen by.

    Attributes:
        threshold: of the chosen feature.
        results: feature -> open-set identification.
        embedded: feature -> features of query and gallery.
        options: of the calibration.
    """

    threshold: Threshold
    results: Mapping[Feature, OpenSetResult]
    embedded: Mapping[Feature, Embedded] = field(repr=False)
    options: CalibrationOptions = field(default_factory=CalibrationOptions)

    def ranking(self, data: ReidData) -> ReidEvaluation:
        """The closed-set ranking by the same features."""
        distances = {name: row_distances(each.query, each.gallery) for name, each in self.embedded.items()}
        labels = next(iter(self.embedded.values())).labels
        results = {name: evaluate_distances(rows, *labels, files=data.files, metric="cosine") for name, rows in distances.items()}
        shown: Feature = "pooled" if self.threshold.feature == "pooled" else "neck"
        return ReidEvaluation(data, results, distances, labels, shown, ReidOptions(flip=self.options.flip, frames=self.options.frames))

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"open_set": {name: result.to_dict() for name, result in self.results.items()} | {"threshold": self.threshold.to_dict()}}


def calibrate(
    model: ReidModel,
    data: ReidData,
    options: CalibrationOptions | None = None,
    *,
    batch_size: int = 128,
    num_workers: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Chooses the distance up to which an image is taken for somebody in the gallery.

    Some identities are taken out of the gallery; the threshold is the largest at which no more of their queries are accepted than allowed.

    Args:
        model: whose features are compared by cosine.
        data: with query and gallery.
        options: how many strangers, and how many false alarms.
        batch_size: images at a time.
        num_workers: processes that read images.
        progress: called after each batch with the images that are done, and of how many.

    Raises:
        InputError: the data have no query and gallery, no query has anything to find, or there are too few identities.
    """
    options = options or CalibrationOptions()
    strangers = split_identities((sample.identity for sample in data.query), options.unknown, options.seed)[1]
    embedded = embed_data(
        model, data, batch_size=batch_size, num_workers=num_workers, flip=options.flip, frames=options.frames, progress=progress
    )
    results = {
        name: evaluate_open_set(row_distances(each.query, each.gallery), *each.labels, unknown=strangers, files=data.files, metric="cosine")
        for name, each in embedded.items()
    }
    feature: Feature = options.feature or model.feature
    several = data.is_video and (options.frames == "all" or (options.frames == "spread" and model.frames > 1))
    threshold = choose_threshold(
        results[feature],
        options.false_alarms,
        feature=feature,
        flip=options.flip,
        data=data.name,
        fingerprint=data.fingerprint,
        frames=options.frames if several else "one",
    )
    return Calibration(threshold, results, embedded, options)
