"""The detection model: Mask R-CNN (He et al., ICCV 2017) with a feature pyramid on a backbone with attention, and its use on images.

Proposals, heads and losses are torchvision's. Saved with the conventions of the Hugging Face hub's mixin: ``config.json`` and
``model.safetensors``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.detection.image_list import ImageList

from rga.attachment import attach
from rga.attachment.attach import attention_stages
from rga.attachment.probe import evaluating, weight_of
from rga.attention.catalog import OF_A_GRID
from rga.attention.grid import GridAttention
from rga.backbones.model import BackboneModel
from rga.detection.datasets.categories import Categories
from rga.detection.found import Detections
from rga.detection.network.heads import create_heads, create_pyramid
from rga.detection.network.pasting import paste_masks
from rga.detection.network.sizes import Size, inside, to_multiple, within
from rga.detection.network.stages import check_attention_is_called, detection_backbone, stage_maps
from rga.errors import InputError
from rga.images.images import DamagedImageError
from rga.images.inputs import ImageLike, as_image, as_images
from rga.images.tensors import normalise
from rga.training.input.reading import OnDamaged

TASK = "detection"

MOST_POSITIONS = 128 * 128
"""Positions of a grid up to which attention may be exact: RGA-S then has 34 million weights for it."""

SURE = 0.5
"""The score from which on an object is told by default."""


class DetectionModel(BackboneModel, tags=["object-detection"]):
    """Mask R-CNN.

    Args:
        backbone: name of a CNN in timm with maps at strides 4, 8, 16 and 32.
        classes: the categories, as ``Categories.to_dict`` has them.
        backbone_options: options of timm's ``create_model`` for the backbone.
        image_size: most pixels of the shorter and of the longer side that images are resized to; with ``fit="exact"`` the (height, width)
            that all are fitted into and padded to.
        anchor_sizes: of the anchors on the pyramid's five maps, in pixels of the resized image.
        pyramid_channels: of the pyramid and of the mask head.
        head_width: of the box head.
        rois_per_image: regions of an image that the heads are trained on.
        attention: name of an attention, ``"none"`` for a plain backbone.
        attention_options: options of the attention. ``fit="pool"`` and ``"spectral"`` take images of any size.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        largest_grid: (height, width) that no attention's grid exceeds, see ``rga.attach``.
        mean: of the pixels, by channel; None for what the backbone's pretrained weights expect.
        std: of the pixels, by channel; likewise.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        task: what ``rga.load`` knows the model by.

    Raises:
        InputError: the backbone or the attention is unknown, the backbone has no such maps, the attention would not be called on them, or
            it would be exact on grids that are too large for that.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        *,
        classes: Mapping[str, Any],
        backbone_options: Mapping[str, Any] | None = None,
        image_size: Sequence[int] = (800, 1333),
        anchor_sizes: Sequence[int] = (32, 64, 128, 256, 512),
        pyramid_channels: int = 256,
        head_width: int = 1024,
        rois_per_image: int = 512,
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        largest_grid: Sequence[int] | None = None,
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
        self.classes = Categories.from_dict(classes)
        self.set_preprocessing(backbone, height, width, mean, std)
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        options = dict(attention_options or {})
        self.backbone, self.indices, channels = detection_backbone(backbone, backbone_options or {})
        shown = self.backbone_size
        exact = attention in OF_A_GRID and options.get("fit", "exact") == "exact"
        if exact and largest_grid is None:
            check_grids(self, attention_after)
        grid = None if largest_grid is None else (int(largest_grid[0]), int(largest_grid[1]))
        attach(self.backbone, attention, image_size=shown, after=attention_after, largest_grid=grid, **options)
        check_attention_is_called(self.backbone, self.indices, backbone, shown)
        self.pyramid = create_pyramid(channels, pyramid_channels)
        self.rpn, self.roi_heads = create_heads(
            len(self.classes), width=pyramid_channels, head_width=head_width, anchor_sizes=anchor_sizes, rois=rois_per_image
        )
        self.note_structure()

    def forward(
        self, images: Tensor, sizes: Sequence[Size] | None = None, targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Normalised images (B, 3, H, W), sides multiples of 32 -> losses in training mode, otherwise what is found.

        Args:
            images: padded at the bottom and at the right with zeros, see ``batched``.
            sizes: (height, width) of each without its padding; by default all of it.
            targets: of each image ``boxes`` (N, 4), ``labels`` (N,) from 1 and ``masks`` (N, h, w); needed in training mode. N may be 0.

        Returns:
            In training mode torchvision's losses by name; otherwise for each image ``boxes``, ``labels`` from 1, ``scores`` and ``masks``
            (N, 1, 28, 28), the probabilities of the pixels within each box.

        Raises:
            InputError: there are no targets in training mode.
        """
        if self.training and targets is None:
            raise InputError("a detector in training mode needs targets: pass them, or call eval() first")
        sizes = [(images.shape[2], images.shape[3])] * len(images) if sizes is None else list(sizes)
        maps = stage_maps(self.backbone, self.indices, images)
        pyramid = self.pyramid(OrderedDict((str(level), each) for level, each in enumerate(maps)))
        weight = weight_of(self.rpn)
        assert weight is not None
        with torch.autocast(images.device.type, enabled=False):  # coordinates need more digits than half precision has
            levels = OrderedDict((name, each.to(weight.dtype)) for name, each in pyramid.items())
            given = None if targets is None else [dict(target) for target in targets]
            proposals, losses = self.rpn(ImageList(images, list(sizes)), levels, given)
            found: list[dict[str, Tensor]]
            found, more = self.roi_heads(levels, proposals, list(sizes), given)
        return {**more, **losses} if self.training else found

    @property
    def backbone_size(self) -> Size:
        """(height, width) of the images that the backbone was built for: padded to a multiple of its coarsest stride."""
        return to_multiple(self.preprocessing.size)

    @property
    def fixed_size(self) -> Size | None:
        """The (height, width) that images are fitted into and padded to, where the attention takes one size alone; None if it takes any."""
        exact = any(isinstance(module, GridAttention) and module.fit == "exact" for module in self.backbone.modules())
        return self.preprocessing.size if exact else None

    def shown_size(self, size: Size, scale: float = 1.0) -> Size:
        """The (height, width) to which an image is resized; at a scale of more or less than 1 in training."""
        if self.fixed_size is not None:
            return inside(size, self.fixed_size, scale)
        return within(size, self.preprocessing.size, scale)

    def batched(self, images: Sequence[Tensor]) -> tuple[Tensor, list[Size]]:
        """Resized images in bytes (3, h, w) -> normalised and padded (B, 3, H, W) on the model's device, and their sizes.

        They are padded with zeros at the bottom and at the right: to the largest of them, or to the one size that the attention takes.
        """
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        largest = (max(height for height, _ in sizes), max(width for _, width in sizes))
        height, width = self.backbone_size if self.fixed_size is not None else to_multiple(largest)
        weight = weight_of(self.backbone)
        assert weight is not None
        shown = []
        for image in images:
            pixels = normalise(self.preprocessing, image.to(weight.device, non_blocking=True).permute(1, 2, 0)[None])
            shown.append(F.pad(pixels, (0, width - image.shape[2], 0, height - image.shape[1])))
        return self.as_input(torch.cat(shown)), sizes

    def resized(self, image: Image.Image) -> Tensor:
        """An image of any size -> resized, in bytes (3, h, w)."""
        height, width = self.shown_size((image.height, image.width))
        pixels = np.array(image.resize((width, height), Image.Resampling.BILINEAR))
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def input_of(self, image: ImageLike) -> Tensor:
        """What the backbone sees of one image: (1, 3, H, W), normalised and padded, on its device."""
        return self.batched([self.resized(as_image(image))])[0]

    def found_in(self, image: Image.Image) -> Detections:
        """What is found in one RGB image, however sure; call it in evaluation mode.

        Each image is looked at by itself: attention sees all of its input, and what it sees does not depend on other images' sizes.
        """
        shown, sizes = self.batched([self.resized(image)])
        found: Any = self(shown, sizes)
        boxes: Tensor = found[0]["boxes"].float()
        scale = (sizes[0][0] / image.height, sizes[0][1] / image.width)
        boxes = boxes / boxes.new_tensor([scale[1], scale[0]] * 2)
        masks = paste_masks(found[0]["masks"].float(), boxes, (image.height, image.width), scale)
        return Detections(
            boxes.cpu().numpy().astype(np.float32),
            found[0]["labels"].cpu().numpy() - 1,
            found[0]["scores"].float().cpu().numpy(),
            masks.cpu().numpy(),
        )

    @torch.inference_mode()
    def detect(
        self, images: ImageLike | Iterable[ImageLike], *, min_score: float = SURE, on_damaged: OnDamaged | None = None
    ) -> list[Detections]:
        """The objects that the model finds in images.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths, arrays or tensors; see ``rga.images.inputs``.
            min_score: objects with a lower score are left out; the model itself has none below 0.05.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which is left out; None for an
                error at the first of them.

        Returns:
            For each image its objects, the surest first; one image gives a list of one.

        Raises:
            InputError: the score is out of [0, 1].
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.

        Example:
            >>> classes = Categories(("car", "person"), (1, 7)).to_dict()
            >>> small = {"pyramid_channels": 16, "head_width": 16, "attention": "none"}
            >>> model = DetectionModel("test_resnet", classes=classes, image_size=(64, 96), **small)
            >>> len(model.detect([np.zeros((50, 70, 3), np.uint8)], min_score=0.99)[0])
            0
        """
        if not 0 <= min_score <= 1:
            raise InputError(f"min_score lies between 0 and 1, got {min_score}")
        answers = []
        with evaluating(self):
            for index, image in enumerate(as_images(images)):
                try:
                    shown = as_image(image, f"image {index}")
                except DamagedImageError as error:
                    if on_damaged is None:
                        raise
                    on_damaged(index, error)
                    continue
                answers.append(self.found_in(shown).above(min_score))
        return answers


def check_grids(model: DetectionModel, after: Sequence[str] | None) -> None:
    """Refuses exact attention on grids that are too large for a weight at each position.

    Raises:
        InputError: one is.
    """
    for stage in attention_stages(model.backbone, model.backbone_size, after):
        height, width = stage.grid
        if height * width > MOST_POSITIONS:
            raise InputError(
                f"attention of fit exact has weights for each position, and the map of {stage.name} has {height}x{width} for images of "
                f"{model.backbone_size[0]}x{model.backbone_size[1]}: choose fit pool or spectral, smaller images, or later stages (after)"
            )
