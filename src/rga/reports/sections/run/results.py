"""What each run reached, what it costs, and by which rules it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rga.classification.result import ClassificationResult
from rga.detection.result import DetectionResult
from rga.ranking.result import RankingResult
from rga.reid.evaluation import ReidEvaluation
from rga.reports.report import Section, Table
from rga.reports.reported_run import ReportedRun
from rga.segmentation.result import SegmentationResult
from rga.training.run.log import read_log


def section(runs: Sequence[ReportedRun], others: Mapping[str, RankingResult] | None = None) -> Section:
    """One row a run, after those of other rankings."""
    return Section("Results", (table(runs, others),))


def table(runs: Sequence[ReportedRun], others: Mapping[str, RankingResult] | None = None) -> Table:
    """The table alone; arguments as for ``section``."""
    figures = [figures_of(run.result) for run in runs]
    rows = [(name, *ranking_figures(result).values(), "-", "-", "-") for name, result in (others or {}).items()]
    rows += [
        (run.name, *found.values(), f"{run.cost.parameters / 1e6:.2f} M", counted_macs(run.cost.macs), duration(run))
        for run, found in zip(runs, figures, strict=True)
    ]
    heads = ("", *figures[0], "parameters", "MAC", "training")
    return Table(heads, tuple(rows), protocol(runs), strong=len(rows) - 1 if len(rows) > 1 else None)


def lead(runs: Sequence[ReportedRun]) -> str:
    """The main result in a sentence."""
    said = []
    for run in runs:
        name, value = next(iter(figures_of(run.result).items()))
        said.append(f"{name} {value}" if len(runs) == 1 else f"{run.name}: {name} {value}")
    return f"{'; '.join(said)}, on {runs[0].data.name}."


def figures_of(result: Any) -> dict[str, str]:
    """The figures of an evaluation as they are read, the most important one first."""
    if isinstance(result, ReidEvaluation):
        return ranking_figures(result.results[result.shown])
    if isinstance(result, SegmentationResult):
        return {"mIoU": share(result.mIoU), "pixel accuracy": share(result.pixel_accuracy), "mean accuracy": share(result.mean_accuracy)}
    if isinstance(result, DetectionResult):
        kinds = {"box": result.boxes} | ({} if result.masks is None else {"mask": result.masks})
        return {
            f"{kind} {name}": share(value)
            for kind, of in reversed(kinds.items())
            for name, value in (("AP", of.AP), ("AP50", of.AP50), ("AP75", of.AP75))
        }
    assert isinstance(result, ClassificationResult)
    top5 = {} if result.top5 is None else {"top-5": share(result.top5)}
    calibration = {"calibration error": share(result.calibration_error), "cross-entropy": f"{result.cross_entropy:.3f}"}
    return {"top-1": share(result.top1), **top5, **calibration}


def ranking_figures(result: RankingResult) -> dict[str, str]:
    """The figures of a ranking; ranks that the gallery does not have are left out."""
    ranks = {f"R{rank}": share(result.cmc[rank - 1]) for rank in (1, 5, 10) if rank <= len(result.cmc)}
    return {"mAP": share(result.mAP), **ranks, "mINP": share(result.mINP)}


def protocol(runs: Sequence[ReportedRun]) -> str:
    """The rules of the measurement, and what the other columns say."""
    result: Any = runs[0].result
    if isinstance(result, ReidEvaluation):
        chosen = result.results[result.shown]
        features = "before the neck" if result.shown == "pooled" else "after the neck"
        rule = f"{chosen.queries} queries, {chosen.gallery:,} gallery images; features {features}, {chosen.metric} distance; {chosen.rule}."
    elif isinstance(result, SegmentationResult):
        rule = f"{result.images} images, {int(result.matrix.sum()):,} pixels in one confusion matrix, {result.method}."
    elif isinstance(result, DetectionResult):
        rule = f"{result.images:,} images, {result.objects:,} objects; COCO's metrics, at most 100 detections an image."
    else:
        assert isinstance(result, ClassificationResult)
        rule = f"{result.images:,} images of {len(result.classes)} classes{f' in {result.split}' if result.split else ''}."
    costs = "Parameters and multiply-accumulates (MAC) are those of the backbone for one image."
    return f"{rule} {costs} Training is the time between the first and the last line of the log."


def share(value: float) -> str:
    """A share in percent.

    Example:
        >>> share(0.12345), share(float("nan"))
        ('12.3%', '-')
    """
    return "-" if math.isnan(value) else f"{value:.1%}"


def counted_macs(macs: int) -> str:
    """Multiply-accumulates, in millions or billions.

    Example:
        >>> counted_macs(42_000_000), counted_macs(4_050_000_000)
        ('42 M', '4.05 G')
    """
    return f"{macs / 1e6:.0f} M" if macs < 1e9 else f"{macs / 1e9:.2f} G"


def duration(run: ReportedRun) -> str:
    """The time of a training by its log; a dash without one."""
    times = [event["time"] for kind in ("start", "train", "evaluate") for event in read_log(run.folder, kind)]
    if len(times) < 2:
        return "-"
    seconds = max(times) - min(times)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
