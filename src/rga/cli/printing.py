"""Results of evaluations as tables on the terminal, on a ``PlainConsole``: names of classes and files are no markup."""

from __future__ import annotations

from rich.table import Table

from rga.classification.result import ClassificationResult
from rga.evaluations import Measured
from rga.printable import printable
from rga.reid.comparison import Comparison
from rga.reid.evaluation import Calibration, ReidEvaluation
from rga.terminal import PlainConsole, folding_table

CONFUSIONS = 10
"""How many of the most frequent confusions are printed."""


def print_evaluation(console: PlainConsole, measured: Measured) -> None:
    """Prints the figures of an evaluation."""
    result = measured.result
    for note in measured.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    if isinstance(result, ReidEvaluation):
        print_ranking(console, measured, result)
        return
    console.print(f"{measured.data}, fingerprint {measured.fingerprint}", soft_wrap=True)
    console.print(str(result), highlight=False)
    if isinstance(result, ClassificationResult):
        table = folding_table("class", "taken for", "images", title="most frequent confusions")
        for shown, answered, count in result.confusions(CONFUSIONS):
            table.add_row(printable(shown), printable(answered), f"{count:,}")
        if table.row_count:
            console.print(table)


def print_ranking(console: PlainConsole, measured: Measured, evaluation: ReidEvaluation) -> None:
    """Prints mAP (the standard one, and the trapezoidal one of the paper's code), ranks and mINP of each feature."""
    title = f"{printable(measured.data)}, fingerprint {measured.fingerprint}"
    table = Table("feature", "mAP", "R1", "R5", "R10", "mINP", "mAP (trapezoidal)", title=title)
    for name, result in evaluation.results.items():
        ranks = [f"{result.cmc[rank - 1]:.2%}" if rank <= len(result.cmc) else "-" for rank in (1, 5, 10)]
        table.add_row(name, f"{result.mAP:.2%}", *ranks, f"{result.mINP:.2%}", f"{result.mAP_trapezoid:.2%}")
    console.print(table)
    print_conditions(console, evaluation)
    first = next(iter(evaluation.results.values()))
    left_out = f", {first.queries_without_match} without a match left out" if first.queries_without_match else ""
    console.print(f"{first.queries} queries{left_out}, {first.gallery} gallery images; {first.rule}", soft_wrap=True)
    if first.metric != Comparison().name:
        console.print(f"distance: {first.metric}", soft_wrap=True)


def print_conditions(console: PlainConsole, evaluation: ReidEvaluation) -> None:
    """Prints the figures of groups of queries, where the data say under which conditions they were taken."""
    if evaluation.conditions:
        table = Table("queries", "number", "mAP", "R1", title=f"by condition, {evaluation.shown}")
        for group, figures in evaluation.conditions[evaluation.shown].items():
            table.add_row(group, f"{figures['queries']:,}", f"{figures['mAP']:.2%}", f"{figures['R1']:.2%}")
        console.print(table)


def print_calibration(console: PlainConsole, measured: Measured) -> None:
    """Prints what the threshold of each feature reaches."""
    calibration = measured.result
    assert isinstance(calibration, Calibration)
    for note in measured.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    threshold = calibration.threshold
    allowed = threshold.false_alarm_rate
    title = f"{printable(measured.data)}, {allowed:.1%} false alarms allowed"
    table = Table("feature", "threshold", "strangers accepted (FPIR)", "people found (TPIR)", title=title)
    for name, result in calibration.results.items():
        distance = result.threshold_at(allowed)
        table.add_row(name, f"{distance:.4f}", f"{result.fpir(distance):.2%}", f"{result.tpir(distance):.2%}")
    console.print(table)
    result = next(each for name, each in calibration.results.items() if name == threshold.feature)
    console.print(
        f"{len(result.known)} queries of people in the gallery, {len(result.unknown)} of others; {result.gallery} gallery images",
        soft_wrap=True,
    )
    if len(set(result.known_ids.tolist())) > 1 and len(set(result.unknown_ids.tolist())) > 1:
        fpir, tpir = result.cross_checked(allowed)
        console.print(
            f"chosen on half of the people, tried on the other half: FPIR {fpir:.2%}, TPIR {tpir:.2%} by {threshold.feature}",
            soft_wrap=True,
        )
    if allowed * len(result.unknown) < 1:
        console.print(
            f"beware: {allowed:.1%} of {len(result.unknown)} queries is less than one; the threshold promises less than that",
            soft_wrap=True,
        )


def written(console: PlainConsole, measured: Measured) -> None:
    """Says which files hold the results."""
    if measured.path is None:
        console.print("the results are not kept: the model has no folder for them; name a file with --output", soft_wrap=True)
    else:
        console.print(f"written to {measured.path}", soft_wrap=True)
    if isinstance(measured.result, Calibration):
        threshold = measured.result.threshold
        kept = "is in the results only: the model has no folder to keep it in" if measured.kept is None else f"kept in {measured.kept}"
        console.print(f"threshold {threshold.distance:.4f} by {threshold.feature} {kept}", soft_wrap=True)
    if measured.report is not None:
        console.print(f"report in {measured.report}", soft_wrap=True)
