"""``rga evaluate-segmentation RUN``: a saved segmentation model on a split of a dataset."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from rga.cli.outputs import check_folder, check_output, check_results, check_workers, results_folder, write_results
from rga.loading import load
from rga.segmentation.datasets.catalog import load_data
from rga.segmentation.datasets.samples import Split
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.sliding import Inference
from rga.storage.saved_model import weights_fingerprint
from rga.training.devices import DeviceName, choose_device


def evaluate_segmentation(
    run: Path,
    /,
    *,
    data: str,
    root: Path,
    split: Split = "val",
    window: tuple[int, int] | None = None,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    out: Path | None = None,
    num_workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Measures a saved model on a split of a dataset, at full size and with one confusion matrix over all pixels.

    Prints the IoU of each class, mIoU, pixel accuracy and mean accuracy, and writes them to JSON with the matrix and the fingerprints of
    the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, or one on the Hugging Face hub.
        data: name of the dataset: cityscapes, camvid, folder or streets.
        root: its folder.
        split: train, val or test, where it has masks.
        window: height and width of sliding windows; by default images are predicted whole, where the attention takes any size.
        scales: at which images are predicted; the probabilities are averaged.
        flip: predict mirror images, too.
        out: file for the results; evaluation-DATA-SPLIT.json in the model's folder by default, evaluation-DATA-SPLIT-2.json and so on where
            that holds results by other options, of other weights or on other data of this name; none for a model that is in no folder. A
            file that is there and holds anything but earlier results of the same is not written over.
        num_workers: processes that read images.
        device: where to compute.
    """
    inference = Inference(window, scales=scales, flip=flip)
    check_workers(num_workers)
    check_output(out)
    folder = results_folder(run)
    if out is None and folder is not None:
        check_folder(folder)
    model = load(run, SegmentationModel).to(choose_device(device))
    tested = load_data(data, root)
    samples = tested.labelled(split)
    settings = {
        "data": tested.name,
        "split": split,
        "fingerprint": tested.fingerprint,
        "weights": weights_fingerprint(model),
        "options": str(inference),
    }
    check_results(out, settings)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("evaluating", total=len(samples))
        result = evaluate_model(
            model,
            samples,
            tested.classes,
            inference=inference,
            num_workers=num_workers,
            progress=lambda done, _: progress.update(bar, completed=done),
        )
    try:
        written = write_results(folder, f"evaluation-{data}-{split}", out, settings, {"trained_on": model.trained_on, **result.to_dict()})
    finally:  # a full disk must not take the results away as well
        console.print(f"{tested.name}, {split}, fingerprint {tested.fingerprint}")
        console.print(str(result), highlight=False)
    console.print(written, markup=False)
