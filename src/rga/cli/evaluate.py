"""``rga evaluate RUN``: a saved model on a dataset's query and gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from rga.cli.outputs import (
    check_folder,
    check_output,
    check_positive,
    check_results,
    check_workers,
    need_drawing,
    results_folder,
    write_results,
)
from rga.loading import load, model_folder
from rga.ranking.evaluation import evaluate_distances
from rga.ranking.examination import Examination, examine
from rga.ranking.open_set.open_set import OpenSetResult, evaluate_open_set, split_identities
from rga.ranking.open_set.threshold import Threshold, calibrate, save_threshold
from rga.ranking.result import RankingResult
from rga.reid.datasets.catalog import load_data
from rga.reid.datasets.samples import ReidData
from rga.reid.embedded import Comparison, Embedded, embed_data
from rga.reid.model import Feature, ReidModel
from rga.reports.evaluation_report import check_report, write_findings
from rga.storage.saved_model import weights_fingerprint
from rga.training.devices import DeviceName, choose_device


@dataclass(frozen=True)
class OpenSet:
    """Whether people are looked for who may not be there.

    Attributes:
        open_set: take some identities out of the gallery, measure how well their queries are refused, and keep the distance at which no
            more false alarms are raised than allowed in the model's config.json.
        unknown: the share of identities that are taken out, .5 by default.
        false_alarms: the share of unknown queries that may be accepted, .01 by default.
        seed: of the split into known and unknown identities, 0 by default.

    Raises:
        ValueError: an option of it, and it is not asked for; or one that is out of its range.
    """

    open_set: bool = False
    unknown: float | None = None
    false_alarms: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuses options that would do nothing."""
        for name in ("unknown", "false_alarms", "seed"):
            if getattr(self, name) is not None and not self.open_set:
                raise ValueError(f"--{name.replace('_', '-')} is an option of --open-set: ask for that, too")
        unknown, false_alarms, _ = self.filled
        if not 0 < unknown < 1:
            raise ValueError(f"the share of unknown identities must be between 0 and 1, got --unknown {unknown}")
        if not 0 <= false_alarms < 1:
            raise ValueError(f"the share of false alarms must be at least 0 and below 1, got --false-alarms {false_alarms}")

    @property
    def filled(self) -> tuple[float, float, int]:
        """Share of unknown identities, of false alarms, and seed."""
        return (
            0.5 if self.unknown is None else self.unknown,
            0.01 if self.false_alarms is None else self.false_alarms,
            0 if self.seed is None else self.seed,
        )

    def strangers(self, tested: ReidData) -> frozenset[int]:
        """The identities of the queries that are taken out of the gallery; none if people are not looked for so.

        Raises:
            ValueError: there are too few identities.
        """
        unknown, _, seed = self.filled
        return split_identities((sample.identity for sample in tested.query), unknown, seed)[1] if self.open_set else frozenset()


COSINE, CLOSED = Comparison(), OpenSet()


def evaluate(
    run: Path,
    /,
    *,
    data: str,
    root: Path,
    flip: bool = False,
    feature: Literal["both", "neck", "pooled"] = "both",
    subset: bool = False,
    comparison: Annotated[Comparison, tyro.conf.arg(name="")] = COSINE,
    people: Annotated[OpenSet, tyro.conf.arg(name="")] = CLOSED,
    report: Path | None = None,
    out: Path | None = None,
    batch_size: int = 128,
    num_workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Ranks a dataset's gallery for its queries by a saved model's features.

    Prints mAP (the standard one, and the trapezoidal one that the paper's code reports), R1-R10 and mINP by the features before ("pooled")
    and after ("neck") the neck, and writes them to JSON with the fingerprints of the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, or one on the Hugging Face hub.
        data: name of the dataset, see rga data check --help.
        root: its folder; for csv the file.
        flip: average the features of each image and its mirror image.
        feature: print one of them alone.
        subset: take what is there of the dataset's images (CUHK03 alone).
        comparison: how features are compared.
        people: whether people are looked for who may not be there.
        report: folder for report.html and report.json: curves, distances of pairs, cameras, worst queries; a report that is there, on
            other data, by other options or of other weights, is not written over.
        out: file for the results; evaluation-DATA.json in the model's folder by default, evaluation-DATA-2.json and so on where that holds
            results by other options, of other weights or on other data of this name; none for a model on the hub. A file that is there
            and holds anything but earlier results of the same is not written over.
        batch_size: images at a time.
        num_workers: processes that read images.
        device: where to compute.
    """
    if people.open_set and not comparison.plain:
        raise ValueError(
            "--open-set chooses a distance between two images, and re-ranking and expansion change it with the gallery: leave them out"
        )
    check_positive(batch_size=batch_size)
    check_workers(num_workers)
    check_output(out)
    if report is not None:
        need_drawing()
        check_folder(report)
    console = Console()
    model = load(run, ReidModel).to(choose_device(device))
    tested = load_data(data, root, **({"allow_subset": True} if subset else {}))
    settings = {
        "data": tested.name,
        "fingerprint": tested.fingerprint,
        "weights": weights_fingerprint(model),
        "flip": flip,
        "feature": feature,
        "metric": comparison.name,
        "options_of_open_set": dict(zip(("unknown", "false_alarms", "seed"), people.filled, strict=True)) if people.open_set else None,
    }
    folder = results_folder(run)
    if out is None and folder is not None:
        check_folder(folder)
    if report is not None:
        check_report(report, settings)
    check_results(out, settings)
    strangers = people.strangers(tested)
    embedded = embed_data(model, tested, batch_size=batch_size, num_workers=num_workers, flip=flip)
    chosen = {name: each for name, each in embedded.items() if feature in ("both", name)}
    shown: Feature = model.feature if model.feature in chosen else next(iter(chosen))
    distances = {name: comparison.distances(each) for name, each in chosen.items()}
    examined: dict[Feature, Examination] = {}
    if report is None:
        results = {name: evaluate_distances(distances[name], *each.labels, metric=comparison.name) for name, each in chosen.items()}
    else:
        examined = {name: examine(distances[name], *each.labels, metric=comparison.name) for name, each in chosen.items()}
        results = {name: each.result for name, each in examined.items()}
    found: dict[str, Any] = {"trained_on": model.trained_on, "results": {name: result.to_dict() for name, result in results.items()}}
    opened: dict[Feature, OpenSetResult] = {}
    threshold = None
    if people.open_set:
        opened = look_for_strangers(chosen, strangers)
        threshold = calibrate(opened[shown], people.filled[1], feature=shown, flip=flip, data=tested.name, fingerprint=tested.fingerprint)
        found["open_set"] = {name: result.to_dict() for name, result in opened.items()} | {"threshold": threshold.to_dict()}
    try:
        written = write_results(folder, f"evaluation-{data}", out, settings, found)  # before anything that may go wrong
    finally:  # a full disk must not take them away as well
        print_ranking(console, results, tested)
        if threshold is not None:
            print_open_set(console, opened, threshold)
    console.print(written, markup=False)
    if threshold is not None:
        keep(console, run, threshold)
    if report is not None:
        write_findings(report, {**settings, **found}, tested, examined, opened, distances[shown], shown=shown, threshold=threshold)
        console.print(f"report in {report / 'report.html'}", markup=False)


def print_ranking(console: Console, results: Mapping[Feature, RankingResult], tested: ReidData) -> None:
    """Prints the figures by each feature."""
    table = Table(
        "feature", "mAP", "R1", "R5", "R10", "mINP", "mAP (trapezoidal)", title=f"{tested.name}, fingerprint {tested.fingerprint}"
    )
    for name, result in results.items():
        ranks = [f"{result.cmc[rank - 1]:.2%}" if rank <= len(result.cmc) else "-" for rank in (1, 5, 10)]
        table.add_row(name, f"{result.mAP:.2%}", *ranks, f"{result.mINP:.2%}", f"{result.mAP_trapezoid:.2%}")
    console.print(table)
    first = next(iter(results.values()))
    left_out = f", {first.queries_without_match} without a match left out" if first.queries_without_match else ""
    console.print(f"{first.queries} queries{left_out}, {first.gallery} gallery images; camera rule {first.camera_rule}")
    if first.metric != COSINE.name:
        console.print(f"distance: {first.metric}")


def look_for_strangers(embedded: Mapping[Feature, Embedded], strangers: frozenset[int]) -> dict[Feature, OpenSetResult]:
    """Open-set identification by each feature."""
    return {
        name: evaluate_open_set(COSINE.distances(each), *each.labels, unknown=strangers, metric="cosine") for name, each in embedded.items()
    }


def print_open_set(console: Console, opened: Mapping[Feature, OpenSetResult], threshold: Threshold) -> None:
    """Prints what the threshold of each feature reaches."""
    allowed = threshold.false_alarm_rate
    table = Table(
        "feature", "threshold", "strangers accepted (FPIR)", "people found (TPIR)", title=f"open set, {allowed:.1%} false alarms allowed"
    )
    for name, result in opened.items():
        distance = result.threshold_at(allowed)
        table.add_row(name, f"{distance:.4f}", f"{result.fpir(distance):.2%}", f"{result.tpir(distance):.2%}")
    console.print(table)
    result = opened[threshold.feature]  # type: ignore[index]
    console.print(f"{len(result.known)} queries of people in the gallery, {len(result.unknown)} of others; {result.gallery} gallery images")
    if len(set(result.known_ids.tolist())) > 1 and len(set(result.unknown_ids.tolist())) > 1:
        fpir, tpir = result.cross_checked(allowed)
        console.print(f"chosen on half of the people, tried on the other half: FPIR {fpir:.2%}, TPIR {tpir:.2%} by {threshold.feature}")
    if allowed * len(result.unknown) < 1:
        console.print(f"beware: {allowed:.1%} of {len(result.unknown)} queries is less than one; the threshold promises less than that")


def keep(console: Console, run: Path, threshold: Threshold) -> None:
    """Keeps the threshold with the model, if that is a folder."""
    folder = model_folder(run)
    if folder is None:
        console.print("the model is not in a folder of this machine: its threshold is in the results alone")
        return
    save_threshold(folder, threshold)
    console.print(f"threshold {threshold.distance:.4f} by {threshold.feature} kept in {folder / 'config.json'}")
