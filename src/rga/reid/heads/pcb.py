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

from rga.errors import InputError
from rga.reid.heads.part_head import PartHead
from rga.reid.heads.stripes import cut, mean


class PCB(PartHead):
    """Six stripes, each with its mean, and classifiers of their own; see ``PartHead``, whose parts are one number here.

    Example:
        >>> import torch
        >>> head = PCB(64, (12, 4), (6,), classes=5).eval()
        >>> head([torch.rand(2, 64, 12, 4)]).neck.shape
        torch.Size([2, 1536])
    """

    PARTS = (6,)
    SHARED = True

    @classmethod
    def names_for(cls, parts: Sequence[int]) -> list[str]:
        """The names of the stripes.

        Raises:
            InputError: there are several numbers of them.
        """
        if len(parts) != 1:
            raise InputError(f"the parts of heads pcb and rpp are one number, got {' '.join(map(str, parts))}")
        return super().names_for(parts)

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The mean of each stripe."""
        return dict(zip(self.names, map(mean, cut(maps[0], self.parts[0])), strict=True))

    def joined(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """The vectors of all stripes one after the other, each with length 1."""
        return super().joined({name: F.normalize(vector).to(vector.dtype) for name, vector in vectors.items()})
