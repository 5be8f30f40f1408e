"""Tracklets as a network sees them: clips of T frames for embedding, and the checks of what it is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from rga.errors import InputError
from rga.images.inputs import ImageLike, as_image, as_images, is_array
from rga.images.preprocessing import Preprocessing
from rga.reid.transforms import test_transform
from rga.reid.video.frames import TestFrames, clips_of
from rga.reid.video.pooling import PARTS


class ClipDataset(Dataset[Tensor]):
    """The clips of tracklets as normalised tensors, for embedding.

    Args:
        tracklets: each some images in their order.
        frames: T, of a clip.
        seen: which frames of a tracklet.
        preprocessing: of each frame.

    Raises:
        InputError: a tracklet has no frame, or is an image.
    """

    def __init__(self, tracklets: Iterable[Iterable[ImageLike]], frames: int, seen: TestFrames, preprocessing: Preprocessing) -> None:
        self.tracklets = [frames_of(tracklet, index) for index, tracklet in enumerate(tracklets)]
        clips = [(index, clip) for index, each in enumerate(self.tracklets) for clip in clips_of(len(each), frames, seen)]
        self.clips = [clip for _, clip in clips]
        self.owners = torch.tensor([index for index, _ in clips], dtype=torch.long)
        self.transform = test_transform(preprocessing)

    def __len__(self) -> int:
        """How many clips."""
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        """One clip (T, 3, H, W)."""
        owner = int(self.owners[index])
        tracklet, clip = self.tracklets[owner], self.clips[index]
        once = {frame: self.transform(as_image(tracklet[frame], f"frame {frame} of tracklet {owner}")) for frame in dict.fromkeys(clip)}
        return torch.stack([once[frame] for frame in clip])

    def mean(self, features: Tensor) -> Tensor:
        """The features of clips (clips, D), averaged for each tracklet: (tracklets, D)."""
        sums = features.new_zeros(len(self.tracklets), features.shape[1]).index_add(0, self.owners, features)
        return sums / torch.bincount(self.owners, minlength=len(self.tracklets))[:, None]


def frames_of(tracklet: Iterable[ImageLike], index: int) -> list[ImageLike]:
    """The frames of a tracklet.

    Raises:
        InputError: it has none, or is a single image.
    """
    single = isinstance(tracklet, (str, os.PathLike, Image.Image)) or (is_array(tracklet) and tracklet.ndim < 4)
    if single:
        raise InputError(
            f"tracklet {index} is a single image: expected a list of tracklets, each a list of frames; for one tracklet pass [frames], for "
            "single images use embed"
        )
    frames = list(as_images(tracklet))
    if not frames:
        raise InputError(f"tracklet {index} has no frame: leave it out")
    return frames


def as_tracklets(images: Tensor, together: int) -> Tensor:
    """Tracklets (B, T, 3, H, W) for a model of tracklets; images (B, 3, H, W) are tracklets of one frame.

    Args:
        images: tracklets or images.
        together: frames that the attention takes together, 1 for any number. A tracklet of one frame has it so many times.

    Raises:
        InputError: they are of another rank, or of another number of frames than the attention takes.
    """
    if images.dim() not in (4, 5):
        raise InputError(
            f"a model of tracklets takes (batch, frames, 3, height, width) or images (batch, 3, height, width), got {tuple(images.shape)}"
        )
    tracklets = images if images.dim() == 5 else images.unsqueeze(1)
    if together == 1 or tracklets.shape[1] == together:
        return tracklets
    if tracklets.shape[1] != 1:
        raise InputError(
            f"the model has attention over {together} frames, got tracklets of {tracklets.shape[1]}: give each {together} frames"
        )
    return tracklets.expand(-1, together, -1, -1, -1)


def check_together(frames: int, attention_options: Mapping[str, Any]) -> int:
    """How many frames the attention takes together, by its options.

    Raises:
        InputError: other than the model's.
    """
    together = int(attention_options.get("frames", 1))
    if together not in (1, frames):
        raise InputError(f"the attention is over {together} frames, and the model has {frames}: give both the same number")
    return together


def check_temporal(frames: int, temporal_pooling: str, parts: int) -> None:
    """Raises an InputError for options of several frames where there is one."""
    if frames == 1 and temporal_pooling != "mean":
        raise InputError(
            f"temporal_pooling {temporal_pooling!r} joins several frames, and the model has one: raise frames, or leave it out"
        )
    if parts != PARTS and temporal_pooling != "sta":
        raise InputError(f"sta_parts={parts} belongs to temporal_pooling 'sta', and temporal_pooling is {temporal_pooling!r}: leave it out")
