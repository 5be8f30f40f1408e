"""The segmentation model: a dilated trunk with attention, a head, and for training an auxiliary head; and its use on pictures of any size.

Saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from rga.attachment import attach
from rga.attachment.stages import evaluating
from rga.attention.grid import GridAttention
from rga.data.images import Picture, as_image
from rga.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, to_tensor
from rga.segmentation.classes import Classes
from rga.segmentation.heads import create_head, fcn
from rga.segmentation.result import Segmentation
from rga.segmentation.sliding import Inference, Size, predict
from rga.trunks.catalog import TrunkOptionError, create_trunk
from rga.trunks.model import TrunkModel

TASK = "segmentation"


class SegmentationModel(TrunkModel, tags=["semantic-segmentation"]):
    """A segmentation network.

    Args:
        trunk: name of a CNN in timm that can be dilated (ResNets, EfficientNets, ...).
        classes: what is told apart, as ``Classes.to_dict`` has it.
        trunk_options: options of timm's ``create_model`` for the trunk.
        image_size: (height, width) of the pictures that it is trained on: its crops.
        output_stride: pixels of a picture for one position of the last map: 8 or 16 dilate the last stages, 32 leaves them as they are.
        head: one of ``rga.segmentation.heads.HEADS``.
        auxiliary: whether a second head, on the last stage but one, helps in training.
        attention: name of an attention, ``"none"`` for a plain trunk.
        attention_options: options of the attention. With ``fit="exact"`` (RGA's default) pictures are predicted in windows of
            ``image_size``, with ``fit="pool"`` at any size.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        largest_grid: (height, width) that no attention's grid exceeds, see ``rga.attach``.
        resolution: by which pictures are resized before the network sees them; label maps come out at the pictures' own size.
        mean: of the pixels, by channel.
        std: of the pixels, by channel.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        task: what ``rga.load`` knows the model by.

    Raises:
        ValueError: the trunk, the head or the attention is unknown, the output stride is out of range, or the trunk cannot be dilated.
    """

    def __init__(
        self,
        trunk: str = "resnet50",
        *,
        classes: Mapping[str, Any],
        trunk_options: Mapping[str, Any] | None = None,
        image_size: Sequence[int] = (768, 768),
        output_stride: int = 8,
        head: str = "fcn",
        auxiliary: bool = True,
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        largest_grid: Sequence[int] | None = None,
        resolution: float = 1.0,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        trained_on: Mapping[str, str] | None = None,
        metrics: Mapping[str, Any] | None = None,
        task: str = TASK,
    ) -> None:
        super().__init__()
        height, width = image_size
        if task != TASK:
            raise ValueError(f"this is a model for {TASK}, not for {task!r}: load it with rga.load")
        if output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride is 8, 16 or 32, got {output_stride}")
        self.classes = Classes.from_dict(classes)
        self.preprocessing = Preprocessing(height, width, tuple(mean), tuple(std))  # type: ignore[arg-type]
        self.resolution = resolution
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        self.trunk = dilated_trunk(trunk, output_stride, trunk_options or {})
        grid = None if largest_grid is None else (int(largest_grid[0]), int(largest_grid[1]))
        attach(self.trunk, attention, image_size=(height, width), after=attention_after, largest_grid=grid, **dict(attention_options or {}))
        self.taken = last_two(self.trunk)
        with evaluating(self.trunk), torch.inference_mode():
            before, last = self.maps(torch.zeros(1, 3, height, width))
        self.head = create_head(head, last.shape[1], len(self.classes), output_stride)
        self.auxiliary_head = fcn(before.shape[1], len(self.classes), output_stride) if auxiliary else None

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images (B, 3, H, W) -> the maps of the last two stages, attended to."""
        before, last = self.trunk.forward_intermediates(images, indices=self.taken, intermediates_only=True)  # type: ignore[operator]
        return before, last

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Normalised images (B, 3, H, W) -> scores (B, classes, h, w) on the resolution of the last map.

        Returns:
            The scores of the head, and in training those of the auxiliary one; None in evaluation mode, or without one.
        """
        before, last = self.maps(images)
        return self.head(last), self.auxiliary_head(before) if self.auxiliary_head is not None and self.training else None

    @property
    def fixed_size(self) -> Size | None:
        """The one size of pictures that the attention takes; None if it takes any."""
        modules = self.trunk.modules()
        exact = any(isinstance(module, GridAttention) and module.fit == "exact" for module in modules)
        return self.preprocessing.size if exact else None

    def probabilities(self, image: Tensor, inference: Inference | None = None) -> Tensor:
        """The probabilities of the classes for each pixel of one picture; call it in evaluation mode.

        Args:
            image: (3, H, W), normalised, on the model's device.
            inference: whole or in windows, at which scales; by default one scale, in windows where the attention takes one size alone.

        Returns:
            (classes, H, W), float32.

        Raises:
            GridMismatchError: the windows have not the size that the attention takes.
        """
        return predict(lambda seen: self(seen)[0], image, self.chosen(inference or Inference()), self.resolution)

    def chosen(self, inference: Inference) -> Inference:
        """The inference with windows, where the attention takes pictures of one size alone and none were chosen."""
        if inference.window is None and self.fixed_size is not None:
            return replace(inference, window=self.fixed_size)
        return inference

    @torch.inference_mode()
    def segment(self, pictures: Iterable[Picture], *, inference: Inference | None = None) -> list[Segmentation]:
        """What the model sees in pictures.

        Args:
            pictures: PIL images of any mode, paths, or (H, W, 3) arrays of bytes; any sizes.
            inference: whole or in windows, at which scales; see ``probabilities``.

        Returns:
            For each picture its labels and their confidence, at the picture's size.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            TypeError: something is no picture.

        Example:
            >>> from rga.segmentation.classes import numbered
            >>> two = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()
            >>> model = SegmentationModel("resnet18", classes=two, image_size=(64, 64), attention="none")
            >>> model.segment([np.zeros((50, 70, 3), np.uint8)])[0].labels.shape
            (50, 70)
        """
        transform = v2.Compose(to_tensor(self.preprocessing))
        device = next(self.parameters()).device
        found = []
        with evaluating(self):
            for picture in pictures:
                confidence, labels = self.probabilities(transform(as_image(picture)).to(device), inference).max(0)
                found.append(Segmentation(labels.to(torch.uint8).cpu().numpy(), confidence.cpu().numpy().astype(np.float32)))
        return found


def dilated_trunk(name: str, output_stride: int, options: Mapping[str, Any]) -> nn.Module:
    """A network of timm without what comes after its last stage, whose last map has the output stride.

    Raises:
        ValueError: the network is unknown, or timm cannot dilate it or take its maps out.
    """
    try:
        trunk = create_trunk(name, **{**({} if output_stride == 32 else {"output_stride": output_stride}), **options})
    except (TrunkOptionError, NotImplementedError, AssertionError) as error:
        raise ValueError(f"trunk {name!r} cannot be dilated to an output stride of {output_stride}: {error!r}; take a ResNet") from error
    if not hasattr(trunk, "forward_intermediates") or not hasattr(trunk, "prune_intermediate_layers"):
        raise ValueError(f"trunk {name!r} does not give out the maps of its stages: take a ResNet or another CNN of timm that does")
    trunk.prune_intermediate_layers(last_two(trunk), prune_norm=True, prune_head=True)  # type: ignore[operator]
    return trunk


def last_two(trunk: nn.Module) -> list[int]:
    """The indices of a trunk's last two maps, as timm counts them."""
    info = getattr(trunk, "feature_info", [])
    count = len(getattr(info, "info", info))
    return [count - 2, count - 1]
