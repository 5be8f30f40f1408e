"""The segmentation model: a dilated backbone with attention, a head, and for training an auxiliary head; and its use on images of any size.

Saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and ``model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from rga.attachment import attach
from rga.attachment.probe import evaluating
from rga.attention.grid import GridAttention
from rga.backbones.model import BackboneModel
from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.images.inputs import ImageLike, NotAnImageError, as_image, as_images, described
from rga.images.tensors import to_tensor
from rga.segmentation.cells import Size, padded_size
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.inference import Inference, scaled
from rga.segmentation.network.backbone import last_maps, probed_strides, segmentation_backbone
from rga.segmentation.network.heads import create_head, fcn
from rga.segmentation.network.high_resolution import COARSEST, HighResolutionBackbone
from rga.segmentation.network.resolution import padded, without_padding
from rga.segmentation.result import Segmentation
from rga.segmentation.sliding import middle, predict, resized
from rga.training.input.reading import OnDamaged

TASK = "segmentation"


class SegmentationModel(BackboneModel, tags=["semantic-segmentation"]):
    """A segmentation network.

    Args:
        backbone: name of a CNN in timm that can be dilated (ResNets, EfficientNets, MobileNets, ...), or of an HRNet.
        classes: what is told apart, as ``Classes.to_dict`` has it.
        backbone_options: options of timm's ``create_model`` for the backbone.
        image_size: (height, width) of the images that it is trained on: its crops.
        output_stride: pixels of an image for one position of the last map: 8 or 16 dilate the last stages, 32 leaves them as they are;
            HRNet has 4, too. Images whose size is not a multiple are padded, see ``maps``.
        head: one of ``rga.segmentation.network.heads.HEADS``.
        auxiliary: whether a second head, on the last stage but one, helps in training.
        attention: name of an attention, ``"none"`` for a plain backbone.
        attention_options: options of the attention. With ``fit="exact"`` (RGA's default) images are predicted in windows of
            ``image_size``, with ``fit="pool"`` at any size.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        largest_grid: (height, width) that no attention's grid exceeds, see ``rga.attach``.
        resolution: by which images are resized before the network sees them; label maps come out at the images' own size.
        mean: of the pixels, by channel; None for what the backbone's pretrained weights expect.
        std: of the pixels, by channel; likewise.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        task: what ``rga.load`` knows the model by.

    Raises:
        InputError: the backbone, the head or the attention is unknown, the output stride is out of range, or the backbone cannot be dilated
            or has no maps of the output stride.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        *,
        classes: Mapping[str, Any],
        backbone_options: Mapping[str, Any] | None = None,
        image_size: Sequence[int] = (768, 768),
        output_stride: int = 8,
        head: str = "fcn",
        auxiliary: bool = True,
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        largest_grid: Sequence[int] | None = None,
        resolution: float = 1.0,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        trained_on: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        task: str = TASK,
    ) -> None:
        super().__init__()
        height, width = image_size
        if task != TASK:
            raise InputError(f"this is a model for {TASK}, not for {task!r}: load it with rga.load")
        self.classes = Classes.from_dict(classes)
        self.set_preprocessing(backbone, height, width, mean, std)
        self.resolution = resolution
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        self.backbone = segmentation_backbone(backbone, output_stride, backbone_options or {})
        self.multiple = output_stride
        if isinstance(self.backbone, HighResolutionBackbone):
            self.multiple = COARSEST
            attention_after = self.backbone.branches if attention_after is None else attention_after
        shown = self.backbone_size
        grid = None if largest_grid is None else (int(largest_grid[0]), int(largest_grid[1]))
        attach(self.backbone, attention, image_size=shown, after=attention_after, largest_grid=grid, **dict(attention_options or {}))
        self.strides, channels = probed_strides(self.backbone, backbone, shown, output_stride)
        self.head = create_head(head, channels[1], len(self.classes), output_stride)
        self.auxiliary_head = fcn(channels[0], len(self.classes), output_stride) if auxiliary else None
        self.note_structure()

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised images (B, 3, H, W) -> the maps of the last two stages, attended to.

        Images are padded at the bottom and at the right, with the mean, to a multiple of the output stride (of 32 for HRNet): position i of
        a map of stride s always belongs to the pixels from s*i on.
        """
        return last_maps(self.backbone, padded(images, self.multiple))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Normalised images (B, 3, H, W) -> scores (B, classes, ceil(H / s), ceil(W / s)) for the stride s of each map.

        ``rga.segmentation.network.resolution.on_pixels`` brings them to the pixels.

        Returns:
            The scores of the head, and in training those of the auxiliary one; None in evaluation mode, or without one.
        """
        size = (images.shape[-2], images.shape[-1])
        before, last = self.maps(images)
        scores = without_padding(self.head(last), size, self.strides[1])
        if self.auxiliary_head is None or not self.training:
            return scores, None
        return scores, without_padding(self.auxiliary_head(before), size, self.strides[0])

    def input_of(self, image: ImageLike) -> Tensor:
        """What the backbone sees of one image: (1, 3, H, W), normalised, on its device.

        Images are padded at the bottom and at the right, see ``maps``. Where the attention takes images of one size alone, it is the window
        of this size in the middle of the image.
        """
        pixels = v2.Compose(to_tensor(self.preprocessing))(as_image(image))[None]
        size: Size = (pixels.shape[2], pixels.shape[3])
        pixels = resized(pixels, scaled(size, self.resolution))
        if self.fixed_size is not None:
            pixels = middle(pixels, self.fixed_size)
        return self.as_input(padded(pixels, self.multiple))

    @property
    def backbone_size(self) -> Size:
        """(height, width) of the images that the backbone was built for: padded to a multiple of the output stride."""
        return padded_size(self.preprocessing.size, self.multiple)

    @property
    def fixed_size(self) -> Size | None:
        """The one size of images that the attention takes; None if it takes any."""
        modules = self.backbone.modules()
        exact = any(isinstance(module, GridAttention) and module.fit == "exact" for module in modules)
        return self.preprocessing.size if exact else None

    def probabilities(self, image: Tensor, inference: Inference | None = None) -> Tensor:
        """The probabilities of the classes for each pixel of one image; call it in evaluation mode.

        Args:
            image: (3, H, W), normalised, float32, on the model's device.
            inference: whole or in windows, at which scales; by default one scale, in windows where the attention takes one size alone.

        Returns:
            (classes, H, W), float32.

        Raises:
            GridMismatchError: the windows have not the size that the attention takes.
            NotAnImageError: it is no such tensor.
        """
        if not (isinstance(image, Tensor) and image.ndim == 3 and len(image) == 3 and image.is_floating_point()):
            raise NotAnImageError(f"probabilities takes one normalised tensor (3, H, W), got {described(image)}: segment takes images")
        return predict(lambda seen: self(self.as_input(seen))[0], image, self.chosen(inference or Inference()), self.resolution)

    def chosen(self, inference: Inference) -> Inference:
        """The inference with windows, where the attention takes images of one size alone and none were chosen."""
        if inference.window is None and self.fixed_size is not None:
            return replace(inference, window=self.fixed_size)
        return inference

    @torch.inference_mode()
    def segment(
        self, images: ImageLike | Iterable[ImageLike], *, inference: Inference | None = None, on_damaged: OnDamaged | None = None
    ) -> list[Segmentation]:
        """What the model sees in images.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths, arrays or tensors; see ``rga.images.inputs``.
            inference: whole or in windows, at which scales; see ``probabilities``.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which is left out; None for an
                error at the first of them.

        Returns:
            For each image its labels and their confidence, at the image's size; one image gives a list of one.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.

        Example:
            >>> from rga.segmentation.datasets.classes import numbered
            >>> two = numbered(("road", "sky"), ((128, 64, 128), (70, 130, 180))).to_dict()
            >>> model = SegmentationModel("resnet18", classes=two, image_size=(64, 64), attention="none")
            >>> model.segment([np.zeros((50, 70, 3), np.uint8)])[0].labels.shape
            (50, 70)
        """
        transform = v2.Compose(to_tensor(self.preprocessing))
        device = next(self.parameters()).device
        found = []
        with evaluating(self):
            for index, image in enumerate(as_images(images)):
                try:
                    pixels = transform(as_image(image, f"image {index}")).to(device)
                except DamagedImageError as error:
                    if on_damaged is None:
                        raise
                    on_damaged(index, error)
                    continue
                confidence, labels = self.probabilities(pixels, inference).max(0)
                found.append(Segmentation(labels.to(torch.uint8).cpu().numpy(), confidence.cpu().numpy().astype(np.float32)))
        return found
