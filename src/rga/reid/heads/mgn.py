"""MGN: Wang, Yuan, Chen, Li, Zhou, "Learning Discriminative Features with Multiple Granularities for Person Re-Identification".

ACM Multimedia 2018, arXiv 1804.01438. Behind the first block of its third stage the ResNet is there three times: a global branch, and
branches whose maps are cut into two and three stripes. Each branch has the maximum over its whole map, the last two those of their stripes,
eight vectors in all, reduced to 256 dimensions each. Identities are told by the whole maps' vectors before the reduction and by the
stripes' after it; triplets are of the whole maps' reduced vectors. As in the paper the classifiers have no bias.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rga.reid.heads.part_head import PartHead
from rga.reid.heads.stripes import cut, maximum, names_of


class MGN(PartHead):
    """Three branches, of which two are cut into stripes; see ``PartHead``, whose parts are those of these two here.

    Example:
        >>> import torch
        >>> head = MGN(64, (12, 4), (2, 3), classes=5).eval()
        >>> head([torch.rand(2, 64, 12, 4) for _ in range(3)]).neck.shape
        torch.Size([2, 2048])
        >>> head.names
        ('whole', 'whole_of_2', '1_of_2', '2_of_2', 'whole_of_3', '1_of_3', '2_of_3', '3_of_3')
    """

    PARTS = (2, 3)

    @classmethod
    def names_for(cls, parts: Sequence[int]) -> list[str]:
        """The whole map of each branch, and its stripes."""
        return ["whole", *(name for count in parts for name in (f"whole_of_{count}", *names_of(count)))]

    @classmethod
    def whole_for(cls, parts: Sequence[int]) -> list[str]:
        """The whole maps."""
        return ["whole", *(f"whole_of_{count}" for count in parts)]

    def pool(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """The maximum over each whole map and over each stripe."""
        first, *others = maps
        regions = [first, *(region for own, count in zip(others, self.parts, strict=True) for region in (own, *cut(own, count)))]
        return dict(zip(self.names, map(maximum, regions), strict=True))
