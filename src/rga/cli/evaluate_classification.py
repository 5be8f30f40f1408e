"""``rga evaluate-classification RUN``: a saved classifier on a dataset's test split."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from rga.classification.datasets.catalog import load_data
from rga.classification.model import ClassificationModel
from rga.classification.result import ClassificationResult
from rga.classification.task import evaluate_model
from rga.cli.outputs import check_folder, check_output, check_positive, check_results, check_workers, results_folder, write_results
from rga.loading import load
from rga.storage.saved_model import weights_fingerprint
from rga.training.devices import DeviceName, choose_device

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
    num_workers: int = 0,
    device: DeviceName = "auto",
) -> None:
    """Measures a saved classifier on a dataset's test split.

    Prints top-1, top-5, the calibration error and the commonest confusions, and writes them to JSON with the whole confusion matrix and
    the fingerprints of the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, one on the Hugging Face hub, or a file of the public weights for CIFAR-10.
        data: name of the dataset: digits, cifar10, cifar100, imagenet, folder or zips.
        root: its folder; digits need none.
        test_folder: images in folders: name of the folder to test on; by default val, valid, validation or test.
        out: file for the results; evaluation-DATA.json in the model's folder by default, evaluation-DATA-2.json and so on where that holds
            results of other weights or on other data of this name; none for a model that is in no folder. A file that is there and holds
            anything but earlier results of the same is not written over.
        batch_size: images at a time.
        num_workers: processes that read images.
        device: where to compute.
    """
    check_positive(batch_size=batch_size)
    check_workers(num_workers)
    check_output(out)
    folder = results_folder(run)
    if out is None and folder is not None:
        check_folder(folder)
    model = load(run, ClassificationModel).to(choose_device(device))
    tested = load_data(data, root, **({"test_folder": test_folder} if test_folder else {}))
    settings = {"data": tested.name, "fingerprint": tested.fingerprint, "weights": weights_fingerprint(model)}
    check_results(out, settings)
    result = evaluate_model(model, tested, batch_size=batch_size, num_workers=num_workers)
    console = Console()
    try:
        written = write_results(folder, f"evaluation-{data}", out, settings, {"trained_on": model.trained_on, **result.to_dict()})
    finally:  # a full disk must not take the results away as well
        console.print(f"{tested.name}, fingerprint {tested.fingerprint}")
        console.print(str(result))
        print_mistakes(console, result)
    console.print(written, markup=False)


def print_mistakes(console: Console, result: ClassificationResult) -> None:
    """Prints the commonest confusions, if there are any."""
    table = Table("class", "taken for", "images", title="commonest mistakes")
    for shown, answered, count in result.confusions(MISTAKES):
        table.add_row(shown, answered, f"{count:,}")
    if table.row_count:
        console.print(table)
