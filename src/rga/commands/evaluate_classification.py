"""``rga evaluate-classification RUN``: a saved classifier on a data set's test split."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from rga.classification.model import ClassificationModel
from rga.classification.sources.catalog import load_data
from rga.classification.task import evaluate_model
from rga.engine.devices import DeviceName, choose_device
from rga.engine.files import write_json
from rga.loading import load

MISTAKES = 10
"""How many of the commonest confusions are printed."""


def evaluate_classification(
    run: Path,
    /,
    *,
    data: str,
    root: Path = Path("data"),
    test_folder: str = "",
    out: Path | None = None,
    batch_size: int = 256,
    workers: int = 0,
    device: DeviceName = "auto",
) -> None:
    """Measures a saved classifier on a data set's test split.

    Prints top-1, top-5, the calibration error and the commonest confusions, and writes them to JSON with the whole confusion matrix and
    the fingerprints of the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, one on the Hugging Face hub, or a file of the public weights for CIFAR-10.
        data: name of the data set: digits, cifar10, cifar100, imagenet, class-folders or class-zips.
        root: its folder; digits need none.
        test_folder: pictures in folders: name of the folder to test on; by default val, valid, validation or test.
        out: file for the results; evaluation.json in the run's folder by default, and none for a model that is no folder.
        batch_size: pictures at a time.
        workers: processes that read pictures.
        device: where to compute.
    """
    model = load(run, ClassificationModel).to(choose_device(device))
    tested = load_data(data, root, **({"test_folder": test_folder} if test_folder else {}))
    result = evaluate_model(model, tested, batch_size=batch_size, workers=workers)
    console = Console()
    console.print(f"{tested.name}, fingerprint {tested.fingerprint}")
    console.print(str(result))
    table = Table("class", "taken for", "pictures", title="commonest mistakes")
    for shown, answered, count in result.confusions(MISTAKES):
        table.add_row(shown, answered, f"{count:,}")
    if table.row_count:
        console.print(table)
    path = out or (run / "evaluation.json" if run.is_dir() else None)
    if path is not None:
        write_json(path, {"data": tested.name, "fingerprint": tested.fingerprint, "trained_on": model.trained_on, **result.to_dict()})
        console.print(f"written to {path}")
