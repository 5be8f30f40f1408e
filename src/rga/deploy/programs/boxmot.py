"""A re-ID model as a file of ONNX for BoxMOT's trackers.

What BoxMOT 25.0.0 does with such a file (``boxmot/reid/backends``): it cuts each box out of the BGR frame, resizes the crop with OpenCV's
``INTER_LINEAR``, turns it to RGB, divides by 255, subtracts ImageNet's mean and divides by ImageNet's deviation, whatever the network was
trained with. It runs the first output and divides each row by its length. It takes the size of the crops from the graph's input, and, for
OpenCV as its runtime, from a file ``NAME.onnx.metadata.json`` beside the graph. Without both it guesses the size from the file's name.
Earlier versions have the name alone: 12.0.0 needs the name of one of its architectures in it, and makes crops of 256x128 only.

So the graph turns BoxMOT's normalisation into the model's, and gives one output. Its size is in its input, in the file beside it and, where
a name can say it, in its name.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rga.deploy.agreement import Agreement, as_figures, check_agreement, compared, example_images
from rga.deploy.graphs import Feature, description_of, free_sizes
from rga.deploy.programs.written import WrittenFor
from rga.deploy.targets.catalog import SUFFIXES, TARGETS
from rga.deploy.targets.order import Order
from rga.errors import InputError
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from rga.reid.model import ReidModel
from rga.storage.files import write_json, write_with_companions
from rga.storage.outputs import check_output

Size = tuple[int, int]

UPRIGHT: Size = (256, 128)
"""Of the crops, where the name says nothing else."""

VEHICLE = ("vehicleid", "veri")
"""Parts of a file's name that stand for squares of 256x256, before all others."""

ARCHITECTURES: dict[str, Size] = {
    **dict.fromkeys(("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50_fc512", "mlfn"), UPRIGHT),
    **dict.fromkeys(("resnext50_32x4d", "resnext101_32x8d", "mobilenetv2_x1_0", "mobilenetv2_x1_4"), UPRIGHT),
    **dict.fromkeys((f"osnet_{kind}" for kind in ("x1_0", "x0_75", "x0_5", "x0_25", "ibn_x1_0")), UPRIGHT),
    **dict.fromkeys((f"osnet_ain_{width}" for width in ("x1_0", "x0_75", "x0_5", "x0_25")), UPRIGHT),
    "hacnn": (160, 64),
    **dict.fromkeys(("lmbn_n", "lmbn_ain_n", "hi_afa"), (384, 128)),
    **dict.fromkeys((f"csl_tinyvit_{kind}" for kind in ("7m", "7m_v20", "11m", "11m_v20", "23m", "small", "normal", "large")), (384, 128)),
    **dict.fromkeys((f"csl_tinyvit_{kind}" for kind in ("7m_lmbn", "11m_lmbn", "23m_lmbn", "lmbn")), (384, 128)),
    **dict.fromkeys((f"mobilenetv4_conv_{kind}" for kind in ("small", "medium", "medium_v20", "large")), (384, 128)),
    **dict.fromkeys((f"mobilenetv4_hybrid_{kind}" for kind in ("medium", "medium_v20", "large")), (384, 128)),
}
"""BoxMOT's architectures -> (height, width) of the crops. The longest name that is part of a file's name counts; nothing of it is built."""

NAMES: dict[Size, str] = {
    UPRIGHT: "resnet50_rga.onnx",
    (384, 128): "lmbn_n_rga.onnx",
    (160, 64): "hacnn_rga.onnx",
    (256, 256): "resnet50_veri_rga.onnx",
}
"""(height, width) -> a name that says it. Other sizes are said by the graph and by the file beside it alone."""

METADATA = ".metadata.json"
"""The end of the file beside the graph."""


class ForBoxmot(nn.Module):
    """A model's own feature as a function of images as BoxMOT normalises them.

    Args:
        model: in evaluation mode.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: ReidModel) -> None:
        super().__init__()
        self.feature = Feature(model)
        mean, std, their_mean, their_std = (
            torch.tensor(values, dtype=torch.float64)
            for values in (model.preprocessing.mean, model.preprocessing.std, IMAGENET_MEAN, IMAGENET_STD)
        )
        self.normalised_alike = bool((mean == their_mean).all() and (std == their_std).all())
        self.register_buffer("scale", (their_std / std).float().view(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((their_mean - mean) / std).float().view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """(N, 3, H, W) -> (N, D)."""
        found: tuple[Tensor] = self.feature(images if self.normalised_alike else images * self.scale + self.shift)
        return found


class FromPixels(nn.Module):
    """The same feature as a function of bytes (N, H, W, 3), RGB, of the model's size, by the model's own normalisation."""

    def __init__(self, model: ReidModel) -> None:
        super().__init__()
        self.feature = Feature(model)
        self.preprocessing = model.preprocessing

    def forward(self, pixels: Tensor) -> tuple[Tensor]:
        """(N, H, W, 3) -> (N, D)."""
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.preprocessing.mean, self.preprocessing.std))
        found: tuple[Tensor] = self.feature((pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std)
        return found


def as_boxmot_normalises(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Bytes (N, H, W, 3), RGB, of the graph's size -> what BoxMOT gives to the graph."""
    mean, std = (np.asarray(values, np.float32) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return np.ascontiguousarray(((pixels.astype(np.float32) / np.float32(255) - mean) / std).transpose(0, 3, 1, 2))


def size_said_by(name: str) -> Size:
    """(height, width) that BoxMOT guesses from a file's name.

    Example:
        >>> size_said_by("lmbn_n_rga.onnx"), size_said_by("model.onnx"), size_said_by("resnet50_veri_rga.onnx")
        ((384, 128), (256, 128), (256, 256))
    """
    if any(part in name for part in VEHICLE):
        return 256, 256
    found = [architecture for architecture in sorted(ARCHITECTURES) if architecture in name.lower()]
    return ARCHITECTURES[max(found, key=len)] if found else UPRIGHT


def check_name(name: str, size: Size) -> None:
    """Refuses a file's name that says another size than the model's, where a name could say that.

    Raises:
        InputError: it does, or it does not end in .onnx.
    """
    if not name.endswith(SUFFIXES["onnx"]):
        raise InputError(f"BoxMOT tells what a file is by its ending: name one that ends in {SUFFIXES['onnx']}, got {name}")
    said = size_said_by(name)
    if size in NAMES and said != size:
        raise InputError(
            f"BoxMOT reads {said[0]}x{said[1]} from the name {name}, and the model takes {size[0]}x{size[1]}: a name that says so is "
            f"{NAMES[size]}"
        )


def write_boxmot(model: ReidModel, output: Path | None, *, tolerance: float, overwrite: bool) -> WrittenFor:
    """Writes a model for BoxMOT; see ``export_for``.

    Raises:
        InputError: the name of the file says another size, or the network cannot be written as a graph.
    """
    size = model.preprocessing.size
    path = output or Path(NAMES.get(size, NAMES[UPRIGHT]))
    beside = path.with_name(path.name + METADATA)
    check_name(path.name, size)
    for file in (path, beside):
        check_output(file, overwrite=overwrite)
    pixels = np.stack([np.asarray(image) for image in islice(example_images(size), 2)])
    order = Order(
        ForBoxmot(model).eval(), torch.from_numpy(as_boxmot_normalises(pixels)), free_sizes(model, "normalised"), (model.feature,)
    )
    graph = TARGETS["onnx"](order)
    description = replace(description_of(model, "normalised"), preprocessing=Preprocessing(*size))
    found: list[Agreement] = []

    def write(temporary: Path) -> None:
        graph.save(temporary, description.to_json())
        run = graph.runner(temporary)
        found.append(
            compared(
                lambda shown: run(as_boxmot_normalises(shown)), FromPixels(model).eval(), [size], "bytes", model.preprocessing.as_array
            )
        )
        check_agreement(found[0], tolerance, "a file for BoxMOT")
        graph.save(temporary, replace(description, agreement=as_figures(found[0])).to_json())
        graph.runner(temporary)  # it can be opened
        write_json(
            temporary.with_name(beside.name),
            {
                "schema_version": 1,
                "model_kwargs_schema_version": 1,
                "model_kwargs": {"img_size": list(size)},
                "preprocess": "resize",
                "source": "rga",
            },
        )

    write_with_companions(path, write)
    return WrittenFor(path, found[0], (path, beside))
