"""The model that ships with rga on people that it was not trained on, beside colour histograms and a network trained on real people.

    python benchmarks/shipped_model.py --data 'cuhk03-labeled:DIR?allow_subset=true' --osnet FILE.onnx

All of them rank the same gallery by cosine. Without ``--model`` the model of the package is measured, and the figures are kept beside it
and in its card. ``--osnet`` takes an OSNet (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019) as ONNX,
256x128 with ImageNet's mean and deviation; it needs ``pip install onnxruntime``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import rga
from rga.datasets.histogram import histogram_features
from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError, RgaError
from rga.images.images import read_image
from rga.images.preprocessing import Preprocessing
from rga.loading import load
from rga.model_names import shipped_models
from rga.pretrained.card import judge
from rga.pretrained.small import NAME
from rga.ranking.evaluation import evaluate
from rga.reid.datasets.catalog import CATALOG
from rga.reid.datasets.samples import ReidData
from rga.reid.embedded import Embedded
from rga.reid.model import ReidModel
from rga.reid.transforms import test_transform
from rga.storage.files import write_json
from rga.storage.saved_model import weights_fingerprint
from rga.study.trainings.measurement import processor_name

Features = NDArray[np.float32]

BATCH = 64
"""Images at a time."""

NOTES = {
    "cuhk03-labeled-subset": "They are a part of CUHK03 with the new protocol (camera pair 1 of 5): not comparable with published figures.",
}
"""Name of a dataset -> what a reader of its figures should know."""


def osnet_features(file: Path, paths: Sequence[Path]) -> Features:
    """Features of an OSNet in an ONNX file.

    Args:
        file: of the network.
        paths: of the images, n of them.

    Returns:
        (n, D).

    Raises:
        MissingFileError: the file is not there.
        InputError: onnxruntime is not installed.
    """
    if not file.is_file():
        raise MissingFileError(f"there is no file {file}")
    try:
        import onnxruntime  # noqa: PLC0415  for such a file only
    except ModuleNotFoundError as error:
        raise InputError("--osnet needs onnxruntime, which is not installed: pip install onnxruntime, or leave --osnet out") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches(paths, Preprocessing(256, 128))])


def batches(paths: Sequence[Path], preprocessing: Preprocessing) -> Iterator[Features]:
    """Images as a network takes them, (B, 3, H, W) at a time."""
    transform = test_transform(preprocessing)
    for start in range(0, len(paths), BATCH):
        yield torch.stack([transform(read_image(path)) for path in paths[start : start + BATCH]]).numpy()


def measured(name: str, features: Features, data: ReidData) -> dict[str, Any]:
    """How well features of a dataset's query and gallery, one after the other, find people."""
    each = Embedded.of(features[: len(data.query)], features[len(data.query) :], data)
    result = evaluate(each.query, *each.labels[:2], each.gallery, *each.labels[2:])
    figures = {"mAP": result.mAP, "R1": float(result.cmc[0]), "mINP": result.mINP}
    print(f"{name}: " + ", ".join(f"{metric} {100 * value:.1f}" for metric, value in figures.items()), flush=True)
    return {"name": name, **{metric: round(value, 6) for metric, value in figures.items()}}


def speed(model: ReidModel, rounds: int = 20) -> dict[str, Any]:
    """Images that a model embeds in a second of one core, without reading them: the fastest of some batches."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images = torch.randn(BATCH, 3, *model.preprocessing.size)
    seconds = []
    try:
        with torch.inference_mode():
            for _ in range(rounds):
                start = time.process_time()
                model(images)
                seconds.append(time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    return {"images_per_second": round(BATCH / min(seconds), 1), "batch_size": BATCH, "processor": processor_name()}


def compare(data: ReidData, model: ReidModel, name: str, osnet: Path | None) -> dict[str, Any]:
    """Measures all methods on a dataset, as JSON can hold it."""
    paths = [sample.path for sample in (*data.query, *data.gallery)]
    methods = [
        measured("colour histograms", histogram_features(paths), data),
        measured(name, model.embed(paths, batch_size=BATCH), data),
    ]
    if osnet is not None:
        methods.append(measured(f"{osnet.stem}, trained on real people", osnet_features(osnet, paths), data))
    return {
        "format": 1,
        "weights": weights_fingerprint(model),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "query": len(data.query),
            "gallery": len(data.gallery),
            "note": NOTES.get(data.name, ""),
        },
        "methods": methods,
        "speed": speed(model),
        "rga": rga.__version__,
        "measured": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def main(arguments: Sequence[str]) -> Mapping[str, Any]:
    """Compares as the command line says; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the dataset, such as cuhk03-labeled:DIR?allow_subset=true")
    parser.add_argument("--osnet", type=Path, help="file of an OSNet, as ONNX")
    parser.add_argument("--model", help=f"another model than the shipped one ({NAME}): the folder of a run or of a saved model")
    parser.add_argument("--output", "-o", type=Path, help="also write the figures to this file, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    data = CATALOG.read(DataSpec.parse(chosen.data))
    model = load(chosen.model or f"rga:{NAME}", ReidModel)
    found = compare(data, model, chosen.model or f"the shipped model ({NAME})", chosen.osnet)
    if chosen.output is not None:
        write_json(chosen.output, found)
    if chosen.model is None:
        judge(shipped_models()[NAME], found)
    print(json.dumps(found["speed"]))
    return found


if __name__ == "__main__":
    import sys

    try:
        main(sys.argv[1:])
    except RgaError as error:
        sys.exit(f"error: {error}")
