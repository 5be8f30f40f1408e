"""A model in a file of ONNX where one of PyTorch is expected, as for an evaluation: all is the model's, but the network is the file's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.deploy.optimised import optimisation_of
from rga.errors import InputError
from rga.reid.heads.outputs import Outputs
from rga.reid.model import Feature, ReidModel
from rga.runtime.classification import RuntimeClassification
from rga.runtime.description import OUTPUTS
from rga.runtime.model import RuntimeModel
from rga.runtime.reid import RuntimeReid
from rga.runtime.segmentation import RuntimeSegmentation
from rga.segmentation.cells import Size
from rga.segmentation.model import SegmentationModel
from rga.segmentation.network.resolution import padded, without_padding
from rga.storage.saved_model import weights_fingerprint
from rga.training.devices import choose_device


class FromFile(BackboneModel):
    """The part that all have: the graph, and what the file says."""

    runtime: RuntimeModel

    def begin(self, runtime: RuntimeModel) -> None:
        """Takes the place of the constructor that builds a network.

        Raises:
            InputError: the graph takes bytes, which nothing that is measured here has.
        """
        nn.Module.__init__(self)  # none of the network
        if runtime.description.takes == "bytes":
            raise InputError(
                f"{runtime.session.path} prepares images itself, so that it cannot be compared with its model: export it without "
                "--preprocessing-inside to measure it"
            )
        self.runtime = runtime
        self.preprocessing = runtime.preprocessing
        self.trained_on = runtime.trained_on
        self.backbone = nn.Identity()

    def outputs(self, images: Tensor, *names: str) -> list[Tensor]:
        """The outputs of the graph for normalised images on the CPU."""
        found = self.runtime.run(np.ascontiguousarray(images.cpu().numpy(), np.float32), *names)
        return [torch.from_numpy(each) for each in found]


class ReidFromFile(FromFile, ReidModel):
    """A re-ID network in a file."""

    def __init__(self, runtime: RuntimeReid) -> None:
        self.begin(runtime)
        self.feature: Feature = "pooled" if runtime.feature == "pooled" else "neck"
        self.threshold = runtime.threshold
        self.head = None
        self.classifier = None
        self.eval()

    def width(self, feature: Feature) -> int:
        """The dimensions of a feature; of a foreign network those of its only one."""
        assert isinstance(self.runtime, RuntimeReid)
        return self.runtime.width(feature if feature in self.runtime.output_names else self.runtime.feature)

    def forward(self, images: Tensor) -> Outputs:
        """The features before the neck and after it; of a foreign network its only one, twice."""
        found = self.outputs(images, *(name for name in OUTPUTS["reid"] if name in self.runtime.output_names))
        return Outputs(found[0], found[-1], None)

    def embed_both_of_tracklets(self, *_args: Any, **_options: Any) -> Any:
        """Refuses tracklets.

        Raises:
            InputError: always: the file takes images.
        """
        raise InputError("a file of ONNX takes images, and these are tracklets: use the model that it was exported from")


class SegmentationFromFile(FromFile, SegmentationModel):
    """A segmentation network in a file."""

    def __init__(self, runtime: RuntimeSegmentation) -> None:
        self.begin(runtime)
        self.classes = runtime.classes
        self.resolution = runtime.description.resolution
        self.multiple = runtime.description.multiple
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)  # its device is where images go
        self.eval()

    @property
    def fixed_size(self) -> Size | None:
        """The one size of images that the graph takes; None if it takes any."""
        assert isinstance(self.runtime, RuntimeSegmentation)
        return self.runtime.fixed_size

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """The scores of the head."""
        if self.fixed_size is not None:
            return self.outputs(images, "scores")[0], None
        size = (images.shape[-2], images.shape[-1])
        shown = padded(images, self.multiple)
        (scores,) = self.outputs(shown, "scores")
        return without_padding(scores, size, shown.shape[-1] // scores.shape[-1]), None


class ClassificationFromFile(FromFile, ClassificationModel):
    """A classification network in a file."""

    def __init__(self, runtime: RuntimeClassification) -> None:
        self.begin(runtime)
        self.classes = runtime.classes
        self.crop_pct = runtime.description.crop_pct
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """The scores of the classes."""
        return self.outputs(images, "scores")[0]


def as_model(runtime: RuntimeModel) -> BackboneModel:
    """A model in a file as one of PyTorch, on the CPU.

    Raises:
        InputError: the graph takes bytes.
    """
    if isinstance(runtime, RuntimeReid):
        return ReidFromFile(runtime)
    if isinstance(runtime, RuntimeSegmentation):
        return SegmentationFromFile(runtime)
    assert isinstance(runtime, RuntimeClassification)
    return ClassificationFromFile(runtime)


def placed(model: Any, device: str) -> Any:
    """A model on a device; one in a file stays on the CPU.

    Args:
        model: of PyTorch, or in a file.
        device: auto, cpu, cuda, cuda:1, mps.

    Raises:
        InputError: a model in a file is to run elsewhere, or the device is unknown or not there.
    """
    if not isinstance(model, FromFile | RuntimeModel):
        return model.to(choose_device(device))
    if device not in ("auto", "cpu"):
        raise InputError(f"a file of ONNX runs on the CPU here: leave --device {device} out")
    return model


def fingerprint_of(model: BackboneModel | RuntimeModel) -> str:
    """The fingerprint of the weights: those of the run that a file was exported from, or of the model that was optimised."""
    if (optimisation := optimisation_of(model)) is not None:
        return optimisation.weights
    if isinstance(model, FromFile):
        model = model.runtime
    return model.weights if isinstance(model, RuntimeModel) else weights_fingerprint(model)
