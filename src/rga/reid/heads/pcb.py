"""PCB: Sun, Zheng, Yang, Tian, Wang, "Beyond Part Models: Person Retrieval with Refined Part Pooling" (ECCV 2018, arXiv 1711.09349).

The last map is cut into six stripes, the mean of each is reduced to 256 dimensions, and each has a classifier of its own. The feature is
that of all stripes one after the other, before the reduction (the paper's G, ``pooled``) or after it (H, ``neck``). As in the authors' code
the reduction is shared by the stripes, and in the feature each stripe has length 1. Their code drops half of G in training, of which the
paper says nothing; here nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional as F

from rga.attention.grid import Grid
from rga.reid.classifier import Classifier
from rga.reid.heads.part_head import PartHead, check_heights, one_number
from rga.reid.heads.stripes import cut, mean, names_of


class PCB(PartHead):
    """Six stripes, each with its mean, and classifiers of their own.

    Args:
        channels: of the map.
        grid: (height, width) of the map.
        parts: how many stripes, one number.
        classes: identities that the classifiers tell apart; 0 for none.
        classifier: ``"linear"`` or ``"cosine"``.

    Raises:
        InputError: there are several numbers, or the map has fewer rows.

    Example:
        >>> import torch
        >>> head = PCB(64, (12, 4), (6,), classes=5).eval()
        >>> head([torch.rand(2, 64, 12, 4)]).neck.shape
        torch.Size([2, 1536])
    """

    PARTS = (6,)

    def __init__(self, channels: int, grid: Grid, parts: Sequence[int], classes: int, classifier: Classifier = "linear") -> None:
        self.stripes = one_number(parts, "pcb")
        check_heights(parts, grid)
        super().__init__(channels, names_of(self.stripes), classes, classifier, shared=True)

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The mean of each stripe."""
        return dict(zip(self.names, map(mean, cut(maps[0], self.stripes)), strict=True))

    def joined(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """The vectors of all stripes one after the other, each with length 1."""
        return super().joined({name: F.normalize(vector).to(vector.dtype) for name, vector in vectors.items()})
