"""``rga evaluate-segmentation RUN``: a saved segmentation model on a split of a data set."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from rga.engine.devices import DeviceName, choose_device
from rga.engine.files import write_json
from rga.loading import load
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.model import SegmentationModel
from rga.segmentation.scenes import Split
from rga.segmentation.sliding import Inference
from rga.segmentation.sources.catalog import load_data


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
    workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Measures a saved model on a split of a data set, at full size and with one confusion matrix over all pixels.

    Prints the IoU of each class, mIoU, pixel accuracy and mean accuracy, and writes them to JSON with the matrix and the fingerprints of
    the data that the model was trained and tested on.

    Args:
        run: a run's folder, a saved model, or one on the Hugging Face hub.
        data: name of the data set: cityscapes, camvid, mask-folder or scenes.
        root: its folder.
        split: train, val or test, where it has masks.
        window: height and width of sliding windows; by default pictures are predicted whole, where the attention takes any size.
        scales: at which pictures are predicted; the probabilities are averaged.
        flip: predict mirror images, too.
        out: file for the results; evaluation-SPLIT.json in the run's folder by default, where it is one.
        workers: processes that read pictures.
        device: where to compute.
    """
    model = load(run, SegmentationModel).to(choose_device(device))
    tested = load_data(data, root)
    scenes = tested.labelled(split)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("evaluating", total=len(scenes))
        result = evaluate_model(
            model,
            scenes,
            tested.classes,
            inference=Inference(window, scales=scales, flip=flip),
            workers=workers,
            progress=lambda done, _: progress.update(bar, completed=done),
        )
    console.print(f"{tested.name}, {split}, fingerprint {tested.fingerprint}")
    console.print(str(result), highlight=False)
    path = out or (run / f"evaluation-{split}.json" if run.is_dir() else None)
    if path is None:
        return
    report = {"data": tested.name, "split": split, "fingerprint": tested.fingerprint, "trained_on": model.trained_on, **result.to_dict()}
    write_json(path, report)
    console.print(f"written to {path}")
