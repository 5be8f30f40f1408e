"""``rga evaluate RUN``: a saved model on a data set's query and gallery."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from rga.engine.devices import DeviceName, choose_device
from rga.engine.files import write_json
from rga.loading import load
from rga.reid.model import ReidModel
from rga.reid.sources.catalog import load_data
from rga.reid.task import evaluate_model


def evaluate(
    run: Path,
    /,
    *,
    data: str,
    root: Path,
    flip: bool = False,
    feature: Literal["both", "neck", "pooled"] = "both",
    subset: bool = False,
    out: Path | None = None,
    batch_size: int = 128,
    workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Ranks a data set's gallery for its queries by a saved model's features.

    Prints mAP (the standard one, and by trapezia as the paper's code reports it), R1-R10 and mINP by the features before ("pooled") and
    after ("neck") the neck, and writes them to JSON with the fingerprints of the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, or one on the Hugging Face hub.
        data: name of the data set, see rga data check --help.
        root: its folder; for csv the file.
        flip: average the features of each picture and its mirror image.
        feature: print one of them alone.
        subset: take what is there of the data set's images (CUHK03 alone).
        out: file for the results; evaluation.json in the run's folder by default.
        batch_size: pictures at a time.
        workers: processes that read pictures.
        device: where to compute.
    """
    model = load(run, ReidModel).to(choose_device(device))
    tested = load_data(data, root, **({"allow_subset": True} if subset else {}))
    results = evaluate_model(model, tested, batch_size=batch_size, workers=workers, flip=flip)
    chosen = {name: result for name, result in results.items() if feature in ("both", name)}
    table = Table("feature", "mAP", "R1", "R5", "R10", "mINP", "mAP (trapezia)", title=f"{tested.name}, fingerprint {tested.fingerprint}")
    for name, result in chosen.items():
        ranks = [f"{result.cmc[rank - 1]:.2%}" if rank <= len(result.cmc) else "-" for rank in (1, 5, 10)]
        table.add_row(name, f"{result.mAP:.2%}", *ranks, f"{result.mINP:.2%}", f"{result.mAP_trapezoid:.2%}")
    console = Console()
    console.print(table)
    first = next(iter(chosen.values()))
    left_out = f", {first.queries_without_match} without a match left out" if first.queries_without_match else ""
    console.print(f"{first.queries} queries{left_out}, {first.gallery} gallery images; camera rule {first.camera_rule}")
    report: dict[str, Any] = {
        "data": tested.name,
        "fingerprint": tested.fingerprint,
        "trained_on": model.trained_on,
        "flip": flip,
        "results": {name: result.to_dict() for name, result in chosen.items()},
    }
    path = out or run / "evaluation.json"
    write_json(path, json.loads(json.dumps(report)))
    console.print(f"written to {path}")
