"""The re-ID model: a backbone with attention, a head, and what it is used for, embedding images and tracklets.

The global head is the model's own: pooling, a BN neck and a classifier. Heads that look at parts (``heads``) take its place.

As in the paper's code: last stride 1, global average pooling where no other is chosen, BatchNorm1d with a frozen bias as the neck, a
linear classifier without bias that starts at a deviation of .001. Saved with the conventions of the Hugging Face hub's mixin:
``config.json`` and ``model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from rga.arrays import check_count
from rga.attachment import attach
from rga.attachment.probe import evaluating
from rga.backbones.branches import CHILD as BRANCHES
from rga.backbones.branches import add_branches, branch_maps
from rga.backbones.catalog import create_backbone
from rga.backbones.last_stride import keep_last_resolution
from rga.backbones.model import BackboneModel
from rga.backbones.non_local import add_non_local
from rga.backbones.options import check_options
from rga.backbones.pooling import Pooling, check_pools_last, create_pooling, pooled_features
from rga.errors import InputError
from rga.images.inputs import ImageLike, as_image, as_images
from rga.images.preprocessing import Preprocessing
from rga.ranking.open_set.threshold import Threshold
from rga.reid.classifier import CLASSIFIERS, Classifier
from rga.reid.heads.catalog import HeadName, head_of
from rga.reid.heads.outputs import Learnt, Outputs
from rga.reid.heads.part_head import PartHead
from rga.reid.transforms import flipped, test_transform
from rga.reid.video.clips import ClipDataset, as_tracklets, check_temporal, check_together
from rga.reid.video.frames import TestFrames
from rga.reid.video.pooling import PARTS, TemporalPooling, create_temporal_pooling, tracklet_features, tracklet_width
from rga.training.input.reading import OnDamaged, Progress, read_batches

Feature = Literal["pooled", "neck"]
GLOBAL = "global"
"""The name of the global head, and of what its losses see."""


class ReidModel(BackboneModel, tags=["person-re-identification"]):
    """A person re-identification network.

    Args:
        backbone: name of a network in timm.
        backbone_options: options of timm's ``create_model`` for it.
        classes: identities that the classifier tells apart; 0 for none.
        image_size: (height, width) of its input.
        attention: name of an attention, ``"none"`` for a plain backbone.
        attention_options: options of the attention.
        attention_after: modules to attend to; None for all stages, ``"blocks"`` for inside of all blocks.
        last_stride: 1 keeps the resolution of the last stage, 2 leaves the backbone as it is; of MGN's branches the global one alone.
        pooling: of the last map: ``"average"``, ``"gem"`` (the generalised mean, whose exponent is learned), or ``"average+max"``.
        head: ``"global"``, or one that looks at parts: ``"pcb"``, ``"rpp"``, ``"mgn"``, ``"hpm"``; see ``rga.reid.heads``.
        parts: of such a head; None for the paper's.
        non_local: add AGW's non-local blocks to a ResNet, beside the attention.
        feature: what ``embed`` returns: ``"pooled"`` before the neck, ``"neck"`` after it.
        classifier: what tells identities apart in training: ``"linear"`` scores, or the ``"cosine"`` with a direction an identity.
        frames: T, frames of a tracklet that are seen at once; 1 for a model of images. If the attention has the option ``frames`` with the
            same number, it is over time, too.
        temporal_pooling: of the features of T frames: ``"mean"``, ``"max"``, ``"attention"`` or ``"sta"``, see ``rga.reid.video.pooling``.
        sta_parts: horizontal parts of ``"sta"``.
        mean: of the pixels, by channel; None for what the backbone's pretrained weights expect.
        std: of the pixels, by channel; likewise.
        trained_on: name and fingerprint of the data that it was trained on.
        metrics: what it reached, on which data.
        threshold: the fields of a ``Threshold``, up to which distance its images are of the same person; None while it is not calibrated.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        *,
        backbone_options: Mapping[str, Any] | None = None,
        classes: int = 0,
        image_size: Sequence[int] = (256, 128),
        attention: str = "rga-sc",
        attention_options: Mapping[str, Any] | None = None,
        attention_after: Sequence[str] | None = None,
        last_stride: int = 1,
        pooling: Pooling = "average",
        head: HeadName = "global",
        parts: Sequence[int] | None = None,
        non_local: bool = False,
        feature: Feature = "neck",
        classifier: Classifier = "linear",
        frames: int = 1,
        temporal_pooling: TemporalPooling = "mean",
        sta_parts: int = PARTS,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        trained_on: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        threshold: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        height, width = image_size
        if feature not in ("pooled", "neck"):
            raise InputError(f"feature is pooled or neck, got {feature}")
        if last_stride not in (1, 2):
            raise InputError(f"last_stride is 1 or 2, got {last_stride}")
        self.set_preprocessing(backbone, height, width, mean, std)
        self.feature: Feature = feature
        self.trained_on = dict(trained_on or {})
        self.metrics = dict(metrics or {})
        self.threshold = None if threshold is None else Threshold.from_dict(threshold)
        if classifier not in CLASSIFIERS:
            raise InputError(f"classifier is linear or cosine, got {classifier}")
        size = (height, width)

        def network(stride: int) -> nn.Module:
            built = create_backbone(backbone, image_size=size, **check_options(backbone_options or {}))
            if stride == 1:
                keep_last_resolution(built, size)
            if non_local:
                add_non_local(built, size)
            if kind is None and (pooling != "average" or temporal_pooling == "sta"):
                check_pools_last(built, backbone, size)
            return attach(built, attention, image_size=size, after=attention_after, **dict(attention_options or {}))

        kind, numbers = head_of(head, parts)
        self.frames = check_count("frames", frames)
        self.together = check_together(self.frames, attention_options or {})
        check_temporal(self.frames, temporal_pooling, sta_parts)
        if kind is not None and self.frames > 1:
            raise InputError(f"head {head} looks at parts of one image, and frames is {frames}: choose head global, or frames 1")
        self.pooling = create_pooling(pooling)
        self.backbone = network(last_stride)
        self.head: PartHead | None = None
        self.temporal: nn.Module | None = None
        if kind is None:
            with evaluating(self.backbone), torch.inference_mode():
                pooled = self.backbone(torch.zeros(self.together, 3, *size)).shape[1]
            self.temporal = create_temporal_pooling(temporal_pooling, pooled, sta_parts) if self.frames > 1 else None
            if temporal_pooling == "sta" and self.temporal is not None:  # whether the last map has rows enough
                with evaluating(self.backbone), torch.inference_mode():
                    tracklet_features(self.backbone, self.pooling, self.temporal, torch.zeros(1, self.together, 3, *size))
            self.add_global_head(tracklet_width(temporal_pooling, pooled), classes, classifier)
        else:
            if self.pooling is not None:
                raise InputError(f"head {head} pools its parts itself: leave pooling {pooling} out, or choose head global")
            if branches := kind.branches(numbers):
                add_branches(self.backbone, [network(1) for _ in range(branches)])
            maps = self.probed_maps(size)
            self.head = kind(maps.shape[1], (maps.shape[2], maps.shape[3]), numbers, classes, classifier)
        self.note_structure()

    def attention_detached(self) -> None:
        """Is saved as a plain backbone, and sees the frames of a tracklet one by one."""
        super().attention_detached()
        self.together = 1

    def add_global_head(self, width_of_features: int, classes: int, classifier: Classifier) -> None:
        """Adds the BN neck and the classifier on the pooled features."""
        self.neck = nn.BatchNorm1d(width_of_features)
        self.neck.bias.requires_grad_(False)
        self.classifier = CLASSIFIERS[classifier](width_of_features, classes) if classes else None
        if self.classifier is not None:
            nn.init.normal_(self.classifier.weight, std=0.001)

    def probed_maps(self, size: tuple[int, int]) -> Tensor:
        """What a head of parts will see, of one image without content; of several branches the last one's map.

        Raises:
            InputError: the backbone returns no map.
        """
        name = type(self.backbone).__name__
        maps: object = None
        if hasattr(self.backbone, "forward_features"):
            with evaluating(self.backbone), torch.inference_mode():
                maps = self.maps(torch.zeros(1, 3, *size))[-1]
        if not (isinstance(maps, Tensor) and maps.dim() == 4 and maps.shape[1] == getattr(self.backbone, "num_features", 0)):
            raise InputError(f"parts are cut out of a map (B, C, H, W), which a {name} does not return: choose head global, or a CNN")
        return maps

    def maps(self, images: Tensor) -> list[Tensor]:
        """The last map (B, C, H, W) of each branch of the backbone, which has one where the head needs no more."""
        if hasattr(self.backbone, BRANCHES):
            return branch_maps(self.backbone, images)
        return [self.backbone.forward_features(images)]  # type: ignore[operator]

    def width(self, feature: Feature) -> int:
        """The dimensions of a feature."""
        return self.neck.num_features if self.head is None else self.head.widths[feature]

    @property
    def compared(self) -> dict[str, int]:
        """The dimensions of the features that triplets, pairs and centres compare, by their names."""
        return {GLOBAL: self.neck.num_features} if self.head is None else self.head.compared

    def forward(self, images: Tensor) -> Outputs:
        """Features and, in training, what the losses see.

        Args:
            images: (B, 3, H, W), normalised; of a model of several frames tracklets (B, T, 3, H, W), or images, which are tracklets of one
                frame.

        Returns:
            The features before the neck (B, D) and after it (B, E), and named features and logits of the training identities; None instead
            of these in evaluation mode and without a classifier.
        """
        if self.head is not None:
            found: Outputs = self.head(self.maps(images))
            return found
        if self.temporal is None:
            pooled = pooled_features(self.backbone, self.pooling, images)
        else:
            pooled = tracklet_features(self.backbone, self.pooling, self.temporal, as_tracklets(images, self.together))
        neck: Tensor = self.neck(pooled)
        learnt = Learnt({GLOBAL: pooled}, {GLOBAL: self.classifier(neck)}) if self.training and self.classifier is not None else None
        return Outputs(pooled, neck, learnt)

    @property
    def identities(self) -> int:
        """How many training identities its classifiers tell apart; 0 without them."""
        if self.head is None:
            return 0 if self.classifier is None else self.classifier.out_features
        return next((int(each.out_features) for each in self.head.classifiers.values()), 0)  # type: ignore[arg-type]

    def identity_scores(self, images: Tensor) -> Tensor:
        """The logits of the training identities (B, classes), in any mode; the mean over the parts of a head that looks at parts.

        Raises:
            InputError: it was saved without classifiers.
        """
        if not self.identities:
            raise InputError("this model was saved without its classifier of training identities: name another image")
        if self.head is not None:
            return self.head.scores(self.maps(images))
        assert self.classifier is not None
        found: Tensor = self.classifier(self(images)[1])
        return found

    def input_of(self, image: ImageLike) -> Tensor:
        """What the backbone sees of one image: (1, 3, H, W), normalised, on its device."""
        return self.as_input(test_transform(self.preprocessing)(as_image(image))[None])

    @torch.inference_mode()
    def embed(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        batch_size: int = 64,
        num_workers: int = 0,
        flip: bool = False,
        feature: Feature | None = None,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> NDArray[np.float32]:
        """Feature vectors of images of persons; compare them by cosine.

        Args:
            images: one image or many, of any sizes: PIL images of any mode, paths, arrays or tensors; see ``rga.images.inputs``.
            batch_size: images at a time.
            num_workers: processes that read images; 0 reads in this one.
            flip: average the features of each image and its mirror image.
            feature: ``"pooled"`` or ``"neck"``; the model's own choice by default.
            progress: called after each batch with the images that are done, and of how many.
            on_damaged: called with the index and the error of each file that is no image or a damaged one, which gets no row; None for an
                error at the first of them.

        Returns:
            (n, D), not normalised; one image gives one row.

        Raises:
            DamagedImageError: a file cannot be read; it is named.
            NotAnImageError: something is no image.

        Example:
            >>> from PIL import Image
            >>> model = ReidModel(backbone="resnet18", image_size=(64, 32))
            >>> model.embed([Image.new("L", (50, 120)), Image.new("RGBA", (31, 64))]).shape
            (2, 512)
        """
        both = self.embed_both(images, batch_size, num_workers, flip, progress, on_damaged)
        return np.concatenate([batch.numpy() for batch in both[feature or self.feature]])

    @torch.inference_mode()
    def embed_tracklets(
        self,
        tracklets: Iterable[Iterable[ImageLike]],
        *,
        frames: TestFrames = "spread",
        batch_size: int = 64,
        num_workers: int = 0,
        flip: bool = False,
        feature: Feature | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """Feature vectors of tracklets, each some frames of one person in their order; compare them by cosine.

        Args:
            tracklets: many, each a list of images of any sizes, as ``embed`` takes them.
            frames: which frames are seen: ``"spread"`` for T of them evenly over the tracklet, ``"all"`` for all of them in clips of T,
                whose features are averaged, ``"one"`` for the middle one. T is the model's own number, 1 for a model of images.
            batch_size: frames at a time.
            num_workers: processes that read images; 0 reads in this one.
            flip: average the features of each tracklet and its mirror image.
            feature: ``"pooled"`` or ``"neck"``; the model's own choice by default.
            progress: called after each batch with the clips that are done, and of how many.

        Returns:
            (n, D), not normalised; one row for each tracklet.

        Raises:
            InputError: a tracklet has no frame, or is an image.
            DamagedImageError: a file cannot be read; it is named.

        Example:
            >>> from PIL import Image
            >>> model = ReidModel(backbone="resnet18", image_size=(64, 32), frames=4)
            >>> model.embed_tracklets([[Image.new("RGB", (50, 120))] * 9, [Image.new("RGB", (31, 64))]]).shape
            (2, 512)
        """
        both = self.embed_both_of_tracklets(tracklets, frames, batch_size, num_workers, flip, progress)
        return np.concatenate([batch.numpy() for batch in both[feature or self.feature]])

    def embed_both(
        self,
        images: ImageLike | Iterable[ImageLike],
        batch_size: int,
        num_workers: int,
        flip: bool,
        progress: Progress | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> dict[Feature, list[Tensor]]:
        """Features before and after the neck, in batches on the CPU; see ``embed``."""
        dataset = ImageDataset(list(as_images(images)), self.preprocessing)
        return self.embed_batches(read_batches(dataset, batch_size, num_workers, progress, on_damaged), flip)

    def embed_both_of_tracklets(
        self,
        tracklets: Iterable[Iterable[ImageLike]],
        frames: TestFrames,
        batch_size: int,
        num_workers: int,
        flip: bool,
        progress: Progress | None = None,
    ) -> dict[Feature, list[Tensor]]:
        """Features before and after the neck on the CPU, (n, D) each; see ``embed_tracklets``."""
        clips = ClipDataset(tracklets, self.frames, frames, self.preprocessing)
        size = max(1, batch_size // self.frames)
        batches = read_batches(clips, size, num_workers, progress)
        found = self.embed_batches((batch if self.frames > 1 else batch.flatten(0, 1) for batch in batches), flip)
        return {name: [clips.mean(torch.cat(parts))] for name, parts in found.items()}

    def embed_batches(self, batches: Iterable[Tensor], flip: bool) -> dict[Feature, list[Tensor]]:
        """Features before and after the neck of batches of normalised images, or of clips, on the CPU."""
        features: dict[Feature, list[Tensor]] = {"pooled": [], "neck": []}
        with evaluating(self), torch.inference_mode():
            for batch in batches:
                shown = self.as_input(batch)
                both = self(shown)[:2]
                if flip:
                    both = [(a + b) / 2 for a, b in zip(both, self(flipped(shown))[:2], strict=True)]
                features["pooled"].append(both[0].float().cpu())
                features["neck"].append(both[1].float().cpu())
        if not features["pooled"]:
            return {name: [torch.zeros(0, self.width(name))] for name in features}
        return features


class ImageDataset(Dataset[Tensor]):
    """Images as normalised tensors, for embedding."""

    def __init__(self, images: Sequence[ImageLike], preprocessing: Preprocessing) -> None:
        self.images = images
        self.transform = test_transform(preprocessing)

    def __len__(self) -> int:
        """How many."""
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """One image (3, H, W)."""
        image: Tensor = self.transform(as_image(self.images[index], f"image {index}"))
        return image
